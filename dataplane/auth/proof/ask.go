package proof

import (
	"context"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

var (
	errEmailDisabled = fault.New(fault.FailedPrecondition, "EMAIL_PROVIDER_DISABLED", "Email logins are disabled")
	errPhoneDisabled = fault.New(fault.Invalid, "PHONE_PROVIDER_DISABLED", "Unsupported phone provider")
	errOTPDisabled   = fault.New(fault.FailedPrecondition, "OTP_DISABLED", "Signups not allowed for otp")
)

// Ask is who asks to be sent a code.
type Ask struct {
	// Email and Phone are in normal form; one of them is "".
	Email, Phone string
	// Create makes a user of who is none yet, with Data.
	Create bool
	Data   protocol.Metadata
	// Channel is that of a text message.
	Channel string
	Link    Link
	Client  store.Client
}

// SignIn sends what signs a user in: a mail with a link and a code, or a text message with a code.
//
// Somebody may have signed up with a password and an address or number that is not theirs, and may wait for its owner to confirm it. What is sent to such
// an account is therefore no confirmation of that sign-up, but a proof like one to recover it, with which the password goes (see confirm).
func (s *Service) SignIn(ctx context.Context, bound *projectdb.Session, ask Ask) error {
	if err := ask.Data.Validate(); err != nil {
		return err
	}
	if ask.Email != "" {
		return s.magicLink(ctx, bound, ask)
	}
	return s.textCode(ctx, bound, ask)
}

func (s *Service) magicLink(ctx context.Context, bound *projectdb.Session, ask Ask) error {
	p := bound.Project
	if !on(p, "auth.email.enabled") {
		return errEmailDisabled
	}
	if err := s.letters.Ready(p, "", ""); err != nil {
		return err
	}
	counted, err := s.again(ctx, bound, asked("email", ask), ask.Email, false)
	if err != nil {
		return err
	}
	s.begun(ctx, bound, ask.Email, false)
	next := newuser.User{Email: ask.Email, EmailConfirmed: on(p, "auth.autoconfirm"), Data: ask.Data, Address: ask.Client.Address}
	return s.toUser(ctx, bound, ask, &next, func(tx *store.Tx, user *store.User) error {
		o, sent := toSignIn, user.RecoverySent
		if user.EmailConfirmed == nil && !user.OpenToMaker() && !on(p, "auth.autoconfirm") {
			o, sent = toSignUp, user.ConfirmationSent
		}
		if ok, err := rested(p, sent, false, counted); err != nil {
			return err
		} else if !ok {
			return s.unsentMail(ctx, tx, p, ask.Email, o, ask.Link)
		}
		return s.mail(ctx, tx, p, user, o, ask.Link, ask.Client)
	})
}

func (s *Service) textCode(ctx context.Context, bound *projectdb.Session, ask Ask) error {
	p := bound.Project
	if !on(p, "auth.phone.enabled") {
		return errPhoneDisabled
	}
	if err := s.letters.Ready(p, ask.Phone, ask.Channel); err != nil {
		return err
	}
	counted, err := s.again(ctx, bound, asked("sms", ask), ask.Phone, true)
	if err != nil {
		return err
	}
	s.begun(ctx, bound, ask.Phone, true)
	next := newuser.User{Phone: ask.Phone, PhoneConfirmed: on(p, "auth.phone.autoconfirm"), Data: ask.Data, Address: ask.Client.Address}
	return s.toUser(ctx, bound, ask, &next, func(tx *store.Tx, user *store.User) error {
		token, sent := onetime.Confirmation, user.ConfirmationSent
		if user.PhoneConfirmed == nil && user.OpenToMaker() {
			token, sent = onetime.Recovery, later(user.RecoverySent, sent)
		}
		if ok, err := rested(p, sent, true, counted); err != nil {
			return err
		} else if !ok {
			return s.unsentText(ctx, tx, p, token, ask.Phone, ask.Channel)
		}
		return s.SendText(ctx, tx, p, user, token, ask.Phone, ask.Channel, ask.Client)
	})
}

// asked is what is counted: who asks for known users only, and is told that there is none, may ask to sign up at once.
func asked(what string, ask Ask) string {
	if ask.Create {
		return what
	}
	return what + ":known"
}

func later(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.After(*a) {
		return b
	}
	return a
}

// toUser runs send for the user who is asked for, in a transaction. Who is none yet is made, when that is wanted. A known user takes as many round trips
// as one that is made; only the project's own hook, and its triggers, make a difference.
func (s *Service) toUser(ctx context.Context, bound *projectdb.Session, ask Ask, next *newuser.User, send func(tx *store.Tx, user *store.User) error) error {
	if !next.EmailConfirmed && !next.PhoneConfirmed {
		next.Action = "-" // what is recorded is the message, and the sign-up when it is confirmed
	}
	checked := !on(bound.Project, "auth.hook.before_user_created.enabled")
	for {
		hold := false
		err := store.InTx(ctx, bound, func(tx *store.Tx) error {
			user, err := find(ctx, tx, ask)
			switch {
			case err != nil:
				return err
			case user != nil:
				if _, err := s.d.Users.Preview(ctx, tx, next); err != nil {
					return err
				}
				return send(tx, user)
			case !ask.Create:
				return errOTPDisabled
			case on(bound.Project, "auth.disable_signup"):
				return protocol.ErrSignupDisabled
			}
			if hold = !checked; hold {
				return nil
			}
			if user, err = s.insert(ctx, tx, bound.Project, ask, next); err != nil {
				return err
			}
			return send(tx, user)
		})
		if err != nil || !hold {
			return err
		}
		// With no transaction open: the hook may be slow.
		if err := s.d.Users.Check(ctx, bound, next); err != nil {
			return err
		}
		checked = true
	}
}

func find(ctx context.Context, tx *store.Tx, ask Ask) (*store.User, error) {
	if ask.Email != "" {
		return store.UserByEmail(ctx, tx, ask.Email)
	}
	return store.UserByPhone(ctx, tx, ask.Phone)
}

// insert makes the user, or finds who was made meanwhile.
func (s *Service) insert(ctx context.Context, tx *store.Tx, p *directory.Project, ask Ask, next *newuser.User) (*store.User, error) {
	user, err := s.d.Users.Insert(ctx, tx, p, next)
	if err == nil && user == nil {
		user, err = find(ctx, tx, ask)
	}
	if err == nil && user == nil {
		err = protocol.ErrConflict
	}
	return user, err
}

// Recover sends a user of an address what lets them in to set a new password.
func (s *Service) Recover(ctx context.Context, bound *projectdb.Session, email string, link Link, c store.Client) error {
	p := bound.Project
	if err := s.letters.Ready(p, "", ""); err != nil {
		return err
	}
	counted, err := s.again(ctx, bound, "email", email, false)
	if err != nil {
		return err
	}
	return store.InTx(ctx, bound, func(tx *store.Tx) error {
		user, err := store.UserByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		ok := user != nil
		if ok {
			if ok, err = rested(p, user.RecoverySent, false, counted); err != nil {
				return err
			}
		}
		if !ok {
			return s.unsentMail(ctx, tx, p, email, toRecover, link)
		}
		return s.mail(ctx, tx, p, user, toRecover, link, c)
	})
}
