// Package proof sends users codes and links, and takes them as proof that an address or a number is theirs: to sign in, to confirm a sign-up, to recover
// an account, to change an address. It does the work for every surface that offers these.
//
// # What a stranger learns
//
// Who asks for a code must not learn from the answer, or from how long it takes, whether there is such a user, unless the protocol has it so (a code for
// who is no user yet, with create_user false). So what is refused is refused before anyone is looked up, or is counted by the address itself; and where
// there is nothing to send, the same is done as for a user in as many round trips, with a message that is written and never sent.
package proof

import (
	"context"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/letter"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Deps are what the service needs.
type Deps struct {
	Guard    *guard.Guard
	Messages *message.Outbox
	Sessions *session.Manager
	Users    *newuser.Maker
}

// Service sends and takes proofs for every project.
type Service struct {
	d       Deps
	letters *letter.Writer
}

// New makes a service.
func New(d Deps) *Service { return &Service{d, letter.New(d.Messages)} }

// Link is what becomes of a link in a mail that is followed.
type Link struct {
	// RedirectTo is where it leads, an address that the project allows.
	RedirectTo string
	// Challenge and ChallengeMethod are those of PKCE, or "": then the tokens are in the address's fragment.
	Challenge, ChallengeMethod string
}

// again refuses what was asked for the same address or number just now, whoever it belongs to. Counted tells that this holds; otherwise only what was sent
// can be gone by.
func (s *Service) again(ctx context.Context, bound *projectdb.Session, what, recipient string, phone bool) (counted bool, err error) {
	wait, counted := s.d.Guard.Again(ctx, bound, what, recipient, seconds(bound.Project.Settings, channel(phone)+".max_frequency"))
	switch {
	case wait <= 0:
		return counted, nil
	case phone:
		return counted, protocol.ErrTooManyTexts(protocol.ErrTooSoon(wait), wait)
	}
	return counted, protocol.ErrTooManyMails(protocol.ErrTooSoon(wait), wait)
}

// begun counts what may be a sign-up with sign-ups, so that nothing is sent again at once.
func (s *Service) begun(ctx context.Context, bound *projectdb.Session, recipient string, phone bool) {
	what := "signup:email"
	if phone {
		what = "signup:phone"
	}
	_, _ = s.again(ctx, bound, what, recipient, phone)
}

// rested tells that something may be sent to a user again. Where requests are counted by the address, one that comes too soon after a message that
// another flow sent is passed over in silence: an error would tell that there is such a user.
func rested(p *directory.Project, sent *time.Time, phone, counted bool) (bool, error) {
	err := letter.TooSoon(p, phone, sent)
	if err != nil && counted {
		return false, nil
	}
	return err == nil, err
}

func life(values setting.Values, phone bool) time.Duration {
	return seconds(values, channel(phone)+".otp_expiry")
}

func digits(values setting.Values, phone bool) int {
	return int(setting.Get[int64](values, channel(phone)+".otp_length"))
}

func channel(phone bool) string {
	if phone {
		return "auth.phone"
	}
	return "auth.email"
}

func seconds(values setting.Values, key string) time.Duration {
	return time.Duration(setting.Get[int64](values, key)) * time.Second
}

func on(p *directory.Project, key string) bool { return setting.Get[bool](p.Settings, key) }
