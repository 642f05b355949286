package message

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
	postbox "github.com/wayli-app/fluxbase/internal/mail"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Handle sends one message of the outbox.
func (o *Outbox) Handle(ctx context.Context, session *projectdb.Session, item outbox.Item) error {
	switch item.Kind {
	case kindEmail:
		m, err := read[Email](item.Payload)
		if err != nil || m.Message.Unsent {
			return err
		}
		return o.deliverEmail(ctx, session, item.ID, m)
	case kindSMS:
		m, err := read[SMS](item.Payload)
		if err != nil || m.Message.Unsent {
			return err
		}
		return o.deliverSMS(ctx, session, item.ID, m)
	}
	return outbox.Retry(nil, "This server does not know messages of this kind yet.")
}

const expiredWords = "Its code expired before the message could be sent."

func (o *Outbox) expired(t time.Time) bool { return !t.IsZero() && !o.Now().Before(t) }

func (o *Outbox) deliverEmail(ctx context.Context, session *projectdb.Session, id uuid.UUID, p payload[Email]) error {
	m := p.Message
	m.Token, m.TokenHash, m.TokenNew, m.TokenHashNew = p.Secret.Token, p.Secret.TokenHash, p.Secret.TokenNew, p.Secret.TokenHashNew
	switch {
	case o.expired(m.Expires):
		return outbox.Refuse(nil, expiredWords)
	case !plainAddress(m.To): // whoever owns the project's database may have written it
		return outbox.Refuse(nil, "The recipient is no mail address.")
	}
	values := session.Project.Settings
	if hookEnabled(values, "send_email") {
		return o.emailHook(ctx, session, m)
	}
	subject, html, text, err := Render(values, o.Address(session.Project), m)
	if err != nil {
		return outbox.Refuse(err, fault.From(err).Message)
	}
	return o.send(ctx, session, postbox.Message{ID: id.String(), To: []string{m.To}, Subject: subject, Text: text, HTML: html})
}

// send hands a mail to the project's mail server, or to the platform's.
func (o *Outbox) send(ctx context.Context, session *projectdb.Session, m postbox.Message) error {
	p := session.Project
	m.FromName, m.Project = setting.Get[string](p.Settings, "auth.smtp.sender_name"), p.Ref
	if byPlatform(p) {
		return o.sendByPlatform(ctx, p, m)
	}
	if m.From = setting.Get[string](p.Settings, "auth.smtp.sender_address"); m.From == "" {
		return outbox.Retry(nil, "The mail has no sender: set auth.smtp.sender_address.")
	}
	if err := o.ownServer(p.Settings, m.From).Send(ctx, m); err != nil {
		words, permanent := postbox.Explain(err)
		if errors.Is(err, egress.ErrForbidden) {
			words = "The mail server's address is not on the public internet."
		}
		return &outbox.Failure{Words: words, Permanent: permanent, Err: err}
	}
	return nil
}

// wordsOf are those for developers.
func wordsOf(err error) string {
	var failed *outbox.Failure
	if errors.As(err, &failed) {
		return failed.Words
	}
	return "Something went wrong on the server."
}

func byPlatform(p *directory.Project) bool {
	return setting.Get[string](p.Settings, "auth.smtp.host") == ""
}

// sendByPlatform sends from the platform's own address only. It counts once more what was counted when the mail was written: the outbox is in a
// database whose owner can write to it.
func (o *Outbox) sendByPlatform(ctx context.Context, p *directory.Project, m postbox.Message) error {
	if o.Platform == nil {
		return outbox.Retry(nil, "The project sends no mail: set its mail server.")
	}
	if most := o.platformRate(p); most > 0 && o.Limiter != nil {
		// Twice as many, for what is tried again.
		if ok, _ := o.Limiter.Allow(ctx, p.Ref, "auth:email_sent:platform", perHour(2*most)); !ok {
			return outbox.Retry(nil, "The project sends more mails in an hour than the installation's mail server takes from one. Set a mail server of its own.")
		}
	}
	if err := o.Platform.Send(ctx, m); err != nil {
		words, permanent := postbox.Explain(err)
		if !permanent {
			o.Log.WarnContext(ctx, "the installation's mail server did not take a project's mail", "ref", p.Ref, "why", words)
			words = "The installation's mail server did not take the mail. Its operator can read why in the log."
		}
		return &outbox.Failure{Words: words, Permanent: permanent, Err: err}
	}
	return nil
}

// ownServer is the project's own mail server.
func (o *Outbox) ownServer(values setting.Values, from string) postbox.Sender {
	return postbox.NewSMTP(config.SMTP{
		Host: setting.Get[string](values, "auth.smtp.host"), Port: int(setting.Get[int64](values, "auth.smtp.port")), User: setting.Get[string](values, "auth.smtp.user"),
		Password: config.Secret(setting.Get[string](values, "auth.smtp.password")), TLS: setting.Get[string](values, "auth.smtp.tls"), From: from,
	}, postbox.Options{Dial: o.Dial, Roots: o.Roots, Hello: from[strings.LastIndexByte(from, '@')+1:]})
}

// emailHookInput is what the send_email hook is told.
type emailHookInput struct {
	User json.RawMessage `json:"user"`
	Data emailHookData   `json:"email_data"`
}

type emailHookData struct {
	Token        string `json:"token"`
	TokenHash    string `json:"token_hash"`
	RedirectTo   string `json:"redirect_to"`
	Action       string `json:"email_action_type"`
	SiteURL      string `json:"site_url"`
	TokenNew     string `json:"token_new"`
	TokenHashNew string `json:"token_hash_new"`
	OldEmail     string `json:"old_email"`
	OldPhone     string `json:"old_phone"`
	Provider     string `json:"provider"`
	FactorType   string `json:"factor_type"`
}

func (o *Outbox) emailHook(ctx context.Context, session *projectdb.Session, m Email) error {
	input := emailHookInput{User: userOf(m.User, m.UserID, "email", m.To), Data: emailHookData{
		Token: m.Token, TokenHash: m.TokenHash, TokenNew: m.TokenNew, TokenHashNew: m.TokenHashNew, RedirectTo: m.RedirectTo, Action: action(m),
		SiteURL: setting.Get[string](session.Project.Settings, "auth.site_url"), OldEmail: m.OldEmail, OldPhone: m.Phone, Provider: m.Provider,
		FactorType: m.FactorType,
	}}
	return o.hook(ctx, session, "send_email", input)
}

// action names to the hook what the mail is for.
func action(m Email) string {
	switch {
	case isNotice(m.Template):
		return m.Template + "_notification"
	case m.Kind != "":
		return m.Kind
	case m.Template == "magic_link":
		return "magiclink"
	}
	return m.Template
}

func (o *Outbox) hook(ctx context.Context, session *projectdb.Session, name string, input any) error {
	if o.Hooks == nil {
		return outbox.Retry(nil, "Hooks cannot be called.")
	}
	err := o.Hooks.Call(ctx, session, name, input, nil)
	if err == nil {
		return nil
	}
	f := fault.From(err)
	if f.Reason == "HOOK_REFUSED" && f.Kind != fault.Exhausted && f.Kind != fault.Unavailable {
		return outbox.Refuse(err, "The hook "+name+" refused: "+oneLine(f.Message))
	}
	return outbox.Retry(err, "The hook "+name+" failed: "+oneLine(f.Message))
}
