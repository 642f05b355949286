package proof

import (
	"context"
	"crypto/subtle"

	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// change makes the address or number that a user wants theirs, and tells the address that they had.
func (s *Service) change(ctx context.Context, tx *store.Tx, p *directory.Project, kind string, user *store.User) error {
	notice, m, apply := "email_changed", message.Email{OldEmail: user.Email, NewEmail: user.EmailChange}, store.ConfirmEmailChange
	if kind == PhoneChange {
		notice, m, apply = "phone_changed", message.Email{Phone: user.PhoneChange}, store.ConfirmPhoneChange
	}
	switch outcome, err := apply(ctx, tx, user.ID); {
	case err != nil:
		return err
	case outcome == store.EmailTaken:
		return protocol.ErrEmailExists
	case outcome == store.PhoneTaken:
		return protocol.ErrPhoneExists
	case outcome != store.Changed:
		return protocol.ErrOTPExpired
	}
	return s.letters.Notice(ctx, tx, p, notice, user.Email, user, m)
}

// setPassword sets a new password, ends the sessions that there are, takes what would let somebody set another one, and tells the user. Whoever does
// this may be shutting somebody out: an address or number that was wanted before is given up.
func (s *Service) setPassword(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, shown Shown) error {
	nothing := ""
	switch _, outcome, err := store.UpdateUser(ctx, tx, user.ID, store.Change{PasswordHash: &shown.PasswordHash, EmailWanted: &nothing, PhoneWanted: &nothing}); {
	case err != nil:
		return err
	case outcome != store.Changed:
		return protocol.ErrConflict
	}
	if _, err := onetime.Take(ctx, tx, user.ID, onetime.Recovery, onetime.Reauthentication); err != nil {
		return err
	}
	if err := s.d.Sessions.End(ctx, tx, p, user.ID, nil, nil); err != nil {
		return err
	}
	if err := store.Audit(ctx, tx, p, store.Event{Action: "user_updated_password", Actor: user, Address: shown.Client.Address}); err != nil {
		return err
	}
	return s.letters.Notice(ctx, tx, p, "password_changed", user.Email, user, message.Email{})
}

// shutOutMaker takes the password, and identities at providers, from an account whose owner has only now been found, and was not asked for them: they may
// be a stranger's.
func (s *Service) shutOutMaker(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User) error {
	if err := store.ShutOutMaker(ctx, tx, user.ID); err != nil {
		return err
	}
	return s.d.Sessions.End(ctx, tx, p, user.ID, nil, nil)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
