// Package console serves the web console: the React application of this folder, embedded in the binary.
//
// "npm run build" writes it to dist, with each text asset compressed beside itself. A binary compiled before that serves
// a page that says so.
package console

import (
	"crypto/rand"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// The pattern matches the folder dist when it has been built, and always the page dist.missing.html: a pattern that
// matches nothing would not compile.
//
//go:embed all:dist*
var embedded embed.FS

// Options say what the console may do beyond its own origin.
type Options struct {
	// ConnectSources are the origins, besides its own, that the console may send requests to: the workers' address, for
	// example "https://api.example.com".
	ConnectSources []string
}

// Handler serves the console: its assets, and its start page for every other path, so that each of its pages can be
// opened by URL.
func Handler(o Options) http.Handler { return newHandler(embedded, o) }

// nonceMark is the text in index.html that each answer replaces by its own nonce.
const nonceMark = "%CSP_NONCE%"

type handler struct {
	files   fs.FS
	index   []byte
	missing []byte
	policy  string
}

func newHandler(files fs.FS, o Options) http.Handler {
	h := &handler{files: files, policy: policy(o.ConnectSources)}
	h.index, _ = fs.ReadFile(files, "dist/index.html")
	h.missing, _ = fs.ReadFile(files, "dist.missing.html")
	return h
}

func policy(connect []string) string {
	sources := append([]string{"'self'"}, connect...)
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self' 'nonce-" + nonceMark + "'",
		"img-src 'self' data:",
		"font-src 'self'",
		"connect-src " + strings.Join(sources, " "),
		"manifest-src 'self'",
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'none'",
	}, "; ")
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "The console answers GET and HEAD.", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if name != "" && name != "index.html" && h.serveFile(w, r, name) {
		return
	}
	// A page has no extension in its last part; what has one is an asset that is not there.
	if path.Ext(name) != "" && name != "index.html" {
		http.Error(w, "There is no such file.", http.StatusNotFound)
		return
	}
	h.serveIndex(w, r)
}

func (h *handler) serveIndex(w http.ResponseWriter, r *http.Request) {
	page, status := h.index, http.StatusOK
	if page == nil {
		page, status = h.missing, http.StatusServiceUnavailable
	}
	nonce := newNonce()
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Cache-Control", "no-cache")
	head.Set("Content-Security-Policy", strings.ReplaceAll(h.policy, nonceMark, nonce))
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("X-Frame-Options", "DENY")
	head.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
	body := strings.ReplaceAll(string(page), nonceMark, nonce)
	head.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // the client went away: nobody is left to tell
	}
}

func newNonce() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}
