package limit

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of a Local.
const (
	maxLocal = 16384       // addresses remembered
	maxDebt  = time.Minute // that an address can be refused for
)

// Local counts what clients' addresses did in this worker alone, and after the fact: what is counted may come to more
// than the rate allows, and is then paid for by waiting. It is safe for concurrent use.
type Local struct {
	rate Rate
	now  func() time.Time
	// used is false as long as nobody was charged: then nobody waits for the lock.
	used atomic.Bool
	mu   sync.Mutex
	// until are the theoretical arrival times.
	until *simplelru.LRU[netip.Addr, time.Time]
}

// NewLocal makes a Local. A nil clock is time.Now.
func NewLocal(r Rate, now func() time.Time) *Local {
	if now == nil {
		now = time.Now
	}
	l := &Local{rate: r, now: now}
	l.until, _ = simplelru.NewLRU[netip.Addr, time.Time](maxLocal, nil)
	return l
}

// Wait returns for how long an address is refused; zero when it may go on.
func (l *Local) Wait(address netip.Addr) time.Duration {
	if !l.used.Load() {
		return 0
	}
	address = network(address)
	l.mu.Lock()
	defer l.mu.Unlock()
	until, ok := l.until.Get(address)
	if !ok {
		return 0
	}
	interval := l.rate.interval()
	return max(0, until.Add(interval).Sub(l.now())-time.Duration(l.rate.Burst)*interval)
}

// Charge counts once against an address.
func (l *Local) Charge(address netip.Addr) {
	address = network(address)
	l.mu.Lock()
	defer l.mu.Unlock()
	now, interval := l.now(), l.rate.interval()
	until, _ := l.until.Get(address)
	if until.Before(now) {
		until = now
	}
	most := now.Add(maxDebt + time.Duration(l.rate.Burst)*interval)
	if until = until.Add(interval); until.After(most) {
		until = most
	}
	l.until.Add(address, until)
	l.used.Store(true)
}

// network is what counts as one client: an address, of IPv6 its /64.
func network(address netip.Addr) netip.Addr {
	address = address.Unmap()
	if address.Is6() {
		if network, err := address.WithZone("").Prefix(64); err == nil {
			return network.Addr()
		}
	}
	return address
}
