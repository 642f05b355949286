package proof

import (
	"context"
	"crypto/subtle"

	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// change makes the address or number that a user wants theirs, and tells the old address.
func (s *Service) change(ctx context.Context, tx *store.Tx, p *directory.Project, kind string, user *store.User) error {
	notice := message.Email{Template: "email_changed", To: user.Email, UserID: user.ID, OldEmail: user.Email, NewEmail: user.EmailChange}
	apply := store.ConfirmEmailChange
	if kind == PhoneChange {
		notice = message.Email{Template: "phone_changed", To: user.Email, UserID: user.ID, Phone: user.PhoneChange}
		apply = store.ConfirmPhoneChange
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
	if user.Email == "" || !on(p, "auth.email.notice."+notice.Template+".enabled") || s.d.Messages.CanEmail(p) != nil {
		return nil
	}
	notice.User, notice.Data = told(user)
	return s.d.Messages.Email(ctx, tx, p, notice)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
