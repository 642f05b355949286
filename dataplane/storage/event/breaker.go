package event

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// When an address is left alone: after so many failures in a row, for longer from one to the next.
const (
	tolerated  = 5
	leastPause = 10 * time.Second
	mostPause  = 5 * time.Minute
)

// breaker leaves addresses alone that do not answer. What waits for them would otherwise hold up the project's other work, its mails among it: only so
// much of one project is done at once.
type breaker struct {
	now func() time.Time

	mu    sync.Mutex
	known *lru.Cache[string, trouble]
}

type trouble struct {
	failures int
	until    time.Time
}

func newBreaker(now func() time.Time) *breaker {
	known, err := lru.New[string, trouble](10_000)
	if err != nil { // of a size below one only
		panic(err)
	}
	return &breaker{now: now, known: known}
}

// allows reports whether an address may be tried. Of many who ask when a pause is over, one tries.
func (b *breaker) allows(address string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok := b.known.Get(address)
	if !ok || t.failures < tolerated {
		return true
	}
	if b.now().Before(t.until) {
		return false
	}
	t.until = b.now().Add(timeout)
	b.known.Add(address, t)
	return true
}

// answered takes an address for good again.
func (b *breaker) answered(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known.Remove(address)
}

// failed counts a failure.
func (b *breaker) failed(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, _ := b.known.Get(address)
	t.failures = min(t.failures+1, tolerated+10)
	if over := t.failures - tolerated; over >= 0 {
		t.until = b.now().Add(min(leastPause<<over, mostPause))
	}
	b.known.Add(address, t)
}
