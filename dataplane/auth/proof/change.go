package proof

import (
	"context"
	"crypto/subtle"

	"github.com/wayli-app/fluxbase/dataplane/auth/message"
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

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
