package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/id"
)

func TestRouting(t *testing.T) {
	t.Parallel()
	s := newSample(t, func(x *directoryv1.Snapshot) { x.Hosts = []string{"api.customer.com"} })
	other := newSample(t, nil)
	b := setup(t, nil, s, other)
	ref := s.project.Ref
	cases := []struct {
		name, host, path string
		ref, inner       string // else refused:
		status           int
		code             string
	}{
		{name: "by host", host: ref + ".example.test", path: rest, ref: ref, inner: "/notes"},
		{name: "by host with a port", host: ref + ".example.test:8000", path: rest, ref: ref, inner: "/notes"},
		{name: "by host in capitals", host: strings.ToUpper(ref) + ".Example.TEST", path: rest, ref: ref, inner: "/notes"},
		{name: "by host with a final dot", host: ref + ".example.test.", path: rest, ref: ref, inner: "/notes"},
		{name: "by custom host", host: "api.customer.com", path: rest, ref: ref, inner: "/notes"},
		{name: "by custom host in capitals", host: "API.customer.com:443", path: rest, ref: ref, inner: "/notes"},
		{name: "by path on the workers' own name", host: "worker.example.test:8000", path: "/p/" + ref + rest, ref: ref, inner: "/notes"},
		{name: "by path on an address", path: "/p/" + ref + rest, ref: ref, inner: "/notes"},
		{name: "by path on localhost", host: "localhost:8000", path: "/p/" + ref + rest, ref: ref, inner: "/notes"},
		{name: "by path on the bare domain", host: "example.test", path: "/p/" + ref + rest, ref: ref, inner: "/notes"},
		{name: "by path on a name without dots", host: "worker", path: "/p/" + ref + rest, ref: ref, inner: "/notes"},
		{name: "escapes stay", host: ref + ".example.test", path: "/rest/v1/a%2Fb%20c", ref: ref, inner: "/a%2Fb%20c"},
		{name: "the service's root", host: ref + ".example.test", path: "/rest/v1", ref: ref, inner: "/"},
		{name: "the service's root with a slash", host: ref + ".example.test", path: "/rest/v1/", ref: ref, inner: "/"},
		{name: "the host is not overruled by a path", host: ref + ".example.test", path: "/p/" + other.project.Ref + rest, status: 404, code: "ROUTE_NOT_FOUND"},
		{name: "nor a custom host", host: "api.customer.com", path: "/p/" + other.project.Ref + rest, status: 404, code: "ROUTE_NOT_FOUND"},
		{name: "unknown ref", host: id.NewRef() + ".example.test", path: rest, status: 404, code: "PROJECT_NOT_FOUND"},
		{name: "unknown ref by path", path: "/p/" + id.NewRef() + rest, status: 404, code: "PROJECT_NOT_FOUND"},
		{name: "no ref", host: "www.example.test", path: rest, status: 404, code: "PROJECT_NOT_FOUND"},
		{name: "below a ref", host: "a." + ref + ".example.test", path: rest, status: 404, code: "PROJECT_NOT_FOUND"},
		{name: "a name that ends like the domain", host: ref + ".notexample.test", path: rest, status: 404, code: "PROJECT_NOT_FOUND"},
		{name: "unknown host", host: "api.stranger.com", path: rest, status: 404, code: "PROJECT_NOT_FOUND"},
		{name: "unknown host with a path", host: "api.stranger.com", path: "/p/" + ref + rest, status: 404, code: "PROJECT_NOT_FOUND"},
		{name: "own name without a project", host: "worker.example.test", path: rest, status: 404, code: "PROJECT_NOT_FOUND"},
		{name: "odd ref by path", path: "/p/..%2f" + ref + rest, status: 404, code: "PROJECT_NOT_FOUND"},
		{name: "control plane down", host: "down.example.com", path: rest, status: 503, code: "PROJECT_UNAVAILABLE"},
		{name: "control plane down for too long", host: "stale.example.com", path: rest, status: 503, code: "PROJECT_STALE"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := b.do(t, request{host: c.host, path: c.path, header: map[string]string{"apikey": s.publishable, "X-Forwarded-Prefix": "/spoofed"}})
			if c.status != 0 {
				require.Equal(t, c.status, got.status)
				require.Equal(t, c.code, got.code(t))
				return
			}
			seen := got.seen(t)
			require.Equal(t, c.ref, seen.Ref)
			require.Equal(t, c.inner, seen.Path)
			if strings.HasPrefix(c.path, "/p/") {
				require.Equal(t, "/p/"+ref, seen.Prefix)
			} else {
				require.Empty(t, seen.Prefix)
			}
		})
	}
}

func TestEachStatusHasItsAnswer(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		change func(*directoryv1.Snapshot)
		status int
		code   string
		retry  bool
	}{
		{"provisioning", func(x *directoryv1.Snapshot) { x.Status = directory.Provisioning }, 503, "PROJECT_PROVISIONING", true},
		{"paused", func(x *directoryv1.Snapshot) { x.Status = directory.Paused }, 503, "PROJECT_PAUSED", false},
		{"deleted", func(x *directoryv1.Snapshot) { x.Status = directory.Deleted }, 410, "PROJECT_DELETED", false},
		{"a status of the future", func(x *directoryv1.Snapshot) { x.Status = 99 }, 503, "PROJECT_UNAVAILABLE", true},
		{"over quota", func(x *directoryv1.Snapshot) { x.OverQuota, x.OverQuotaReason = true, "Your 5 requests are used up." }, 402, "OVER_QUOTA", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSample(t, c.change)
			b := setup(t, nil, s)
			for _, key := range []string{s.secret, ""} {
				got := b.do(t, request{host: s.project.Ref + ".example.test", path: rest, header: map[string]string{"apikey": key}})
				require.Equal(t, c.status, got.status)
				require.Equal(t, c.code, got.code(t))
				require.Equal(t, c.retry, got.header.Get("Retry-After") != "")
				require.Contains(t, got.body, s.project.OverQuotaReason)
			}
			require.Empty(t, b.usage.requests, "what is refused is not billed")
		})
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	b := setup(t, nil, s)
	ask := "authorization,apikey,x-client-info,content-type,prefer,accept-profile,x-mine"
	for _, path := range []string{rest, authAPI, storage, meta, "/"} {
		got := b.do(t, request{method: "OPTIONS", host: s.project.Ref + ".example.test", path: path, header: map[string]string{
			"Origin": "https://app.example.com", "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": ask,
		}})
		require.Equal(t, 200, got.status)
		require.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "Authorization, authorization, apikey, x-client-info, content-type, prefer, accept-profile, x-mine, Accept, Accept-Language, Content-Language",
			got.header.Get("Access-Control-Allow-Headers"))
		require.Contains(t, got.header.Get("Access-Control-Allow-Methods"), "PATCH")
		require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"))
		require.NotEmpty(t, got.header.Get("Access-Control-Max-Age"))
	}
	got := b.do(t, request{method: "OPTIONS", host: s.project.Ref + ".example.test", path: rest, header: map[string]string{
		"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x\"; injected: <y>",
	}})
	for _, name := range []string{"authorization", "x-client-info", "apikey", "content-type", "prefer", "range", "accept-profile", "content-profile", "x-supabase-api-version"} {
		require.Contains(t, got.header.Get("Access-Control-Allow-Headers"), name)
	}
	require.NotContains(t, got.header.Get("Access-Control-Allow-Headers"), "injected")
	got = b.do(t, request{method: "OPTIONS", host: s.project.Ref + ".example.test", path: rest})
	require.Equal(t, 401, got.status, "an OPTIONS request that is no preflight is a request")
	got = b.do(t, request{host: s.project.Ref + ".example.test", path: rest, header: map[string]string{"apikey": s.anon, "Origin": "https://app.example.com"}})
	require.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
	for _, name := range []string{"content-range", "content-location", "location", "x-request-id", "retry-after", "preference-applied"} {
		require.Contains(t, strings.ToLower(strings.Join(got.header.Values("Access-Control-Expose-Headers"), ", ")), name)
	}
	require.Len(t, b.usage.requests, 1, "preflights are not billed")
}

func TestRequestIDsAndSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	b := setup(t, nil, s)
	send := func(given string) (response, string) {
		got := b.do(t, request{host: s.project.Ref + ".example.test", path: rest, header: map[string]string{"apikey": s.anon, "X-Request-Id": given}})
		require.Equal(t, got.header.Get("X-Request-Id"), got.seen(t).RequestID)
		return got, got.header.Get("X-Request-Id")
	}
	got, kept := send("trace-0123:abc.DEF_9")
	require.Equal(t, "trace-0123:abc.DEF_9", kept)
	require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.Empty(t, got.header.Get("Content-Security-Policy"), "JSON does nothing in a browser")
	require.Empty(t, got.header.Get("Access-Control-Expose-Headers"), "there is no origin to tell")
	page := b.do(t, request{host: s.project.Ref + ".example.test", path: "/rest/v1/page", header: map[string]string{"apikey": s.anon}})
	require.Equal(t, "nosniff", page.header.Get("X-Content-Type-Options"))
	require.Equal(t, "no-referrer", page.header.Get("Referrer-Policy"))
	require.Contains(t, page.header.Get("Content-Security-Policy"), "sandbox")
	for _, odd := range []string{"", strings.Repeat("a", 129), "with space in it", `quote"in-it`, "<script>alert"} {
		_, made := send(odd)
		require.Len(t, made, 36, odd)
	}
}

func TestForwardedHeadersOfStrangersAreNotBelieved(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	b := setup(t, nil, s)
	got := b.do(t, request{host: s.project.Ref + ".example.test", path: rest, header: map[string]string{
		"apikey": s.anon, "X-Forwarded-For": "203.0.113.9", "X-Real-Ip": "203.0.113.9", "X-Forwarded-Host": "api.customer.com", "Forwarded": "for=203.0.113.9",
	}})
	seen := got.seen(t)
	require.Regexp(t, `^127\.0\.0\.1:\d+$`, seen.Remote)
	require.Empty(t, seen.Forwarded)
	require.Equal(t, s.project.Ref, seen.Ref)
}

func TestClientBehindTrustedProxies(t *testing.T) {
	t.Parallel()
	trusted, err := parseProxies([]string{"10.0.0.0/8", "127.0.0.1", "2001:db8::/32"})
	require.NoError(t, err)
	_, err = parseProxies([]string{"nonsense"})
	require.Error(t, err)
	cases := []struct{ name, peer, header, client string }{
		{"a stranger is who it is", "198.51.100.7:1", "203.0.113.9", "198.51.100.7"},
		{"a proxy tells the client", "10.0.0.1:1", "203.0.113.9", "203.0.113.9"},
		{"the last stranger counts, not what it claims", "10.0.0.1:1", "1.1.1.1, 203.0.113.9, 10.2.3.4", "203.0.113.9"},
		{"what stands before garbage is not believed", "10.0.0.1:1", "203.0.113.9, garbage, 10.2.3.4", "10.2.3.4"},
		{"a proxy without the header", "127.0.0.1:1", "", "127.0.0.1"},
		{"only proxies", "127.0.0.1:1", "10.0.0.1", "10.0.0.1"},
		{"IPv6", "[2001:db8::1]:1", "2001:db9::5", "2001:db9::5"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1", "::ffff:203.0.113.9", "203.0.113.9"},
		{"a unix socket", "@", "203.0.113.9", "invalid IP"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = c.peer
			if c.header != "" {
				r.Header.Set("X-Forwarded-For", c.header)
			}
			client, direct := trusted.client(r)
			require.Equal(t, c.client, client.String())
			require.Equal(t, client.IsValid() && strings.HasPrefix(strings.Trim(c.peer, "["), c.client), direct)
		})
	}
}

func TestPanicsAreContained(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	var log bytes.Buffer
	b := setup(t, func(d *Deps) { d.Log = slog.New(slog.NewJSONHandler(&log, nil)) }, s)
	q := request{host: s.project.Ref + ".example.test", path: "/rest/v1/panic", header: map[string]string{"apikey": s.anon, "X-Request-Id": "panic-test-1"}}
	got := b.do(t, q)
	require.Equal(t, 500, got.status)
	require.Equal(t, "INTERNAL", got.code(t))
	require.NotContains(t, got.body, "defect")
	require.Equal(t, "panic-test-1", got.header.Get("X-Request-Id"))
	require.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
	q.path = "/rest/v1/panic-late"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.server.URL+q.path, nil)
	require.NoError(t, err)
	r.Host = q.host
	r.Header.Set("apikey", s.anon)
	res, err := b.server.Client().Do(r)
	if err == nil {
		_, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	require.Error(t, err, "half an answer must not look whole")
	q.path = rest
	require.Equal(t, 200, b.do(t, q).status, "the worker goes on")
	b.server.Close()
	require.Contains(t, log.String(), "a defect")
	require.Contains(t, log.String(), "setup_test.go") // the stack
	require.Equal(t, 2, b.usage.errors[s.project.ID+"/rest"])
	require.NotContains(t, log.String(), s.anon)
}

func TestBounds(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	b := setup(t, func(d *Deps) { d.MaxBody = 1000 }, s)
	send := func(path string, body io.Reader, header map[string]string) response {
		all := map[string]string{"apikey": s.anon}
		for k, v := range header {
			all[k] = v
		}
		return b.do(t, request{method: "POST", host: s.project.Ref + ".example.test", path: path, body: body, header: all})
	}
	require.Equal(t, 200, send("/rest/v1/body", strings.NewReader(strings.Repeat("x", 1000)), nil).status)
	got := send("/rest/v1/body", strings.NewReader(strings.Repeat("x", 1001)), nil)
	require.Equal(t, 413, got.status)
	require.Equal(t, "BODY_TOO_LARGE", got.code(t))
	chunked := io.MultiReader(strings.NewReader(strings.Repeat("x", 5000))) // its length is not told
	require.Equal(t, 413, send("/rest/v1/body", chunked, nil).status)
	got = send("/rest/v1/x?"+strings.Repeat("a", maxURL), nil, nil)
	require.Equal(t, 414, got.status)
	require.Equal(t, "URL_TOO_LONG", got.code(t))
	got = send(rest, nil, map[string]string{"X-Large": strings.Repeat("a", maxHeaders)})
	require.Equal(t, 431, got.status)
	require.Equal(t, "HEADERS_TOO_LARGE", got.code(t))
	b = setup(t, func(d *Deps) { d.Timeout = 100 * time.Millisecond }, s)
	require.Equal(t, errTimeout.Error(), send("/rest/v1/slow", nil, nil).body)
}

// TestASlowBodyOfARefusedRequestEnds holds that nobody keeps connections for free by promising a body.
func TestASlowBodyOfARefusedRequestEnds(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	b := setup(t, func(d *Deps) { d.Timeout = time.Second }, s)
	conn, err := net.Dial("tcp", b.server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = fmt.Fprintf(conn, "POST /rest/v1/notes HTTP/1.1\r\nHost: %s.example.test\r\nContent-Length: 1000\r\n\r\n{", s.project.Ref)
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server closes the connection")
	require.Contains(t, string(answer), "401 Unauthorized")
}

func TestASlowBodyEnds(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	b := setup(t, func(d *Deps) { d.Timeout = 100 * time.Millisecond }, s)
	conn, err := net.Dial("tcp", b.server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.WriteString(conn, "POST /rest/v1/body HTTP/1.1\r\nHost: "+s.project.Ref+".example.test\r\napikey: "+s.anon+"\r\nContent-Length: 100\r\n\r\nhalf")
	require.NoError(t, err)
	answer, err := io.ReadAll(conn) // until the worker hangs up
	if !errors.Is(err, io.EOF) {
		require.NoError(t, err)
	}
	require.NotContains(t, string(answer), "200 OK")
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	flood := func(t *testing.T, b *bundle, s *sample, key string) (allowed int, refused response) {
		for range 60 {
			got := b.do(t, request{host: s.project.Ref + ".example.test", path: rest, header: map[string]string{"apikey": key}})
			if got.status == 429 {
				refused = got
				continue
			}
			require.Equal(t, 200, got.status)
			require.NotEmpty(t, got.header.Get("RateLimit-Remaining"))
			allowed++
		}
		return allowed, refused
	}
	refusal := func(t *testing.T, got response, limit string) {
		require.Equal(t, "RATE_LIMITED", got.code(t))
		require.Equal(t, limit, got.header.Get("RateLimit-Limit"))
		require.Equal(t, "0", got.header.Get("RateLimit-Remaining"))
		require.NotEmpty(t, got.header.Get("RateLimit-Reset"))
		require.NotEqual(t, "0", got.header.Get("Retry-After"))
		require.NotEmpty(t, got.header.Get("Retry-After"))
	}
	t.Run("of a project", func(t *testing.T) {
		t.Parallel()
		s := newSample(t, func(x *directoryv1.Snapshot) { x.Limits = &directoryv1.Limits{RequestsPerSecond: 1, Burst: 10} })
		b := setup(t, nil, s)
		began := time.Now()
		allowed, refused := flood(t, b, s, s.secret)
		require.InDelta(t, 10, allowed, 4+time.Since(began).Seconds())
		refusal(t, refused, "10")
		require.Equal(t, allowed, b.usage.requests[s.project.ID+"/rest"], "what is refused is not billed")
	})
	t.Run("of a key, which leaves room for others", func(t *testing.T) {
		t.Parallel()
		s := newSample(t, func(x *directoryv1.Snapshot) { x.Limits = &directoryv1.Limits{RequestsPerSecondPerKey: 5} })
		b := setup(t, nil, s)
		_, refused := flood(t, b, s, s.publishable)
		refusal(t, refused, "5")
		require.Equal(t, 200, b.do(t, request{host: s.project.Ref + ".example.test", path: rest, header: map[string]string{"apikey": s.secret}}).status)
	})
	t.Run("of an address, which spares the project's servers", func(t *testing.T) {
		t.Parallel()
		s := newSample(t, func(x *directoryv1.Snapshot) { x.Limits = &directoryv1.Limits{RequestsPerSecondPerIp: 5} })
		b := setup(t, nil, s)
		_, refused := flood(t, b, s, s.publishable)
		refusal(t, refused, "5")
		guess := func() int {
			return b.do(t, request{host: s.project.Ref + ".example.test", path: rest, header: map[string]string{"apikey": "garbage"}}).status
		}
		require.Eventually(t, func() bool { return guess() == 429 }, 20*time.Second, time.Millisecond, "guesses are limited too")
		require.Equal(t, 200, b.do(t, request{host: s.project.Ref + ".example.test", path: rest, header: map[string]string{"apikey": s.secret}}).status)
	})
}

func TestUsage(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	b := setup(t, nil, s)
	host := s.project.Ref + ".example.test"
	one := b.do(t, request{host: host, path: rest, header: map[string]string{"apikey": s.publishable}})
	two := b.do(t, request{host: host, path: authAPI, header: map[string]string{"apikey": s.publishable, "Authorization": "Bearer " + s.secret}})
	b.do(t, request{host: host, path: "/rest/v1/broken", header: map[string]string{"apikey": s.anon}})
	b.do(t, request{host: host, path: rest, header: map[string]string{"apikey": "wrong"}})
	b.server.Close()
	p := s.project.ID
	require.Equal(t, map[string]int{p + "/rest": 2, p + "/auth": 1}, b.usage.requests)
	require.Equal(t, map[string]int64{p + "/rest": int64(len(one.body)), p + "/auth": int64(len(two.body))}, b.usage.egress)
	require.Equal(t, map[string]int{p + "/rest": 1}, b.usage.errors)
	ids := s.snapshot.GetKeys()
	require.Equal(t, map[string]int{ids[0].GetId(): 1, ids[1].GetId(): 1}, b.usage.keys)
}

func TestMetricsAndLog(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	b := setup(t, func(d *Deps) { d.Log, d.Metrics = slog.New(slog.NewJSONHandler(&log, nil)), registry }, s)
	host := s.project.Ref + ".example.test"
	b.do(t, request{host: host, path: rest + "?secret=parameter", header: map[string]string{"apikey": s.secret, "Authorization": "Bearer " + s.user}})
	b.do(t, request{host: "www.example.test", path: rest})
	b.server.Close()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 2, "one line for each request")
	for _, has := range []string{`"request_id"`, s.project.Ref, `"service":"rest"`, `"status":200`, `"role":"authenticated"`, `"ip":"127.0.0.1"`, `"path":"/rest/v1/notes"`} {
		require.Contains(t, lines[0], has)
	}
	for _, hidden := range []string{s.secret, s.user, "parameter"} {
		require.NotContains(t, log.String(), hidden)
	}
	families, err := registry.Gather()
	require.NoError(t, err)
	text := ""
	for _, f := range families {
		text += f.String()
	}
	require.Contains(t, text, "fluxbase_requests_total")
	require.NotContains(t, text, s.project.Ref, "no project in metric labels")
	require.NotContains(t, text, s.project.ID)
}

// nobody limits and counts nothing, so that the gateway's own cost shows.
type nobody struct{}

func (nobody) Request(string, string, int64, int, time.Duration) {}
func (nobody) Refused(string, string)                            {}
func (nobody) Egress(string, string, int64)                      {}
func (nobody) KeyUsed(string, string)                            {}

type blank struct{ header http.Header }

func (b *blank) Header() http.Header         { return b.header }
func (b *blank) Write(p []byte) (int, error) { return len(p), nil }
func (b *blank) WriteHeader(int)             {}

func BenchmarkGateway(b *testing.B) {
	s := newSample(b, nil)
	g, err := New(Deps{
		Projects: &known{[]*sample{s}}, Limits: freely{}, Usage: nobody{}, Binder: projectdb.New(projectdb.Deps{Log: discard()}), Domain: "example.test",
		Services: []Service{{Name: "rest", Prefix: "/rest/v1", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = projectdb.FromContext(r.Context())
			_, _ = w.Write([]byte("[]"))
		})}},
		Log: discard(),
	})
	require.NoError(b, err)
	for name, bearer := range map[string]string{"key": "", "user": s.user} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequestWithContext(context.Background(), "GET", rest+"?select=id&id=eq.1", nil)
			r.Host = s.project.Ref + ".example.test"
			r.Header.Set("apikey", s.publishable)
			if bearer != "" {
				r.Header.Set("Authorization", "Bearer "+bearer)
			}
			w := &blank{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				g.ServeHTTP(w, r)
			}
		})
	}
}
