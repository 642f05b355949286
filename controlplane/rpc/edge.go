package rpc

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"
)

// request is what every request has, whoever sends it.
type request struct{ id, ip string }

type requestKey struct{}

func requestOf(ctx context.Context) request {
	r, _ := ctx.Value(requestKey{}).(request)
	return r
}

// edge is the plain HTTP around the API: request ids, the client's address, and the one origin that browsers may call from.
type edge struct {
	origin  string
	proxies []netip.Prefix
}

func newEdge(publicURL string, proxies []string) (*edge, error) {
	u, err := url.Parse(publicURL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("rpc: the public URL %q is no address", publicURL)
	}
	out := &edge{origin: u.Scheme + "://" + u.Host}
	for _, p := range proxies {
		prefix, err := netip.ParsePrefix(p)
		if addr, addrErr := netip.ParseAddr(p); err != nil && addrErr == nil {
			prefix, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("rpc: the trusted proxy %q is no network: %w", p, err)
		}
		out.proxies = append(out.proxies, prefix)
	}
	return out, nil
}

var requestID = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

func (e *edge) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		meta := request{id: r.Header.Get("X-Request-Id"), ip: e.clientIP(r)}
		if !requestID.MatchString(meta.id) {
			meta.id = uuid.NewString()
		}
		header := w.Header()
		header.Set("X-Request-Id", meta.id)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-store")
		header.Add("Vary", "Origin")
		if r.Header.Get("Origin") == e.origin {
			header.Set("Access-Control-Allow-Origin", e.origin)
			header.Set("Access-Control-Expose-Headers", "X-Request-Id, Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin")
			if r.Method == http.MethodOptions {
				header.Set("Access-Control-Allow-Methods", "GET, POST")
				header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Connect-Protocol-Version, Connect-Timeout-Ms, Grpc-Timeout, X-Grpc-Web, X-User-Agent, X-Request-Id")
				header.Set("Access-Control-Max-Age", "7200")
			}
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 2*maxBody)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, meta)))
	})
}

// clientIP is the address of who connects, or what a trusted proxy says of it: the last address in X-Forwarded-For that is
// not a proxy's own.
func (e *edge) clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	ip := host
	if !e.trusts(ip) {
		return ip
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		ip = addr.Unmap().String()
		if !e.trusts(ip) {
			break
		}
	}
	return ip
}

func (e *edge) trusts(ip string) bool {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	for _, p := range e.proxies {
		if p.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}

func stack() string { return string(debug.Stack()) }
