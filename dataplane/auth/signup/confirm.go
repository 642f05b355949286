package signup

import (
	"context"
	"encoding/json"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/auth/letter"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

var (
	errEmailSignups = fault.New(fault.Invalid, "EMAIL_PROVIDER_DISABLED", "Email signups are disabled")
	errPhoneSignups = fault.New(fault.Invalid, "PHONE_PROVIDER_DISABLED", "Phone signups are disabled")
)

// standing is what a sign-up finds of its address or number.
type standing int

const (
	fresh     standing = iota // it is nobody's
	pending                   // of somebody who signed up and proved nothing yet
	confirmed                 // of a user
)

// unconfirmed makes a user who is to prove their address or number, and sends them what they prove it with. For an address that has a user it does the
// same work and answers alike, and changes nothing: its message is written, and never sent.
// Counted is as Service.tooSoon tells it.
func (s *Service) unconfirmed(ctx context.Context, bound *projectdb.Session, user *newuser.User, in *Request, counted bool) (made *store.User, err error) {
	p := bound.Project
	user.Action = "-" // what is recorded is the message
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		known, err := find(ctx, tx, in)
		if err != nil {
			return err
		}
		if known == nil {
			if made, err = s.d.Users.Insert(ctx, tx, p, user); err != nil {
				return err
			}
			if made == nil { // somebody was faster
				if known, err = find(ctx, tx, in); err != nil || known == nil {
					return orConflict(err)
				}
			}
		}
		found := fresh
		if known != nil {
			if found, err = s.standing(p, known, in.byPhone(), counted); err != nil {
				return err
			}
			if found == pending {
				made, err = s.again(ctx, tx, known, user)
			} else {
				made, err = s.d.Users.Preview(ctx, tx, user)
			}
			if err != nil {
				return err
			}
		}
		return s.send(ctx, tx, p, made, known, found, in)
	})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	made.ConfirmationSent = &now
	return made, nil
}

func orConflict(err error) error {
	if err == nil {
		err = protocol.ErrConflict
	}
	return err
}

func find(ctx context.Context, tx *store.Tx, in *Request) (*store.User, error) {
	if in.byPhone() {
		return store.UserByPhone(ctx, tx, in.Phone)
	}
	return store.UserByEmail(ctx, tx, in.Email)
}

// tooSoon refuses what was asked for the same address or number just now, whoever has it. Counted tells that this holds, which takes a limiter.
func (s *Service) tooSoon(ctx context.Context, bound *projectdb.Session, in *Request) (counted bool, err error) {
	interval, sent := letter.LeastInterval(bound.Project, in.byPhone()), time.Now()
	// Counted apart from what signs in: for users nothing is sent here, and a stranger must not keep them from being sent anything there.
	wait, counted := s.d.Guard.Again(ctx, bound, "signup:"+in.provider(), in.Email+in.Phone, interval)
	if wait <= 0 {
		return counted, nil
	}
	sent = sent.Add(wait - interval)
	return counted, letter.TooSoon(bound.Project, in.byPhone(), &sent)
}

// standing tells what a sign-up finds. Where requests are counted by the address, one that comes too soon after a message that another flow sent is
// passed over in silence: an error would tell that there is such a user.
func (s *Service) standing(p *directory.Project, known *store.User, byPhone, counted bool) (standing, error) {
	found := standingOf(p, known, byPhone)
	if found != pending {
		return found, nil
	}
	err := letter.TooSoon(p, byPhone, known.ConfirmationSent)
	if err != nil && counted {
		return confirmed, nil
	}
	return found, err
}

// standingOf tells whether a user may be signed up again by a stranger: only when all there is of them is a sign-up that nobody proved to be theirs.
// Whoever was made or invited by an admin, has signed in or could do so, stays as they are.
func standingOf(p *directory.Project, u *store.User, byPhone bool) standing {
	var data struct {
		Sub string `json:"sub"`
	}
	_ = json.Unmarshal(u.UserMetadata, &data) // without one it is no sign-up
	switch {
	case u.EmailConfirmed != nil, u.PhoneConfirmed != nil, u.LastSignIn != nil, u.Invited != nil, u.Anonymous, u.SSO:
		return confirmed
	case data.Sub != u.ID.String(), !byPhone && on(p, "auth.email.allow_unverified_sign_in"):
		return confirmed
	}
	return pending
}

// again lets the latest sign-up count: whoever registers an address that is not theirs must not keep a password to it until its owner comes.
func (s *Service) again(ctx context.Context, tx *store.Tx, known *store.User, user *newuser.User) (*store.User, error) {
	set, remove := user.Data.Split()
	size, outcome, err := store.UpdateUser(ctx, tx, known.ID, store.Change{PasswordHash: &user.PasswordHash, SetMetadata: set.Encode(), RemoveMetadata: remove,
		CheckedHash: &known.PasswordHash})
	switch {
	case err != nil:
		return nil, err
	case outcome != store.Changed:
		return nil, protocol.ErrConflict
	case size > protocol.MaxMetadata:
		return nil, protocol.ErrMetadataSize()
	}
	return store.UserByID(ctx, tx, known.ID)
}

// send sends the user what they confirm with. Known is whose address it is.
func (s *Service) send(ctx context.Context, tx *store.Tx, p *directory.Project, made, known *store.User, found standing, in *Request) error {
	event := store.Event{Action: "user_confirmation_requested", Actor: made, Address: in.Client.Address, Traits: map[string]any{"provider": in.provider()}}
	if known != nil {
		event.Action, event.Actor = "user_repeated_signup", known
	}
	unsent := found == confirmed
	if in.byPhone() {
		return s.d.Letters.SMS(ctx, tx, p, letter.Text{User: made, Token: onetime.Confirmation, Channel: in.Channel, Event: event, Unsent: unsent})
	}
	m := letter.Mail{User: made, Token: onetime.Confirmation, Template: "confirmation", Kind: "signup", RedirectTo: in.RedirectTo, Event: event, Unsent: unsent}
	if in.Challenge != "" {
		m.Flow = &onetime.Flow{UserID: &made.ID, Challenge: in.Challenge, ChallengeMethod: in.ChallengeMethod, Provider: "email", Method: "email/signup",
			Referrer: in.RedirectTo}
	}
	return s.d.Letters.Email(ctx, tx, p, m)
}
