package gateway

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"

	"github.com/google/uuid"
)

// proxies are the networks whose X-Forwarded-* headers are believed.
type proxies []netip.Prefix

func parseProxies(list []string) (proxies, error) {
	var out proxies
	for _, s := range list {
		if address, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(address, address.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("trusted proxy %q is no address and no network: %w", s, err)
		}
		out = append(out, network)
	}
	return out, nil
}

func (p proxies) trust(address netip.Addr) bool {
	for _, network := range p {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// client finds the address of a request's client: the peer's, or when that is a trusted proxy the last one in
// X-Forwarded-For that is not; direct tells that RemoteAddr names it as it is. What strangers forwarded is taken away, so that no service believes it.
func (p proxies) client(r *http.Request) (client netip.Addr, direct bool) {
	var peer netip.Addr
	if address, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		peer = address.Addr().Unmap()
		direct = peer == address.Addr()
	}
	if !peer.IsValid() || !p.trust(peer) {
		for _, name := range forwarded {
			delete(r.Header, name)
		}
		return peer, direct
	}
	list := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	client = peer
	for i := len(list) - 1; i >= 0; i-- {
		address, err := netip.ParseAddr(strings.TrimSpace(list[i]))
		if err != nil {
			break // what stands before something unreadable is not to be believed either
		}
		client = address.Unmap().WithZone("")
		if !p.trust(client) {
			break
		}
	}
	return client, direct && client == peer
}

// forwarded are the headers, in canonical form, that only a trusted proxy may send.
var forwarded = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip"}

// requestID takes over a sane id, or makes one.
func requestID(r *http.Request) string {
	given := r.Header.Get("X-Request-Id")
	if given == "" || len(given) > 128 {
		return newRequestID()
	}
	for i := range len(given) {
		c := given[i]
		sane := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == ':'
		if !sane {
			return newRequestID()
		}
	}
	return given
}

// newRequestID makes a UUID (version 4). It is a name, not a secret: the fast generator will do.
func newRequestID() string {
	var u uuid.UUID
	binary.LittleEndian.PutUint64(u[:8], rand.Uint64()) //nolint:gosec // as said above
	binary.LittleEndian.PutUint64(u[8:], rand.Uint64()) //nolint:gosec // as said above
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return u.String()
}

// headerSize is about what the headers take on the wire.
func headerSize(h http.Header) int {
	n := 0
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return n
}
