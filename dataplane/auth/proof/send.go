package proof

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// letter is a mail with a code and a link.
type letter struct {
	token onetime.Kind
	// template is the mail's, kind what its link names to /verify, method how a session is opened that a flow with it ends in, and action the event.
	template, kind, method, action string
}

var (
	signUpLetter   = letter{onetime.Confirmation, "confirmation", "signup", "email/signup", "user_confirmation_requested"}
	magicLetter    = letter{onetime.Recovery, "magic_link", "magiclink", "magiclink", "user_recovery_requested"}
	recoveryLetter = letter{onetime.Recovery, "recovery", "recovery", "recovery", "user_recovery_requested"}
)

// sendRoundTrips is how many round trips it takes to send one message; each further one takes another.
const sendRoundTrips = 2

// SendSignUp sends a new user what confirms their address.
func (s *Service) SendSignUp(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, link Link, c store.Client) error {
	return s.mail(ctx, tx, p, user, signUpLetter, link, c)
}

// mail sends a letter to a user, with events to be recorded beside its own.
func (s *Service) mail(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, l letter, link Link, c store.Client, events ...store.Event) error {
	var batch pgx.Batch
	issued := onetime.QueueIssue(&batch, user.ID, l.token, user.Email, digits(p.Settings, false), link.flow())
	queueFlow(&batch, user, l.method, link)
	for _, e := range append(events, store.Event{Action: l.action, Actor: user, Address: c.Address, Traits: map[string]any{"provider": "email"}}) {
		store.QueueAudit(&batch, p, e)
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	asJSON, data := told(user)
	return s.d.Messages.Email(ctx, tx, p, message.Email{Template: l.template, To: user.Email, UserID: user.ID, User: asJSON, Token: issued.Code, TokenHash: issued.Link,
		Kind: l.kind, RedirectTo: link.RedirectTo, Data: data})
}

func queueFlow(batch *pgx.Batch, user *store.User, method string, link Link) {
	if link.flow() {
		onetime.QueueStart(batch, &onetime.Flow{UserID: &user.ID, Challenge: link.Challenge, ChallengeMethod: link.ChallengeMethod, Provider: "email", Method: method})
	}
}

// SendEmailChange sends a user what confirms the address that they want: to it, and to the one that they have, when the project asks for both.
// The user's row must name the address as wanted already.
func (s *Service) SendEmailChange(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, wanted string, link Link, c store.Client) error {
	n := digits(p.Settings, false)
	both := takesBoth(p, user)
	var batch pgx.Batch
	toNew := onetime.QueueIssue(&batch, user.ID, onetime.EmailChangeNew, wanted, n, link.flow())
	var toOld onetime.Issued
	if both {
		toOld = onetime.QueueIssue(&batch, user.ID, onetime.EmailChangeCurrent, user.Email, n, link.flow())
	}
	queueFlow(&batch, user, "email_change", link)
	store.QueueAudit(&batch, p, store.Event{Action: "user_confirmation_requested", Actor: user, Address: c.Address, Traits: map[string]any{"provider": "email"}})
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	asJSON, data := told(user)
	m := message.Email{Template: "email_change", UserID: user.ID, User: asJSON, Kind: "email_change", RedirectTo: link.RedirectTo, Data: data,
		OldEmail: user.Email, NewEmail: wanted}
	toOldMail := m
	m.To, m.Token, m.TokenHash, m.TokenNew, m.TokenHashNew = wanted, toNew.Code, toNew.Link, toOld.Code, toOld.Link
	if err := s.d.Messages.Email(ctx, tx, p, m); err != nil || !both {
		return err
	}
	toOldMail.To, toOldMail.Token, toOldMail.TokenHash, toOldMail.TokenNew, toOldMail.TokenHashNew = user.Email, toOld.Code, toOld.Link, toNew.Code, toNew.Link
	return s.d.Messages.Email(ctx, tx, p, toOldMail)
}

// takesBoth tells that a change of a user's address takes confirmations from the old and the new one.
func takesBoth(p *directory.Project, user *store.User) bool {
	return on(p, "auth.email.secure_change") && !on(p, "auth.autoconfirm") && user.Email != ""
}

// SendText sends a code to a number: that of a user who signs in (Confirmation), or the one that they want (PhoneChange).
func (s *Service) SendText(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, kind onetime.Kind, number, channel string, c store.Client, events ...store.Event) error {
	var batch pgx.Batch
	issued := onetime.QueueIssue(&batch, user.ID, kind, number, digits(p.Settings, true), false)
	action := "user_recovery_requested"
	if user.PhoneConfirmed == nil || kind == onetime.PhoneChange {
		action = "user_confirmation_requested"
	}
	for _, e := range append(events, store.Event{Action: action, Actor: user, Address: c.Address, Traits: map[string]any{"provider": "phone", "channel": channel}}) {
		store.QueueAudit(&batch, p, e)
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	asJSON, _ := told(user)
	return s.d.Messages.SMS(ctx, tx, p, message.SMS{To: number, Code: issued.Code, UserID: user.ID, User: asJSON, Channel: channel})
}

// canText refuses when the project could not send to a number at all. Numbers with a fixed code are sent nothing.
func (s *Service) canText(p *directory.Project, number, channel string) error {
	if _, test := message.TestOTP(p.Settings, number); test {
		return nil
	}
	return s.d.Messages.CanSMS(p, channel)
}
