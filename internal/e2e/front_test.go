package e2e

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync/atomic"
)

// front is the one address of an installation: a proxy before several control planes and several workers, which take turns.
type front struct {
	server           *httptest.Server
	control, workers ring
}

// ring is a group of processes, by their addresses (host:port).
type ring struct {
	addresses atomic.Pointer[[]string]
	next      atomic.Uint64
}

func newFront() *front {
	f := &front{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "chosen.later", r.In.Host
			r.SetXForwarded()
		},
		Transport: f, FlushInterval: -1, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // processes are killed on purpose
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	f.server = httptest.NewServer(proxy)
	return f
}

func (f *front) address() string { return f.server.Listener.Addr().String() }

// RoundTrip sends a request to the next process of its group. Only when a process could not be connected to, so that nothing
// was sent, is the next one tried.
func (f *front) RoundTrip(r *http.Request) (*http.Response, error) {
	group := &f.control
	host, _, _ := net.SplitHostPort(r.Host)
	if strings.HasPrefix(r.URL.Path, "/p/") || strings.HasSuffix(host, ".localhost") {
		group = &f.workers
	}
	body := []byte(nil)
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	addresses := *group.addresses.Load()
	var failed error
	for range addresses {
		out := r.Clone(r.Context())
		out.URL.Host = addresses[group.next.Add(1)%uint64(len(addresses))]
		if r.Body != nil {
			out.Body = io.NopCloser(bytes.NewReader(body))
		}
		answer, err := http.DefaultTransport.RoundTrip(out)
		if err == nil {
			return answer, nil
		}
		failed = err
		if dial := (*net.OpError)(nil); !errors.As(err, &dial) || dial.Op != "dial" {
			break
		}
	}
	return nil, failed
}
