package proof

import (
	"context"

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

	errResendEmailDisabled = fault.New(fault.Invalid, "EMAIL_PROVIDER_DISABLED", "Email logins are disabled")
	errResendPhoneDisabled = fault.New(fault.Invalid, "PHONE_PROVIDER_DISABLED", "Phone logins are disabled")
)

// Ask is who asks to be sent a code.
type Ask struct {
	// Email and Phone are in normal form; one of them is "".
	Email, Phone string
	// Create makes a user of who is none yet, with Data.
	Create bool
	Data   protocol.Metadata
	// Channel is that of a text message; "" is "sms".
	Channel string
	Link    Link
	Client  store.Client
}

// SignIn sends what signs a user in: a mail with a link and a code, or a text message with a code.
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
	if err := s.d.Messages.CanEmail(p); err != nil {
		return err
	}
	counted, err := s.again(ctx, bound, "email", ask.Email, false)
	if err != nil {
		return err
	}
	next := newuser.User{Email: ask.Email, EmailConfirmed: on(p, "auth.autoconfirm"), Data: ask.Data, Address: ask.Client.Address, Action: "-"}
	return s.toUser(ctx, bound, ask, &next, func(tx *store.Tx, user *store.User, isNew bool) error {
		l, sent := magicLetter, user.RecoverySent
		if user.EmailConfirmed == nil && !on(p, "auth.autoconfirm") {
			l, sent = signUpLetter, user.ConfirmationSent
		}
		if ok, err := rested(p.Settings, sent, false, counted); err != nil {
			return err
		} else if !ok {
			return standIns(ctx, tx, sendRoundTrips)
		}
		return s.mail(ctx, tx, p, user, l, ask.Link, ask.Client, signedUp(user, isNew && user.EmailConfirmed != nil, "email", ask)...)
	})
}

func (s *Service) textCode(ctx context.Context, bound *projectdb.Session, ask Ask) error {
	p := bound.Project
	if !on(p, "auth.phone.enabled") {
		return errPhoneDisabled
	}
	if err := s.canText(p, ask.Phone, ask.Channel); err != nil {
		return err
	}
	counted, err := s.again(ctx, bound, "sms", ask.Phone, true)
	if err != nil {
		return err
	}
	next := newuser.User{Phone: ask.Phone, PhoneConfirmed: on(p, "auth.phone.autoconfirm"), Data: ask.Data, Address: ask.Client.Address, Action: "-"}
	return s.toUser(ctx, bound, ask, &next, func(tx *store.Tx, user *store.User, isNew bool) error {
		if ok, err := rested(p.Settings, user.ConfirmationSent, true, counted); err != nil {
			return err
		} else if !ok {
			return standIns(ctx, tx, sendRoundTrips)
		}
		return s.SendText(ctx, tx, p, user, onetime.Confirmation, ask.Phone, ask.Channel, ask.Client, signedUp(user, isNew && user.PhoneConfirmed != nil, "phone", ask)...)
	})
}

// signedUp are the events of a user who was made and needs no confirmation.
func signedUp(user *store.User, confirmed bool, provider string, ask Ask) []store.Event {
	if !confirmed {
		return nil
	}
	return []store.Event{{Action: "user_signedup", Actor: user, Address: ask.Client.Address, Traits: map[string]any{"provider": provider}}}
}

// toUser runs send for the user who is asked for, in a transaction. Who is none yet is made, when that is wanted. A known user takes as many round trips
// as one that is made; only the project's own hook, and its triggers, make a difference.
func (s *Service) toUser(ctx context.Context, bound *projectdb.Session, ask Ask, next *newuser.User, send func(tx *store.Tx, user *store.User, isNew bool) error) error {
	mayMake := func() error {
		switch {
		case !ask.Create:
			return errOTPDisabled
		case on(bound.Project, "auth.disable_signup"):
			return protocol.ErrSignupDisabled
		}
		return nil
	}
	checked := !on(bound.Project, "auth.hook.before_user_created.enabled")
	for {
		again := false
		err := store.InTx(ctx, bound, func(tx *store.Tx) error {
			user, err := find(ctx, tx, ask)
			switch {
			case err != nil:
				return err
			case user != nil:
				if err := standIns(ctx, tx, 1); err != nil {
					return err
				}
				return send(tx, user, false)
			}
			if err := mayMake(); err != nil {
				return err
			}
			if again = !checked; again {
				return nil
			}
			if user, err = s.insert(ctx, tx, bound.Project, ask, next); err != nil {
				return err
			}
			return send(tx, user, true)
		})
		if err != nil || !again {
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
	if err := s.d.Messages.CanEmail(p); err != nil {
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
			if ok, err = rested(p.Settings, user.RecoverySent, false, counted); err != nil {
				return err
			}
		}
		if !ok {
			return standIns(ctx, tx, sendRoundTrips)
		}
		return s.mail(ctx, tx, p, user, recoveryLetter, link, c)
	})
}
