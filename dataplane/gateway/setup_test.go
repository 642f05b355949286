package gateway

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/limit"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/internal/token"
)

// sample is a project without a database, and all that opens it.
type sample struct {
	snapshot                     *directoryv1.Snapshot
	project                      *directory.Project
	signing                      token.Key
	legacy                       []byte
	publishable, secret, expired string
	anon, service                string
	user, userID                 string
	developer                    string
}

func newSample(t testing.TB, change func(*directoryv1.Snapshot)) *sample {
	t.Helper()
	signing, err := token.NewKey(uuid.NewString())
	require.NoError(t, err)
	private, err := signing.MarshalPrivate()
	require.NoError(t, err)
	s := &sample{
		signing: signing, legacy: []byte(id.NewSecret("")), userID: uuid.NewString(),
		publishable: id.NewSecret(id.PrefixPublishable), secret: id.NewSecret(id.PrefixSecret), expired: id.NewSecret(id.PrefixSecret),
	}
	key := func(value, role string) *directoryv1.Key {
		return &directoryv1.Key{Id: uuid.NewString(), Hash: id.Hash(value), Role: role}
	}
	old := key(s.expired, roleService)
	old.ExpireTime = timestamppb.New(time.Now().Add(-time.Second))
	s.snapshot = &directoryv1.Snapshot{
		ProjectId: uuid.NewString(), Ref: id.NewRef(), Revision: 1, Status: directory.Active,
		Placement: &directoryv1.Placement{}, Limits: &directoryv1.Limits{},
		Keys:            []*directoryv1.Key{key(s.publishable, roleAnon), key(s.secret, roleService), old},
		SigningKeys:     []*directoryv1.SigningKey{{Kid: signing.ID, Algorithm: "ES256", PrivateKey: private, Active: true}},
		LegacyJwtSecret: s.legacy,
	}
	if change != nil {
		change(s.snapshot)
	}
	s.project, err = directory.FromSnapshot(s.snapshot)
	require.NoError(t, err)
	s.anon, s.service = s.sealed(t, roleAnon), s.sealed(t, roleService)
	s.user = s.sign(t, map[string]any{"sub": s.userID, "role": roleAuthenticated, "session_id": "s", "aud": "authenticated"})
	s.developer = s.sign(t, map[string]any{"sub": s.userID, "role": roleDeveloper, "aud": audMeta})
	return s
}

func (s *sample) sealed(t testing.TB, role string) string {
	return s.signLegacy(t, map[string]any{"iss": "fluxbase", "ref": s.project.Ref, "role": role})
}

func (s *sample) signLegacy(t testing.TB, claims map[string]any) string {
	t.Helper()
	out, err := token.SignLegacy(s.legacy, claims)
	require.NoError(t, err)
	return out
}

// sign signs with the project's own key; tokens last for an hour unless the claims say otherwise.
func (s *sample) sign(t testing.TB, claims map[string]any) string {
	t.Helper()
	if _, ok := claims["exp"]; !ok {
		claims["exp"] = time.Now().Add(time.Hour).Unix()
	}
	out, err := s.signing.Sign(claims)
	require.NoError(t, err)
	return out
}

// known finds samples, as the directory would.
type known struct{ list []*sample }

func (k *known) ByRef(_ context.Context, ref string) (*directory.Project, error) {
	for _, s := range k.list {
		if s.project.Ref == ref {
			return s.project, nil
		}
	}
	return nil, directory.ErrNotFound
}

// Holds knows what is listed.
func (k *known) Holds(ref, host string) bool {
	_, byRef := k.ByRef(context.Background(), ref)
	_, byHost := k.ByHost(context.Background(), host)
	return byRef == nil || byHost == nil
}

func (k *known) WithKey(_ context.Context, p *directory.Project, _ [32]byte) *directory.Project {
	return p
}

func (k *known) ByHost(_ context.Context, host string) (*directory.Project, error) {
	switch host {
	case "down.example.com":
		return nil, directory.ErrUnavailable
	case "stale.example.com":
		return nil, directory.ErrStale
	}
	for _, s := range k.list {
		for _, h := range s.project.Hosts {
			if h == host {
				return s.project, nil
			}
		}
	}
	return nil, directory.ErrNotFound
}

type tally struct {
	mu       sync.Mutex
	requests map[string]int
	egress   map[string]int64
	errors   map[string]int
	refused  map[string]int
	keys     map[string]int
}

func (u *tally) Request(project, service string, egress int64, status int, _ time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.requests[project+"/"+service]++
	u.egress[project+"/"+service] += egress
	if status >= 500 {
		u.errors[project+"/"+service]++
	}
}

func (u *tally) Refused(project, service string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refused[project+"/"+service]++
}

func (u *tally) Egress(project, service string, bytes int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.egress[project+"/"+service] += bytes
}

func (u *tally) KeyUsed(_, key string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.keys[key]++
}

// seen is what the echo service tells of a request.
type seen struct {
	Ref, Role, Subject, Developer, Service, Path, Query, Prefix, Remote, RequestID, Forwarded string
	Claims                                                                                    json.RawMessage
}

func echo(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/panic":
			panic("a defect")
		case "/panic-late":
			_, _ = io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
			panic("a late defect")
		case "/page":
			_, _ = io.WriteString(w, "<!doctype html><script>alert(1)</script>")
			return
		case "/set":
			for name, values := range r.URL.Query() {
				w.Header()[http.CanonicalHeaderKey(name)] = values
			}
			w.Header().Set("X-Cookie", r.Header.Get("Cookie"))
			_, _ = io.WriteString(w, `"<script>alert(1)</script>"`)
			return
		case "/broken":
			w.WriteHeader(http.StatusBadGateway)
			return
		case "/body":
			n, err := io.Copy(io.Discard, r.Body)
			if err != nil {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				return
			}
			_ = json.NewEncoder(w).Encode(n)
			return
		case "/slow":
			<-r.Context().Done()
			_, _ = io.WriteString(w, context.Cause(r.Context()).Error())
			return
		}
		s := projectdb.FromContext(r.Context())
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(seen{
			Ref: s.Project.Ref, Role: s.Caller.Role, Subject: s.Caller.Subject, Developer: s.Caller.Developer, Claims: s.Caller.Claims,
			Service: name, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Prefix: r.Header.Get("X-Forwarded-Prefix"), Remote: r.RemoteAddr,
			RequestID: r.Header.Get("X-Request-Id"), Forwarded: r.Header.Get("X-Forwarded-For"),
		})
	})
}

type bundle struct {
	gateway *Gateway
	server  *httptest.Server
	usage   *tally
}

func setup(t *testing.T, change func(*Deps), samples ...*sample) *bundle {
	t.Helper()
	client, prefix := testkit.Redis(t)
	b := &bundle{usage: &tally{requests: map[string]int{}, egress: map[string]int64{}, errors: map[string]int{}, refused: map[string]int{}, keys: map[string]int{}}}
	door := projectdb.New(projectdb.Deps{Log: testkit.Logger(t)})
	t.Cleanup(func() { require.NoError(t, door.Close(context.Background())) })
	d := Deps{
		Projects: &known{samples}, Limits: limit.New(limit.Deps{Redis: client, Prefix: prefix, Log: testkit.Logger(t)}),
		Usage: b.usage, Binder: door, Domain: "example.test", WorkerURL: "http://worker.example.test:8000", Log: testkit.Logger(t),
		Services: []Service{
			{Name: "rest", Prefix: "/rest/v1", Handler: echo("rest")},
			{Name: "auth", Prefix: "/auth/v1", Handler: echo("auth")},
			{Name: "storage", Prefix: "/storage/v1", Access: BearerAccess, Handler: echo("storage")},
			{Name: "meta", Prefix: "/meta/v1", Access: DeveloperAccess, Handler: echo("meta")},
		},
	}
	if change != nil {
		change(&d)
	}
	var err error
	b.gateway, err = New(d)
	require.NoError(t, err)
	b.server = httptest.NewServer(b.gateway)
	t.Cleanup(b.server.Close)
	return b
}

// request is one HTTP request over the wire.
type request struct {
	method, host, path string
	header             map[string]string
	body               io.Reader
}

type response struct {
	status int
	header http.Header
	body   string
}

func (b *bundle) do(t *testing.T, q request) response {
	t.Helper()
	if q.method == "" {
		q.method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(t.Context(), q.method, b.server.URL+q.path, q.body)
	require.NoError(t, err)
	if q.host != "" {
		r.Host = q.host
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	res, err := b.server.Client().Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(res.Body)
	return response{res.StatusCode, res.Header, string(body)}
}

func (r response) seen(t *testing.T) seen {
	t.Helper()
	require.Equal(t, 200, r.status, r.body)
	var out seen
	require.NoError(t, json.NewDecoder(strings.NewReader(r.body)).Decode(&out))
	return out
}

func (r response) code(t *testing.T) string {
	t.Helper()
	var out struct{ Code string }
	require.NoError(t, json.Unmarshal([]byte(r.body), &out), r.body)
	return out.Code
}

// freely limits nothing.
type freely struct{}

func (freely) Project(context.Context, string, limit.Rate) limit.Answer {
	return limit.Answer{Allowed: true}
}
func (freely) Key(context.Context, string, string, limit.Rate) limit.Answer {
	return limit.Answer{Allowed: true}
}
func (freely) Address(context.Context, string, netip.Addr, limit.Rate) limit.Answer {
	return limit.Answer{Allowed: true}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
