package controlplane

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func (b *bundle) request(method, path, body string, header map[string]string) (*http.Response, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(body))
	require.NoError(b.t, err)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := browser.Do(req)
	require.NoError(b.t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	require.NoError(b.t, res.Body.Close())
	return res, string(text)
}

const getAccount = "/fluxbase.controlplane.v1.AccountService/GetAccount"

func TestConsoleLearnsWhereItIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	res, _ := b.request("GET", "/config.json", "", nil)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.Equal(t, "1", res.Header.Get("Retry-After"))
	res, _ = b.request("GET", "/readyz", "", nil)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	res, _ = b.request("GET", "/healthz", "", nil)
	require.Equal(t, http.StatusOK, res.StatusCode)

	b.provisioned("platform")
	close(b.server.started)
	res, body := b.request("GET", "/config.json", "", nil)
	require.Equal(t, http.StatusOK, res.StatusCode)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	require.Regexp(t, "^fbk_pub_", got["platform_key"])
	delete(got, "platform_key")
	require.Equal(t, map[string]any{
		"platform_url": "https://api.fluxbase.test/p/platform", "domain": "fluxbase.test",
		"project_url_pattern": "https://{ref}.fluxbase.test", "dev": false, "version": "test",
	}, got)
	res, _ = b.request("GET", "/readyz", "", nil)
	require.Equal(t, http.StatusOK, res.StatusCode)
	res, body = b.request("GET", "/projects/abc", "", nil)
	require.Equal(t, "console", body)
	require.Contains(t, res.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	require.NotEmpty(t, res.Header.Get("Strict-Transport-Security"))
}

func TestPlainHTTPAroundTheAPI(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.signIn("ada@example.com")
	asJSON := map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + ada.bearer, "X-Request-Id": "from-the-client-1"}
	res, body := b.request("POST", getAccount, "{}", asJSON)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, body, "ada@example.com")
	require.Equal(t, "from-the-client-1", res.Header.Get("X-Request-Id"))
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	res, _ = b.request("POST", getAccount, "{}", map[string]string{"Content-Type": "application/json", "X-Request-Id": "bad id\x01"[:6]})
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
	require.Len(t, res.Header.Get("X-Request-Id"), 36, "an id that is no id is made anew")

	res, _ = b.request("POST", getAccount, "{", asJSON)
	require.Equal(t, http.StatusBadRequest, res.StatusCode)
	res, _ = b.request("POST", "/fluxbase.controlplane.v1.AccountService/Nothing", "{}", asJSON)
	require.Equal(t, http.StatusNotFound, res.StatusCode)
	long := `{"name":"` + strings.Repeat("x", 1<<20) + `"}`
	_, body = b.request("POST", "/fluxbase.controlplane.v1.OrganizationService/CreateOrganization", long, asJSON)
	require.Contains(t, body, "resource_exhausted")

	for origin, allowed := range map[string]string{
		"https://console.fluxbase.test": "https://console.fluxbase.test", "https://evil.test": "", "null": "",
		"https://abcdefghijabcdefghij.fluxbase.test": "", "http://console.fluxbase.test": "",
	} {
		res, _ = b.request("OPTIONS", getAccount, "", map[string]string{"Origin": origin, "Access-Control-Request-Method": "POST"})
		require.Equal(t, allowed, res.Header.Get("Access-Control-Allow-Origin"), origin)
		require.Equal(t, allowed != "", res.Header.Get("Access-Control-Allow-Headers") != "", origin)
		res, _ = b.request("POST", getAccount, "{}", map[string]string{"Origin": origin, "Content-Type": "application/json"})
		require.Equal(t, allowed, res.Header.Get("Access-Control-Allow-Origin"), origin)
		require.Empty(t, res.Header.Get("Access-Control-Allow-Credentials"))
	}
	metrics, err := b.server.deps.Metrics.Gather()
	require.NoError(t, err)
	names := map[string]bool{}
	for _, m := range metrics {
		names[m.GetName()] = true
	}
	require.True(t, names["fluxbase_controlplane_requests_total"])
}

func TestInboxIsOfDevelopmentOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	server, err := New(t.Context(), b.server.cfg, Deps{
		Log: testkit.Logger(t), Metrics: prometheus.NewRegistry(), Mail: b.inbox, Console: http.NotFoundHandler(),
	})
	require.NoError(t, err)
	t.Cleanup(server.pool.Close)
	require.NotContains(t, strings.Join(rpcPaths(t, server), " "), "InboxService")
	require.Contains(t, strings.Join(rpcPaths(t, b.server), " "), "InboxService")
}

// rpcPaths tells which services of the API answer.
func rpcPaths(t *testing.T, s *Server) []string {
	t.Helper()
	var out []string
	for _, service := range []string{"AccountService", "InboxService"} {
		path := "/fluxbase.controlplane.v1." + service + "/X"
		if pattern := s.handler.(*chi.Mux).Find(chi.NewRouteContext(), http.MethodPost, path); pattern != "" {
			out = append(out, pattern)
		}
	}
	return out
}

func TestPlansAreListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.signIn("ada@example.com")
	first, err := ada.plans.ListPlans(t.Context(), &v1.ListPlansRequest{PageSize: 2})
	require.NoError(t, err)
	require.Equal(t, "free", first.GetPlans()[0].GetName())
	rest, err := ada.plans.ListPlans(t.Context(), &v1.ListPlansRequest{PageSize: 2, PageToken: first.GetNextPageToken()})
	require.NoError(t, err)
	require.Len(t, rest.GetPlans(), 1)
	require.Empty(t, rest.GetNextPageToken())
	_, err = b.speak("").plans.ListPlans(t.Context(), &v1.ListPlansRequest{})
	refused(t, err, connect.CodeUnauthenticated, "TOKEN_MISSING")
}

func TestEachRequestLeavesOneLine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var lines lineBuffer
	b.server.deps.Log, b.server.deps.Metrics = slog.New(slog.NewJSONHandler(&lines, nil)), prometheus.NewRegistry()
	require.NoError(t, b.server.mount())
	web := httptest.NewServer(b.server.Handler())
	t.Cleanup(web.Close)
	b.url = web.URL
	ada := b.organization("acme")
	ref := b.project(ada, "acme").GetRef()
	eve := b.signIn("eve@example.com")
	lines.take()

	made, err := ada.keys.CreateKey(t.Context(), &v1.CreateKeyRequest{Ref: ref, Name: "ci", Type: v1.KeyType_KEY_TYPE_SECRET})
	require.NoError(t, err)
	_, err = eve.projects.GetProject(t.Context(), &v1.GetProjectRequest{Ref: ref})
	refused(t, err, connect.CodeNotFound, "PROJECT_NOT_FOUND")
	_, err = b.speak("").accounts.GetAccount(t.Context(), &v1.GetAccountRequest{})
	refused(t, err, connect.CodeUnauthenticated, "TOKEN_MISSING")

	text := lines.take()
	require.NotContains(t, text, made.GetValue())
	require.NotContains(t, text, ada.bearer)
	var got []map[string]any
	for line := range strings.Lines(text) {
		var one map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &one))
		require.NotEmpty(t, one["request_id"])
		require.Equal(t, "127.0.0.1", one["ip"])
		for _, changing := range []string{"time", "request_id", "ip", "ms", "level", "msg"} {
			delete(one, changing)
		}
		got = append(got, one)
	}
	const api = "/fluxbase.controlplane.v1."
	require.Equal(t, []map[string]any{
		{"procedure": api + "KeyService/CreateKey", "code": "ok", "account": ada.id.String(), "organization": "acme", "project": ref},
		{"procedure": api + "ProjectService/GetProject", "code": "not_found", "account": eve.id.String()},
		{"procedure": api + "AccountService/GetAccount", "code": "unauthenticated"},
	}, got)
}

// lineBuffer keeps a log's lines.
type lineBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lineBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// take returns what was written since the last call.
func (b *lineBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}
