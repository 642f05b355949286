// Package letter writes users the mails and text messages that carry a code or a link, or tell what happened to their account.
package letter

import (
	"context"
	"encoding/json"
	"time"

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
	// Flow tells that the link ends a flow with PKCE.
	Flow               bool
	RedirectTo         string
	NewEmail, OldEmail string
	// Other is the code that goes to the other address while an address is being changed.
	Other *Made
	// Unsent is as in message.Email. Then the code is not kept either.
	Unsent bool
}

// Made is a code, and what the link carries: it alone is kept.
type Made struct{ Code, Hash string }

// Make makes a code and keeps its hash.
func Make(ctx context.Context, tx *store.Tx, p *directory.Project, m Mail) (Made, error) {
	made := Draw(p, m)
	return made, onetime.Put(ctx, tx, m.User.ID, m.Token, made.Hash, m.to())
}

// Draw makes a code without keeping it.
func Draw(p *directory.Project, m Mail) Made {
	code := onetime.Code(int(setting.Get[int64](p.Settings, "auth.email.otp_length")))
	hash := onetime.Hash(m.to(), code)
	if m.Flow {
		hash = onetime.ForFlow(hash)
	}
	return Made{code, hash}
}

// Email makes a code, keeps its hash and sends both.
func (s *Writer) Email(ctx context.Context, tx *store.Tx, p *directory.Project, m Mail) (Made, error) {
	if m.Unsent {
		made := Draw(p, m)
		return made, s.Send(ctx, tx, p, m, made)
	}
	made, err := Make(ctx, tx, p, m)
	if err != nil {
		return made, err
	}
	return made, s.Send(ctx, tx, p, m, made)
}

// Send sends what was made.
func (s *Writer) Send(ctx context.Context, tx *store.Tx, p *directory.Project, m Mail, made Made) error {
	out := message.Email{Template: m.Template, To: m.to(), UserID: m.User.ID, User: encode(m.User), Token: made.Code, TokenHash: made.Hash, Kind: m.Kind,
		NewEmail: m.NewEmail, OldEmail: m.OldEmail, RedirectTo: m.RedirectTo, Phone: m.User.Phone, Data: data(m.User), Unsent: m.Unsent}
	if m.Other != nil {
		out.TokenNew, out.TokenHashNew = m.Other.Code, m.Other.Hash
	}
	return s.messages.Email(ctx, tx, p, out)
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
	// Unsent is as in message.SMS. Then the code is not kept either.
	Unsent bool
}

// SMS makes a code, keeps its hash and sends it. Numbers with a fixed code get that one, and no message.
func (s *Writer) SMS(ctx context.Context, tx *store.Tx, p *directory.Project, t Text) error {
	to := t.To
	if to == "" {
		to = t.User.Phone
	}
	code, fixed := message.TestOTP(p.Settings, to)
	if !fixed {
		code = onetime.Code(int(setting.Get[int64](p.Settings, "auth.phone.otp_length")))
	}
	if !t.Unsent {
		if err := onetime.Put(ctx, tx, t.User.ID, t.Token, onetime.Hash(to, code), to); err != nil {
			return err
		}
	}
	return s.messages.SMS(ctx, tx, p, message.SMS{To: to, Code: code, UserID: t.User.ID, User: encode(t.User), Channel: t.Channel, Unsent: t.Unsent})
}

// Notice tells a user what happened, when the project has switched the notice on. What has happened is not undone when it cannot be sent.
func (s *Writer) Notice(ctx context.Context, tx *store.Tx, p *directory.Project, template, to string, u *store.User, m message.Email) error {
	if to == "" || !setting.Get[bool](p.Settings, "auth.email.notice."+template+".enabled") || s.messages.CanEmail(p) != nil {
		return nil
	}
	m.Template, m.To, m.UserID, m.User, m.Phone, m.Data = template, to, u.ID, encode(u), u.Phone, data(u)
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
	what := "email"
	if byPhone {
		what = "phone"
	}
	wait := protocol.Soon(sent, time.Duration(setting.Get[int64](p.Settings, "auth."+what+".max_frequency"))*time.Second, time.Now())
	switch {
	case wait <= 0:
		return nil
	case byPhone:
		return protocol.ErrTooManyTexts(protocol.ErrTooSoon(wait), wait)
	}
	return protocol.ErrTooManyMails(protocol.ErrTooSoon(wait), wait)
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
