// Package egress is the way out to addresses that a user chose: hooks, mail servers, identity providers, webhooks. It refuses
// whatever is not on the public internet at the moment of connecting, so that no name, redirect or change of DNS leads inside.
package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"
)

// ErrForbidden is returned for addresses that are not on the public internet.
var ErrForbidden = errors.New("egress: the address is not on the public internet")

// Guard decides which addresses may be reached.
type Guard struct{ allowed []netip.Prefix }

// NewGuard makes a guard. Allowed networks may be reached although they are private: the operator's own, or loopback in development.
func NewGuard(allowed []netip.Prefix) *Guard { return &Guard{allowed: slices.Clone(allowed)} }

// refused are networks that netip's own questions do not cover.
var refused = func() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", // IPv4 of special use, broadcast among them
		"64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "5f00::/16", // IPv6 of special use
	} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}()

// Networks whose last or middle bytes are an IPv4 address, which decides.
var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4 = netip.MustParsePrefix("2002::/16")
)

// Allows reports whether an address may be reached.
func (g *Guard) Allows(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if slices.ContainsFunc(g.allowed, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return true
	}
	if b := a.As16(); a.Is6() && nat64.Contains(a) {
		a = netip.AddrFrom4([4]byte(b[12:16]))
	} else if a.Is6() && sixTo4.Contains(a) {
		a = netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(refused, func(p netip.Prefix) bool { return p.Contains(a) })
}

// control is asked with the address itself, after names were looked up.
func (g *Guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || (network != "tcp4" && network != "tcp6") || !g.Allows(to.Addr()) {
		return fmt.Errorf("%w: %s", ErrForbidden, address)
	}
	return nil
}

// Dialer returns a dialer of guarded TCP connections.
func (g *Guard) Dialer() *net.Dialer {
	return &net.Dialer{Timeout: 10 * time.Second, KeepAlive: -1, ControlContext: g.control}
}

// Client returns a client whose connections are guarded, and which follows up to three redirects, never from https to http. It uses no proxy of the
// environment. Timeout bounds a request with its answer.
func (g *Guard) Client(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			DialContext: g.Dialer().DialContext, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: timeout,
			MaxIdleConns: 100, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > 3 {
				return errors.New("egress: too many redirects")
			}
			if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
				return errors.New("egress: a redirect leads from https to http")
			}
			return nil
		},
	}
}

// CheckURL refuses what is no address for a request: other schemes than https, users and passwords. Plain http is for hosts that are
// written as an allowed address, or localhost when loopback is allowed.
func (g *Guard) CheckURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return fmt.Errorf("%q is not an https address", address)
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("%q is not an https address", address)
	}
	host := u.Hostname()
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if a, err := netip.ParseAddr(host); err == nil && slices.ContainsFunc(g.allowed, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) }) {
		return nil
	}
	return fmt.Errorf("%q is not an https address", address)
}

// ErrTooLarge is returned by Read.
var ErrTooLarge = errors.New("egress: the answer is too large")

// Read reads an answer's body of up to most bytes.
func Read(body io.Reader, most int64) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(body, most+1))
	if err == nil && int64(len(out)) > most {
		return nil, ErrTooLarge
	}
	return out, err
}
