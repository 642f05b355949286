package limit

import (
	"net/netip"
	"sync"
)

// UnderWay bounds how many requests of a client's address one worker answers at the same time, by project. Rates do not: who begins few requests but
// never ends them is within every rate.
type UnderWay struct {
	mu     sync.Mutex
	counts map[clientKey]int
}

type clientKey struct {
	project string
	address netip.Addr
}

// NewUnderWay makes an UnderWay.
func NewUnderWay() *UnderWay { return &UnderWay{counts: map[clientKey]int{}} }

// Begin counts a request, unless as many as may be are under way. Zero is no limit. Call end when it is over.
func (u *UnderWay) Begin(project string, address netip.Addr, most int) (end func(), ok bool) {
	if most <= 0 {
		return func() {}, true
	}
	k := clientKey{project, network(address)}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counts[k] >= most {
		return nil, false
	}
	u.counts[k]++
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.counts[k]--; u.counts[k] == 0 {
			delete(u.counts, k)
		}
	}, true
}
