// Package letter writes users the mails and text messages that carry a code or a link, or tell what happened to their account.
package letter

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Writer writes for every project.
type Writer struct{ messages *message.Outbox }

// New makes a writer.
func New(messages *message.Outbox) *Writer { return &Writer{messages} }

// Mail is a code and a link that are to be made for a user.
type Mail struct {
	User *store.User
	// To is the address that the code proves; the user's own when empty.
	To string
	// Token is what the code is kept as, Kind the type that the link names, Template the mail's.
	Token    onetime.Kind
	Kind     string
	Template string
	// Flow is the flow with PKCE that the link ends, or nil.
	Flow               *onetime.Flow
	RedirectTo         string
	NewEmail, OldEmail string
	// Event is recorded, unless it has no action.
	Event store.Event
	// Unsent is as in message.Email. Then the code is kept for nobody either, by a statement that takes as long.
	Unsent bool
}

// keeper is who has the code: nobody when it is not sent.
func keeper(u *store.User, unsent bool) uuid.UUID {
	if unsent {
		return uuid.Nil
	}
	return u.ID
}

// Make makes a code and keeps it.
func Make(ctx context.Context, tx *store.Tx, p *directory.Project, m Mail) (onetime.Issued, error) {
	var batch pgx.Batch
	made := onetime.QueueIssue(&batch, keeper(m.User, m.Unsent), m.Token, m.to(), int(setting.Get[int64](p.Settings, "auth.email.otp_length")), m.Flow != nil)
	if m.Flow != nil {
		onetime.QueueStart(&batch, m.Flow)
	}
	queueEvent(&batch, p, m.Event, m.Unsent)
	return made, tx.SendBatch(ctx, &batch).Close()
}

// queueEvent records an event. Where there is none of a message that is not sent, another statement takes its place.
func queueEvent(batch *pgx.Batch, p *directory.Project, e store.Event, unsent bool) {
	switch {
	case e.Action != "":
		store.QueueAudit(batch, p, e)
	case unsent && setting.Get[bool](p.Settings, "auth.audit_log"):
		store.QueueMarkSent(batch, uuid.Nil)
	}
}

// Email makes a code and sends it.
func (s *Writer) Email(ctx context.Context, tx *store.Tx, p *directory.Project, m Mail) error {
	made, err := Make(ctx, tx, p, m)
	if err != nil {
		return err
	}
	return s.messages.Email(ctx, tx, p, message.Email{Template: m.Template, To: m.to(), UserID: m.User.ID, User: encode(m.User), Token: made.Code,
		TokenHash: made.Link, Kind: m.Kind, NewEmail: m.NewEmail, OldEmail: m.OldEmail, RedirectTo: m.RedirectTo, Phone: m.User.Phone, Data: data(m.User),
		Unsent: m.Unsent})
}

func (m *Mail) to() string {
	if m.To == "" {
		return m.User.Email
	}
	return m.To
}

// Text is a code that is to be sent to a number.
type Text struct {
	User *store.User
	// To is the number that the code proves; the user's own when empty.
	To      string
	Token   onetime.Kind
	Channel string
	// Event and Unsent are as in Mail.
	Event  store.Event
	Unsent bool
}

// SMS makes a code, keeps its hash and sends it.
func (s *Writer) SMS(ctx context.Context, tx *store.Tx, p *directory.Project, t Text) error {
	to := t.To
	if to == "" {
		to = t.User.Phone
	}
	var batch pgx.Batch
	made := onetime.QueueIssue(&batch, keeper(t.User, t.Unsent), t.Token, to, int(setting.Get[int64](p.Settings, "auth.phone.otp_length")), false)
	queueEvent(&batch, p, t.Event, t.Unsent)
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	return s.messages.SMS(ctx, tx, p, message.SMS{To: to, Code: made.Code, UserID: t.User.ID, User: encode(t.User), Channel: t.Channel, Unsent: t.Unsent})
}

// Notice tells a user what happened, when the project has switched the notice on. What has happened is not undone when it cannot be sent.
func (s *Writer) Notice(ctx context.Context, tx *store.Tx, p *directory.Project, template, to string, u *store.User, m message.Email) error {
	wanted, possible := setting.Get[bool](p.Settings, "auth.email.notice."+template+".enabled"), s.messages.CanEmail(p) == nil
	if to == "" || !wanted || !possible {
		return nil
	}
	m.Template, m.To, m.UserID, m.User, m.Data = template, to, u.ID, encode(u), data(u)
	if m.Phone == "" {
		m.Phone = u.Phone
	}
	return s.messages.Email(ctx, tx, p, m)
}

// Ready refuses when the project could send nothing to a number by a channel, or no mail when the number is "".
func (s *Writer) Ready(p *directory.Project, number, channel string) error {
	if number == "" {
		return s.messages.CanEmail(p)
	}
	if _, fixed := message.TestOTP(p.Settings, number); fixed {
		return nil
	}
	return s.messages.CanSMS(p, channel)
}

// TooSoon refuses what was sent within the least interval: again by mail, or by text message.
func TooSoon(p *directory.Project, byPhone bool, sent *time.Time) error {
	wait := protocol.Soon(sent, LeastInterval(p, byPhone), time.Now())
	switch {
	case wait <= 0:
		return nil
	case byPhone:
		return protocol.ErrTooManyTexts(protocol.ErrTooSoon(wait), wait)
	}
	return protocol.ErrTooManyMails(protocol.ErrTooSoon(wait), wait)
}

// LeastInterval is how long there is between two messages to one user.
func LeastInterval(p *directory.Project, byPhone bool) time.Duration {
	what := "email"
	if byPhone {
		what = "phone"
	}
	return time.Duration(setting.Get[int64](p.Settings, "auth."+what+".max_frequency")) * time.Second
}

func encode(u *store.User) json.RawMessage {
	encoded, _ := json.Marshal(protocol.NewUser(u)) // of JSON and strings
	return encoded
}

func data(u *store.User) map[string]any {
	var out map[string]any
	_ = json.Unmarshal(u.UserMetadata, &out) // an object, or else there is nothing to tell
	return out
}
