// Package proof sends users codes and links, and takes them as proof that an address or a number is theirs: to sign in, to confirm a sign-up, to recover
// an account, to change an address. It does the work for every surface that offers these.
//
// # What a stranger learns
//
// Who asks for a code must not learn from the answer whether there is such a user, unless the protocol has it so (a code for who is no user yet, with
// create_user false). So the answer is the same, what is refused is refused before anyone is looked up or counted by the address itself, and where there is
// nothing to send, as many round trips are made as if there were, by statements that stand in for those left out. These write to the log of the
// database, so that the commit takes as long as one that changed something.
package proof

import (
	"context"
	_ "embed" // the statement
	"encoding/json"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
)

//go:embed sql/stand_in.sql
var standIn string

// Deps are what the service needs.
type Deps struct {
	Guard    *guard.Guard
	Messages *message.Outbox
	Sessions *session.Manager
	Users    *newuser.Maker
}

// Service sends and takes proofs for every project.
type Service struct{ d Deps }

// New makes a service.
func New(d Deps) *Service { return &Service{d} }

// Link is what becomes of a link in a mail that is followed.
type Link struct {
	// RedirectTo is where it leads, an address that the project allows.
	RedirectTo string
	// Challenge and ChallengeMethod are those of PKCE, or "": then the tokens are in the address's fragment.
	Challenge, ChallengeMethod string
}

func (l Link) flow() bool { return l.Challenge != "" }

// standIns makes round trips that change nothing, in place of those that would have been made for another user.
func standIns(ctx context.Context, tx pgx.Tx, n int) error {
	for range n {
		if _, err := tx.Exec(ctx, standIn, strings.Repeat("-", 500)); err != nil {
			return err
		}
	}
	return nil
}

// again refuses what was asked for the same address or number just now, whoever it belongs to. Counted tells that this holds; otherwise only what was sent
// can be gone by.
func (s *Service) again(ctx context.Context, bound *projectdb.Session, what, recipient string, phone bool) (counted bool, err error) {
	wait, counted := s.d.Guard.Again(ctx, bound, what, recipient, leastInterval(bound.Project.Settings, phone))
	if wait > 0 {
		err = tooSoon(wait, phone)
	}
	return counted, err
}

// rested tells that something may be sent to a user again. Where requests are counted by the address, one that comes too soon after a message that
// another flow sent is passed over in silence: an error would tell that there is such a user.
func rested(values setting.Values, sent *time.Time, phone, counted bool) (bool, error) {
	wait := protocol.Soon(sent, leastInterval(values, phone), time.Now())
	switch {
	case wait <= 0:
		return true, nil
	case counted:
		return false, nil
	}
	return false, tooSoon(wait, phone)
}

func tooSoon(wait time.Duration, phone bool) error {
	if phone {
		return protocol.ErrTooManyTexts(protocol.ErrTooSoon(wait), wait)
	}
	return protocol.ErrTooManyMails(protocol.ErrTooSoon(wait), wait)
}

func leastInterval(values setting.Values, phone bool) time.Duration {
	return seconds(values, channel(phone)+".max_frequency")
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

// told is a user as hooks and templates are told of them.
func told(u *store.User) (asJSON json.RawMessage, data map[string]any) {
	asJSON, _ = json.Marshal(protocol.NewUser(u)) // of strings, times and JSON
	_ = json.Unmarshal(u.UserMetadata, &data)     // an object, or else nothing to tell
	return asJSON, data
}
