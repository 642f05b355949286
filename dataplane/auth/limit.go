package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// Limiter counts attempts. The wiring gives one that all workers share.
type Limiter interface {
	// Allow takes one of perMinute from what is counted under key in a project. When none is left, it tells how long to wait.
	Allow(ctx context.Context, projectRef, key string, perMinute int) (ok bool, retry time.Duration)
}

type unlimited struct{}

func (unlimited) Allow(context.Context, string, string, int) (bool, time.Duration) { return true, 0 }

// Attempts a minute from one address, above what people do and far below what guessing needs.
const (
	signUpsPerMinute   = 60
	signInsPerMinute   = 120
	refreshesPerMinute = 600
	// guessesPerMinute is for one user, from wherever they come.
	guessesPerMinute = 60
)

// limitAddress refuses an address that tries too often. Requests whose address is not known share one count.
func (s *Service) limitAddress(r *http.Request, session *projectdb.Session, what string, perMinute int) error {
	address := "unknown"
	if c := client(r); c.Address != nil {
		address = c.Address.String()
	}
	return s.limit(r.Context(), session, what+":ip:"+address, perMinute)
}

func (s *Service) limit(ctx context.Context, session *projectdb.Session, key string, perMinute int) error {
	if ok, retry := s.limiter.Allow(ctx, session.Project.Ref, "auth:"+key, perMinute); !ok {
		return errTooManyRequests(retry)
	}
	return nil
}
