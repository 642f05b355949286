package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// Rate is how often something may happen: at once as often as Burst says, and PerSecond again.
type Rate struct{ PerSecond, Burst int }

// Limiter counts attempts. The wiring gives one that all workers share.
type Limiter interface {
	// Allow takes one from what is counted under key in a project. When none is left, it tells how long to wait.
	Allow(ctx context.Context, projectRef, key string, rate Rate) (ok bool, retry time.Duration)
}

type unlimited struct{}

func (unlimited) Allow(context.Context, string, string, Rate) (bool, time.Duration) { return true, 0 }

// The rates of one address, above what the people behind it do; the last is that of guesses at one user, from wherever
// they come, and far below what guessing needs.
var (
	signUps   = Rate{PerSecond: 5, Burst: 100}
	signIns   = Rate{PerSecond: 10, Burst: 200}
	refreshes = Rate{PerSecond: 20, Burst: 600}
	guesses   = Rate{PerSecond: 1, Burst: 30}
)

// limitAddress refuses an address that tries too often. Requests whose address is not known share one count, and so do those of
// one IPv6 /64, which one client has to itself.
func (s *Service) limitAddress(r *http.Request, session *projectdb.Session, what string, rate Rate) error {
	address := "unknown"
	if c := client(r); c.Address != nil {
		address = c.Address.String()
		if network, err := c.Address.Prefix(64); c.Address.Is6() && err == nil {
			address = network.String()
		}
	}
	return s.limit(r.Context(), session, what+":ip:"+address, rate)
}

func (s *Service) limit(ctx context.Context, session *projectdb.Session, key string, rate Rate) error {
	if ok, retry := s.limiter.Allow(ctx, session.Project.Ref, "auth:"+key, rate); !ok {
		return errTooManyRequests(retry)
	}
	return nil
}
