package proof

import (
	"cmp"
	"context"

	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// Resends tells that it is a type of what is sent again when it was not confirmed.
func Resends(kind string) bool {
	return kind == SignUp || kind == SMS || kind == EmailChange || kind == PhoneChange
}

// Resend sends a user of an address or number once more what they have not confirmed. Kind is one of the types.
func (s *Service) Resend(ctx context.Context, bound *projectdb.Session, kind string, ask Ask) error {
	p, phone := bound.Project, ByPhone(kind)
	switch {
	case ask.Email != "" && !on(p, "auth.email.enabled"):
		return protocol.ErrEmailDisabled
	case ask.Phone != "" && !on(p, "auth.phone.enabled"):
		return protocol.ErrPhoneDisabled
	}
	if err := s.letters.Ready(p, ask.Phone, ask.Channel); err != nil {
		return err
	}
	// Not counted with what signs in: here strangers have nothing sent to confirmed users, and so would keep them from being sent anything. Those who
	// are not confirmed are sent the same by signing up.
	what := map[string]string{SignUp: "signup:email", SMS: "signup:phone"}[kind]
	counted, err := s.again(ctx, bound, cmp.Or(what, "resend:"+kind), ask.Email+ask.Phone, phone)
	if err != nil {
		return err
	}
	return store.InTx(ctx, bound, func(tx *store.Tx) error {
		user, err := find(ctx, tx, ask)
		if err != nil {
			return err
		}
		send, err := pending(p, user, kind, counted)
		switch {
		case err != nil:
			return err
		case !send:
			return s.unsentAgain(ctx, tx, p, kind, ask)
		}
		switch kind {
		case SignUp:
			return s.mail(ctx, tx, p, user, toSignUp, ask.Link, ask.Client)
		case SMS:
			return s.SendText(ctx, tx, p, user, onetime.Confirmation, user.Phone, ask.Channel, ask.Client)
		case EmailChange:
			return s.SendEmailChange(ctx, tx, p, user, user.EmailChange, ask.Link, ask.Client)
		}
		return s.SendText(ctx, tx, p, user, onetime.PhoneChange, user.PhoneChange, ask.Channel, ask.Client)
	})
}

// unsentAgain does what sending again does, and sends nothing.
func (s *Service) unsentAgain(ctx context.Context, tx *store.Tx, p *directory.Project, kind string, ask Ask) error {
	switch kind {
	case SignUp:
		return s.unsentMail(ctx, tx, p, ask.Email, toSignUp, ask.Link)
	case EmailChange:
		return s.emailChange(ctx, tx, p, nobody(ask.Email, ""), ask.Email, ask.Link, ask.Client, true)
	}
	return s.unsentText(ctx, tx, p, onetime.Confirmation, ask.Phone, ask.Channel)
}

// pending tells whether there is something to be sent again to the user, who may be nil.
func pending(p *directory.Project, user *store.User, kind string, counted bool) (bool, error) {
	if user == nil {
		return false, nil
	}
	waits, sent := false, user.ConfirmationSent
	switch kind {
	case SignUp:
		waits = user.EmailConfirmed == nil && user.Email != ""
	case SMS:
		waits = user.PhoneConfirmed == nil && user.Phone != ""
	case EmailChange:
		waits, sent = user.EmailChange != "", user.EmailChangeSent
	case PhoneChange:
		waits, sent = user.PhoneChange != "", user.PhoneChangeSent
	}
	if !waits {
		return false, nil
	}
	return rested(p, sent, ByPhone(kind), counted)
}
