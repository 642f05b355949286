// Package guard slows down whoever tries too often, and asks for a CAPTCHA.
package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Rate is how often something may happen: at once as often as Burst says, and PerSecond again.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Limiter counts attempts. The wiring gives one that all workers share.
type Limiter interface {
	// Allow takes one from what is counted under key in a project. When none is left, it tells how long to wait.
	Allow(ctx context.Context, projectRef, key string, rate Rate) (ok bool, retry time.Duration)
}

type unlimited struct{}

func (unlimited) Allow(context.Context, string, string, Rate) (bool, time.Duration) { return true, 0 }

// windows are how long the project's settings auth.rate_limit.<name> count.
var windows = map[string]time.Duration{
	"sign_in_sign_ups": 5 * time.Minute, "otp": 5 * time.Minute, "verify": 5 * time.Minute, "token_refresh": 5 * time.Minute,
	"anonymous_users": time.Hour, "email_sent": time.Hour, "sms_sent": time.Hour,
}

// guesses is the rate of tries at one user, from wherever they come: far below what guessing needs, and above what a person does.
var guesses = Rate{PerSecond: 0.2, Burst: 30}

// Guard counts attempts for every project.
type Guard struct {
	limiter Limiter
	captcha *captcha
}

// Address refuses an address that does something too often: what names the setting auth.rate_limit.<what>. Requests whose address is not known share
// one count, and so do those of one IPv6 /64, which one client has to itself.
func (g *Guard) Address(r *http.Request, session *projectdb.Session, what string) error {
	address := "unknown"
	if c := protocol.Client(r); c.Address != nil {
		address = c.Address.String()
		if network, err := c.Address.Prefix(64); c.Address.Is6() && err == nil {
			address = network.String()
		}
	}
	ok, retry := g.take(r.Context(), session, what, "ip:"+address)
	if !ok {
		return protocol.ErrTooManyRequests(retry)
	}
	return nil
}

// Project counts what the whole project does: mails and messages.
func (g *Guard) Project(ctx context.Context, session *projectdb.Session, what string) (ok bool, retry time.Duration) {
	return g.take(ctx, session, what, "project")
}

func (g *Guard) take(ctx context.Context, session *projectdb.Session, what, key string) (bool, time.Duration) {
	most := setting.Get[int64](session.Project.Settings, "auth.rate_limit."+what)
	window := windows[what]
	if most <= 0 {
		return false, window
	}
	return g.limiter.Allow(ctx, session.Project.Ref, "auth:"+what+":"+key, Rate{PerSecond: float64(most) / window.Seconds(), Burst: int(most)})
}

// User refuses tries at one user's secrets, whoever makes them: a password, a code, a second factor. Who is a name of the user, as an address, and
// need not exist.
func (g *Guard) User(ctx context.Context, session *projectdb.Session, what, who string) error {
	return g.Tries(ctx, session, what, who, guesses)
}

// Tries is User at a rate of the caller's choice, for secrets that are short.
func (g *Guard) Tries(ctx context.Context, session *projectdb.Session, what, who string, rate Rate) error {
	hashed := sha256.Sum256([]byte(who))
	if ok, retry := g.limiter.Allow(ctx, session.Project.Ref, "auth:"+what+":user:"+hex.EncodeToString(hashed[:12]), rate); !ok {
		return protocol.ErrTooManyRequests(retry)
	}
	return nil
}
