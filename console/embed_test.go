package console

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func built() fstest.MapFS {
	return fstest.MapFS{
		"dist.missing.html":      {Data: []byte("<h1>The console was not built</h1>")},
		"dist/index.html":        {Data: []byte(`<meta name="csp-nonce" content="%CSP_NONCE%">start`)},
		"dist/theme.js":          {Data: []byte("plain")},
		"dist/assets/a-1.js":     {Data: []byte("plain")},
		"dist/assets/a-1.js.gz":  {Data: []byte("gzipped")},
		"dist/assets/a-1.js.br":  {Data: []byte("brotli")},
		"dist/assets/a.woff2":    {Data: []byte("font")},
		"dist/assets/nested/x.y": {Data: []byte("?")},
	}
}

func get(t *testing.T, h http.Handler, method, target, encoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b := make([]byte, 4096)
	n, _ := r.Body.Read(b)
	return string(b[:n])
}

func TestServe(t *testing.T) {
	t.Parallel()
	h := newHandler(built(), Options{ConnectSources: []string{"https://api.example.com"}})
	cases := []struct {
		name, method, target, encoding string
		status                         int
		body, kind, cache, encoded     string
	}{
		{"start page", "GET", "/", "", 200, "start", "text/html; charset=utf-8", "no-cache", ""},
		{"any page is the start page", "GET", "/projects/abc/sql?x=1", "", 200, "start", "text/html; charset=utf-8", "no-cache", ""},
		{"index by name", "GET", "/index.html", "", 200, "start", "text/html; charset=utf-8", "no-cache", ""},
		{"plain asset", "GET", "/assets/a-1.js", "", 200, "plain", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", ""},
		{"gzip", "GET", "/assets/a-1.js", "gzip, deflate", 200, "gzipped", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "gzip"},
		{"brotli is preferred", "GET", "/assets/a-1.js", "gzip, br;q=0.9", 200, "brotli", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "br"},
		{"refused encoding", "GET", "/assets/a-1.js", "br;q=0, gzip;q=0.0", 200, "plain", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", ""},
		{"not compressed", "GET", "/assets/a.woff2", "br", 200, "font", "font/woff2", "public, max-age=31536000, immutable", ""},
		{"outside assets is not immutable", "GET", "/theme.js", "br", 200, "plain", "text/javascript; charset=utf-8", "no-cache", ""},
		{"missing asset", "GET", "/assets/old-2.js", "", 404, "There is no such file.", "text/plain; charset=utf-8", "", ""},
		{"folder", "GET", "/assets", "", 200, "start", "text/html; charset=utf-8", "no-cache", ""},
		{"climbing out", "GET", "/../dist.missing.html", "", 404, "There is no such file.", "text/plain; charset=utf-8", "", ""},
		{"post", "POST", "/", "", 405, "The console answers", "text/plain; charset=utf-8", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := get(t, h, c.method, c.target, c.encoding)
			require.Equal(t, c.status, r.StatusCode)
			require.Contains(t, body(t, r), c.body)
			require.Equal(t, c.kind, r.Header.Get("Content-Type"))
			require.Equal(t, c.cache, r.Header.Get("Cache-Control"))
			require.Equal(t, c.encoded, r.Header.Get("Content-Encoding"))
			require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
		})
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	h := newHandler(built(), Options{ConnectSources: []string{"https://api.example.com"}})
	nonces := map[string]bool{}
	for range 2 {
		r := get(t, h, "GET", "/", "")
		policy := r.Header.Get("Content-Security-Policy")
		require.Contains(t, policy, "connect-src 'self' https://api.example.com;")
		require.Contains(t, policy, "frame-ancestors 'none'")
		require.NotContains(t, policy, "unsafe")
		nonce := regexp.MustCompile(`'nonce-([\w-]{22})'`).FindStringSubmatch(policy)
		require.Len(t, nonce, 2)
		require.Contains(t, body(t, r), `content="`+nonce[1]+`"`)
		nonces[nonce[1]] = true
	}
	require.Len(t, nonces, 2, "each answer has its own nonce")
}

func TestNotBuilt(t *testing.T) {
	t.Parallel()
	files := built()
	for name := range files {
		if name != "dist.missing.html" {
			delete(files, name)
		}
	}
	r := get(t, newHandler(files, Options{}), "GET", "/", "")
	require.Equal(t, 503, r.StatusCode)
	require.Contains(t, body(t, r), "not built")
}

func TestHead(t *testing.T) {
	t.Parallel()
	r := get(t, newHandler(built(), Options{}), "HEAD", "/", "")
	require.Equal(t, 200, r.StatusCode)
	require.Empty(t, body(t, r))
}

func TestEmbeddedAnswers(t *testing.T) {
	t.Parallel()
	r := get(t, Handler(Options{}), "GET", "/", "")
	require.Contains(t, []int{200, 503}, r.StatusCode)
}
