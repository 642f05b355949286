package proof

import (
	"context"

	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// The types of what is sent again.
const (
	ResendSignUp      = "signup"
	ResendSMS         = "sms"
	ResendEmailChange = "email_change"
	ResendPhoneChange = "phone_change"
)

// Resend sends a user of an address or number once more what they have not confirmed. Kind is one of the types.
func (s *Service) Resend(ctx context.Context, bound *projectdb.Session, kind string, ask Ask) error {
	p, phone := bound.Project, kind == ResendSMS || kind == ResendPhoneChange
	if err := s.canResend(p, ask, phone); err != nil {
		return err
	}
	// Not counted with what signs in: here strangers have nothing sent to confirmed users, and so would keep them from being sent anything.
	counted, err := s.again(ctx, bound, "resend:"+kind, ask.Email+ask.Phone, phone)
	if err != nil {
		return err
	}
	roundTrips := sendRoundTrips
	if kind == ResendEmailChange && on(p, "auth.email.secure_change") && !on(p, "auth.autoconfirm") {
		roundTrips++ // two mails
	}
	return store.InTx(ctx, bound, func(tx *store.Tx) error {
		user, err := find(ctx, tx, ask)
		if err != nil {
			return err
		}
		send, err := s.pending(p, user, kind, phone, counted)
		if err != nil {
			return err
		}
		if !send {
			return standIns(ctx, tx, roundTrips)
		}
		switch kind {
		case ResendSignUp:
			return s.mail(ctx, tx, p, user, signUpLetter, ask.Link, ask.Client)
		case ResendSMS:
			return s.SendText(ctx, tx, p, user, onetime.Confirmation, user.Phone, ask.Channel, ask.Client)
		case ResendEmailChange:
			return s.SendEmailChange(ctx, tx, p, user, user.EmailChange, ask.Link, ask.Client)
		}
		return s.SendText(ctx, tx, p, user, onetime.PhoneChange, user.PhoneChange, ask.Channel, ask.Client)
	})
}

func (s *Service) canResend(p *directory.Project, ask Ask, phone bool) error {
	if ask.Email != "" && !on(p, "auth.email.enabled") {
		return errResendEmailDisabled
	}
	if ask.Phone != "" && !on(p, "auth.phone.enabled") {
		return errResendPhoneDisabled
	}
	if phone {
		return s.canText(p, ask.Phone, ask.Channel)
	}
	return s.d.Messages.CanEmail(p)
}

// pending tells whether there is something to be sent again to the user, who may be nil.
func (s *Service) pending(p *directory.Project, user *store.User, kind string, phone, counted bool) (bool, error) {
	if user == nil {
		return false, nil
	}
	waits, sent := false, user.ConfirmationSent
	switch kind {
	case ResendSignUp:
		waits = user.EmailConfirmed == nil && user.Email != ""
	case ResendSMS:
		waits = user.PhoneConfirmed == nil && user.Phone != ""
	case ResendEmailChange:
		waits, sent = user.EmailChange != "", user.EmailChangeSent
	case ResendPhoneChange:
		waits, sent = user.PhoneChange != "", user.PhoneChangeSent
	}
	if !waits {
		return false, nil
	}
	return rested(p.Settings, sent, phone, counted)
}
