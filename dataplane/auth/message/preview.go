package message

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	postbox "github.com/wayli-app/fluxbase/internal/mail"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Draft is a mail template that a developer works on.
type Draft struct {
	// Template is a name of setting.EmailTemplates or setting.EmailNotices.
	Template string `json:"template"`
	// Subject and Content are the wording; nil is that of the project's settings.
	Subject *string `json:"subject"`
	Content *string `json:"content"`
	// Data is what a user's metadata may be.
	Data map[string]any `json:"data"`
}

// Preview is a mail as it would be sent.
type Preview struct {
	Subject string `json:"subject"`
	HTML    string `json:"html"`
	Text    string `json:"text"`
}

// Preview renders a draft with example values. Errors have words for developers.
func (o *Outbox) Preview(p *directory.Project, d Draft) (Preview, error) {
	return o.preview(p, d, "user@example.com")
}

func (o *Outbox) preview(p *directory.Project, d Draft, to string) (out Preview, err error) {
	base, ok := templateKey(d.Template)
	if !ok {
		return out, errNoTemplate(d.Template)
	}
	subject, content := setting.Get[string](p.Settings, base+".subject"), setting.Get[string](p.Settings, base+".content")
	for key, draft := range map[string]*string{".subject": d.Subject, ".content": d.Content} {
		if draft == nil {
			continue
		}
		known, _ := setting.Lookup(base + key)
		if err := known.Check(*draft); err != nil {
			return out, fault.New(fault.Invalid, "TEMPLATE_INVALID", "The %s of the mail template cannot be used: %s.", strings.TrimPrefix(key, "."), err)
		}
	}
	if d.Subject != nil {
		subject = *d.Subject
	}
	if d.Content != nil {
		content = *d.Content
	}
	out.Subject, out.HTML, out.Text, err = renderAs(subject, content, variables(p.Settings, o.Address(p), example(p.Settings, d, to)))
	return out, err
}

// example is a mail with values as they might be. Its link leads nowhere: no code belongs to it.
func example(values setting.Values, d Draft, to string) Email {
	sum := sha256.Sum224([]byte("example"))
	m := Email{
		Template: d.Template, To: to, Token: strings.Repeat("1234567890", 1)[:setting.Get[int64](values, "auth.email.otp_length")],
		TokenHash: hex.EncodeToString(sum[:]), Kind: "signup", RedirectTo: setting.Get[string](values, "auth.site_url"), Phone: "15551234567",
		Provider: "google", FactorType: "totp", Data: d.Data,
	}
	switch d.Template {
	case "invite", "recovery", "email_change":
		m.Kind = d.Template
	case "magic_link":
		m.Kind = "magiclink"
	case "reauthentication":
		m.TokenHash = ""
	}
	if d.Template == "email_change" {
		m.OldEmail, m.NewEmail = to, "new@example.com"
	}
	if d.Template == "email_changed" {
		m.OldEmail = "old@example.com"
	}
	return m
}

// SendTest sends a draft by the project's mail server, or the platform's, at once, so that a developer sees whether it works. It is a network call:
// outside of transactions.
func (o *Outbox) SendTest(ctx context.Context, session *projectdb.Session, d Draft, to string) error {
	p := session.Project
	if !plainAddress(to) {
		return errAddress(to)
	}
	made, err := o.preview(p, d, to)
	if err != nil {
		return err
	}
	if ok, retry := o.hourly(ctx, p, "email_sent", "project"); !ok {
		return protocol.ErrTooManyMails("email rate limit exceeded", retry)
	}
	err = o.send(ctx, session, postbox.Message{To: []string{to}, Subject: made.Subject, Text: made.Text, HTML: made.HTML})
	if err != nil {
		return fault.Wrap(err, fault.FailedPrecondition, "EMAIL_SEND_FAILED", "%s", wordsOf(err))
	}
	return nil
}
