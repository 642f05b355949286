package proof

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/letter"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// occasion is what a mail with a code and a link is sent for.
type occasion struct {
	token onetime.Kind
	// template is the mail's, kind what its link names to /verify, method how a session is opened that a flow with it ends in, and action the event.
	template, kind, method, action string
}

var (
	toSignUp  = occasion{onetime.Confirmation, "confirmation", SignUp, "email/signup", "user_confirmation_requested"}
	toSignIn  = occasion{onetime.Recovery, "magic_link", MagicLink, "magiclink", "user_recovery_requested"}
	toRecover = occasion{onetime.Recovery, "recovery", Recovery, "recovery", "user_recovery_requested"}
)

func (l Link) flowOf(user *store.User, method string) *onetime.Flow {
	if l.Challenge == "" {
		return nil
	}
	return &onetime.Flow{UserID: &user.ID, Challenge: l.Challenge, ChallengeMethod: l.ChallengeMethod, Provider: "email", Method: method, Referrer: l.RedirectTo}
}

// nobody stands in for a user to whom nothing is to be sent, so that the same is done as for one.
func nobody(email, phone string) *store.User {
	return &store.User{ID: uuid.New(), Email: email, Phone: phone, AppMetadata: json.RawMessage("{}"), UserMetadata: json.RawMessage("{}"), Identities: json.RawMessage("[]")}
}

// mail sends a user a mail for an occasion; unsent does the same and sends nothing.
func (s *Service) mail(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, o occasion, link Link, c store.Client) error {
	return s.letters.Email(ctx, tx, p, letter.Mail{User: user, Token: o.token, Kind: o.kind, Template: o.template, RedirectTo: link.RedirectTo,
		Flow: link.flowOf(user, o.method), Event: store.Event{Action: o.action, Actor: user, Address: c.Address, Traits: map[string]any{"provider": "email"}}})
}

func (s *Service) unsentMail(ctx context.Context, tx *store.Tx, p *directory.Project, email string, o occasion, link Link) error {
	user := nobody(email, "")
	return s.letters.Email(ctx, tx, p, letter.Mail{User: user, Token: o.token, Kind: o.kind, Template: o.template, RedirectTo: link.RedirectTo,
		Flow: link.flowOf(user, o.method), Unsent: true})
}

// SendEmailChange sends a user what confirms the address that they want: to it, and to the one that they have, when the project asks for both.
// The user's row must name the address as wanted already.
func (s *Service) SendEmailChange(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, wanted string, link Link, c store.Client) error {
	return s.emailChange(ctx, tx, p, user, wanted, link, c, false)
}

// emailChange with unsent does the same for who is nobody, of whom nothing is stored, and sends nothing.
func (s *Service) emailChange(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, wanted string, link Link, c store.Client, unsent bool) error {
	n, both := digits(p.Settings, false), takesBoth(p, user)
	flow := link.flowOf(user, EmailChange)
	var batch pgx.Batch
	toNew := onetime.QueueIssue(&batch, user.ID, onetime.EmailChangeNew, wanted, n, flow != nil)
	var toOld onetime.Issued
	if both {
		toOld = onetime.QueueIssue(&batch, user.ID, onetime.EmailChangeCurrent, user.Email, n, flow != nil)
	}
	if flow != nil {
		onetime.QueueStart(&batch, flow)
	}
	switch {
	case !unsent:
		store.QueueAudit(&batch, p, store.Event{Action: "user_confirmation_requested", Actor: user, Address: c.Address, Traits: map[string]any{"provider": "email"}})
	case on(p, "auth.audit_log"):
		store.QueueMarkSent(&batch, uuid.Nil) // in its place
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	shown := *user
	shown.EmailChange = wanted
	m := message.Email{Template: "email_change", UserID: user.ID, Kind: EmailChange, RedirectTo: link.RedirectTo, OldEmail: user.Email, NewEmail: wanted, Unsent: unsent}
	m.User, m.Data = told(&shown)
	old := m
	m.To, m.Token, m.TokenHash = wanted, toNew.Code, toNew.Link
	if both && on(p, "auth.hook.send_email.enabled") {
		// The hook is asked once, for both addresses. Its fields are GoTrue's: token and token_hash_new are for the old one, token_new and token_hash for
		// the new one.
		m.Token, m.TokenNew, m.TokenHashNew = toOld.Code, toNew.Code, toOld.Link
		both = false
	}
	if err := s.d.Messages.Email(ctx, tx, p, m); err != nil || !both {
		return err
	}
	old.To, old.Token, old.TokenHash = user.Email, toOld.Code, toOld.Link
	return s.d.Messages.Email(ctx, tx, p, old)
}

// takesBoth tells that a change of a user's address takes confirmations from the old and the new one.
func takesBoth(p *directory.Project, user *store.User) bool {
	return on(p, "auth.email.secure_change") && !on(p, "auth.autoconfirm") && user.Email != ""
}

// SendText sends a code to a number: that of a user who signs in (Confirmation), or the one that they want (PhoneChange).
func (s *Service) SendText(ctx context.Context, tx *store.Tx, p *directory.Project, user *store.User, kind onetime.Kind, number, channel string, c store.Client) error {
	action := "user_recovery_requested"
	if user.PhoneConfirmed == nil || kind == onetime.PhoneChange {
		action = "user_confirmation_requested"
	}
	return s.letters.SMS(ctx, tx, p, letter.Text{User: user, To: number, Token: kind, Channel: channel,
		Event: store.Event{Action: action, Actor: user, Address: c.Address, Traits: map[string]any{"provider": "phone", "channel": channel}}})
}

func (s *Service) unsentText(ctx context.Context, tx *store.Tx, p *directory.Project, kind onetime.Kind, number, channel string) error {
	return s.letters.SMS(ctx, tx, p, letter.Text{User: nobody("", number), To: number, Token: kind, Channel: channel, Unsent: true})
}

// told is a user as hooks and templates are told of them.
func told(u *store.User) (asJSON json.RawMessage, data map[string]any) {
	asJSON, _ = json.Marshal(protocol.NewUser(u)) // of strings, times and JSON
	_ = json.Unmarshal(u.UserMetadata, &data)     // an object, or else nothing to tell
	return asJSON, data
}
