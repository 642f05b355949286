package rpc

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/wayli-app/fluxbase/internal/fault"
)

const (
	// burstSeconds is how many seconds' worth of requests an account may make at once.
	burstSeconds = 5
	// maxLimited is how many accounts' requests are remembered.
	maxLimited = 10_000
	// streamRetry is when to try again to open a stream.
	streamRetry = 5 * time.Second
)

// limits keep an account to its share of this process: so many requests a second, and so many streams at once. Zero is no limit.
type limits struct {
	perSecond, streams int
	now                func() time.Time

	mu sync.Mutex
	// until are the theoretical arrival times of the accounts' requests.
	until *simplelru.LRU[uuid.UUID, time.Time]
	open  map[uuid.UUID]int
}

func newLimits(perSecond, streams int) *limits {
	l := &limits{perSecond: perSecond, streams: streams, now: time.Now, open: map[uuid.UUID]int{}}
	l.until, _ = simplelru.NewLRU[uuid.UUID, time.Time](maxLimited, nil)
	return l
}

// request counts one request of an account. It fails with Exhausted and reason TOO_MANY_REQUESTS.
func (l *limits) request(account uuid.UUID) error {
	if l.perSecond <= 0 || account == uuid.Nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, interval := l.now(), time.Second/time.Duration(l.perSecond)
	next, _ := l.until.Get(account)
	if next.Before(now) {
		next = now
	}
	next = next.Add(interval)
	if wait := next.Sub(now) - burstSeconds*time.Second; wait > 0 {
		return tooMany("TOO_MANY_REQUESTS", wait, fmt.Sprintf("This account makes too many requests: %d a second are allowed.", l.perSecond))
	}
	l.until.Add(account, next)
	return nil
}

// stream counts one more open stream of an account until done is called. It fails with Exhausted and reason TOO_MANY_STREAMS.
func (l *limits) stream(account uuid.UUID) (done func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.streams > 0 && l.open[account] >= l.streams {
		return nil, tooMany("TOO_MANY_STREAMS", streamRetry, fmt.Sprintf("This account watches too much at once: %d streams are allowed. Close one.", l.streams))
	}
	l.open[account]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.open[account]--; l.open[account] == 0 {
			delete(l.open, account)
		}
	}, nil
}

func tooMany(reason string, wait time.Duration, message string) error {
	wait = max(wait, time.Millisecond)
	return &fault.Error{Kind: fault.Exhausted, Reason: reason, RetryAfter: wait,
		Message: fmt.Sprintf("%s Try again in %s.", message, wait.Round(time.Millisecond))}
}
