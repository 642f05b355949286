package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

// request is one request to a worker, sent as it stands: no client library tidies its path or its headers up. The texts may
// hold what scene.fill replaces.
type request struct {
	method, host, path string
	key, bearer        string
	headers            []string
	body               string
	// kind is the body's Content-Type; "" is JSON.
	kind string
}

type answer struct {
	status int
	header http.Header
	body   string
}

// code is the error's code in any of the dialects.
func (a answer) code() string {
	var dialect struct {
		Code      any    `json:"code"`
		ErrorCode string `json:"error_code"`
	}
	_ = json.Unmarshal([]byte(a.body), &dialect)
	if dialect.ErrorCode != "" {
		return dialect.ErrorCode
	}
	text, _ := dialect.Code.(string)
	return text
}

func (s *scene) send(t *testing.T, r request) answer {
	t.Helper()
	if r.method == "" {
		r.method = http.MethodGet
	}
	if r.host == "" {
		r.host = s.hostOf(s.attacker)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", r.method, r.path, r.host)
	if r.key != "" {
		fmt.Fprintf(&text, "apikey: %s\r\n", r.key)
	}
	if r.bearer != "" {
		fmt.Fprintf(&text, "Authorization: Bearer %s\r\n", r.bearer)
	}
	for _, header := range r.headers {
		text.WriteString(header + "\r\n")
	}
	body := s.fill(r.body)
	if body != "" {
		if r.kind == "" {
			r.kind = "application/json"
		}
		fmt.Fprintf(&text, "Content-Type: %s\r\nContent-Length: %d\r\n", r.kind, len(body))
	}
	text.WriteString("\r\n")
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.in.workers[0].url, "http://"), 5*time.Second)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(conn, s.fill(text.String())+body)
	require.NoError(t, err)
	got, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.method})
	require.NoError(t, err)
	defer func() { _ = got.Body.Close() }()
	raw, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	return answer{status: got.StatusCode, header: got.Header, body: string(raw)}
}

// hostOf is what a client sends as Host to reach a project.
func (s *scene) hostOf(p *project) string {
	u, err := url.Parse(p.url)
	if err != nil {
		return ""
	}
	return u.Host
}

// turnedAway sends a request that must be refused with one of the statuses, without a word of the victim's data.
func (s *scene) turnedAway(t *testing.T, r request, statuses ...int) string {
	t.Helper()
	got := s.send(t, r)
	require.NotContains(t, got.body, s.mark)
	require.Contains(t, statuses, got.status, "%s %s\n%s", r.method, s.fill(r.path), got.body)
	return strings.TrimSpace(fmt.Sprintf("%d %s", got.status, got.code()))
}

// byRequest is an attack by one request.
func byRequest(name string, build func(s *scene) request, statuses ...int) attack {
	return attack{name, func(t *testing.T, s *scene) string { return s.turnedAway(t, build(s), statuses...) }}
}

// readVault asks the victim's host for its rows.
func readVault(s *scene) request {
	return request{host: s.hostOf(s.victim), path: "/rest/v1/vault?select=secret"}
}

type tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

// signInAttacker makes a user of the attacker's project.
func (s *scene) signInAttacker(t *testing.T) tokens {
	t.Helper()
	got := s.send(t, request{method: http.MethodPost, path: "/auth/v1/signup", key: s.attacker.publishable,
		body: `{"email":"mallory@example.com","password":"` + password + `"}`})
	require.Equal(t, http.StatusOK, got.status, got.body)
	var session tokens
	require.NoError(t, json.Unmarshal([]byte(got.body), &session))
	return session
}

func (a *account) developerToken(t *testing.T, ref string) string {
	t.Helper()
	made, err := a.projects.CreateDeveloperToken(t.Context(), &controlplanev1.CreateDeveloperTokenRequest{Ref: ref})
	require.NoError(t, err)
	return made.GetToken()
}
