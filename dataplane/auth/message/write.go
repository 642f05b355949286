package message

import (
	"context"
	"encoding/json"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// The kinds of items in the outbox.
const (
	kindEmail = "email"
	kindSMS   = "sms"
)

// schema is the logical schema whose outbox has the messages.
const schema = "auth"

// payload is a message in the outbox.
type payload[T any] struct {
	Message T `json:"message"`
	// Secret is what opens an account; the queue takes it out of what could not be sent.
	Secret secret `json:"secret,omitzero"`
}

type secret struct {
	Token        string `json:"token,omitempty"`
	TokenHash    string `json:"token_hash,omitempty"`
	TokenNew     string `json:"token_new,omitempty"`
	TokenHashNew string `json:"token_hash_new,omitempty"`
}

// Email writes a mail to the outbox of the project, in the request's transaction. It refuses what the project's hourly rate does not allow,
// and what could not be sent at all. A notice that the project has not switched on is not written.
func (o *Outbox) Email(ctx context.Context, tx outbox.Tx, p *directory.Project, m Email) error {
	if err := o.CanEmail(p); err != nil {
		return err
	}
	if !plainAddress(m.To) {
		return errAddress(m.To)
	}
	if isNotice(m.Template) {
		if !setting.Get[bool](p.Settings, "auth.email.notice."+m.Template+".enabled") {
			return nil
		}
		// What happened has happened: a notice too many is left out, and refuses nothing. Notices have a count of their own, so that
		// nobody hides one behind many mails.
		if ok, _ := o.hourly(ctx, p, "email_sent", "notice"); !ok {
			o.Log.WarnContext(ctx, "the project sends too many mails; a notice is left out", "ref", p.Ref, "template", m.Template)
			return nil
		}
	} else if ok, retry := o.hourly(ctx, p, "email_sent", "project"); !ok {
		return protocol.ErrTooManyMails("email rate limit exceeded", retry)
	}
	hidden := secret{Token: m.Token, TokenHash: m.TokenHash, TokenNew: m.TokenNew, TokenHashNew: m.TokenHashNew}
	if m.Expires.IsZero() && hidden != (secret{}) {
		m.Expires = o.Now().Add(time.Duration(setting.Get[int64](p.Settings, "auth.email.otp_expiry")) * time.Second).UTC()
	}
	_, err := o.Queue.Add(ctx, tx, p.Ref, schema, kindEmail, payload[Email]{m, hidden})
	return err
}

func errAddress(address string) error {
	return fault.New(fault.Invalid, "EMAIL_ADDRESS_INVALID", "Email address %q is invalid", address)
}

// CanEmail refuses when no mail of the project could be sent at all. Flows ask before they look for a user, so that the answer does not tell
// whether there is one.
func (o *Outbox) CanEmail(p *directory.Project) error {
	if hookEnabled(p.Settings, "send_email") || setting.Get[string](p.Settings, "auth.smtp.host") != "" || o.Platform != nil {
		return nil
	}
	return fault.New(fault.FailedPrecondition, "EMAIL_NOT_CONFIGURED", "The project sends no mail: set its mail server.")
}

// SMS writes a text message to the outbox of the project, in the request's transaction. It refuses what the project's hourly rate does not
// allow, and what could not be sent at all. Numbers of auth.phone.test_otps get none.
func (o *Outbox) SMS(ctx context.Context, tx outbox.Tx, p *directory.Project, m SMS) error {
	if _, test := TestOTP(p.Settings, m.To); test {
		return nil
	}
	if err := o.CanSMS(p, m.Channel); err != nil {
		return err
	}
	if !plainNumber(m.To) {
		return fault.New(fault.Invalid, "VALIDATION_FAILED", "Invalid phone number format (E.164 required)")
	}
	if ok, retry := o.hourly(ctx, p, "sms_sent", "project"); !ok {
		return protocol.ErrTooManyTexts("SMS rate limit exceeded", retry)
	}
	if m.Expires.IsZero() {
		m.Expires = o.Now().Add(time.Duration(setting.Get[int64](p.Settings, "auth.phone.otp_expiry")) * time.Second).UTC()
	}
	_, err := o.Queue.Add(ctx, tx, p.Ref, schema, kindSMS, payload[SMS]{m, secret{Token: m.Code}})
	return err
}

// CanSMS refuses when no text message of the project could be sent at all, or none by the channel; "" is ChannelSMS.
func (o *Outbox) CanSMS(p *directory.Project, channel string) error {
	if channel != "" && channel != ChannelSMS && channel != ChannelWhatsApp {
		return errChannel
	}
	if hookEnabled(p.Settings, "send_sms") {
		return nil
	}
	switch setting.Get[string](p.Settings, "auth.sms.provider") {
	case "none":
		return fault.New(fault.FailedPrecondition, "SMS_SEND_FAILED", "The project sends no text messages: set its provider.")
	case providerTwilio, providerTwilioVerify:
		return nil
	}
	if channel == ChannelWhatsApp {
		return errChannel
	}
	return nil
}

var errChannel = fault.New(fault.Invalid, "VALIDATION_FAILED",
	"Invalid channel, supported values are 'sms' or 'whatsapp'. 'whatsapp' is only supported if Twilio or Twilio Verify is used as the provider.")

// TestOTP is the fixed code of a number that gets no messages.
func TestOTP(values setting.Values, number string) (code string, ok bool) {
	for _, pair := range setting.Get[[]string](values, "auth.phone.test_otps") {
		if of, code, _ := strings.Cut(pair, "="); of == number && number != "" {
			return code, true
		}
	}
	return "", false
}

func isNotice(template string) bool {
	for _, n := range setting.EmailNotices {
		if n.Name == template {
			return true
		}
	}
	return false
}

func hookEnabled(values setting.Values, name string) bool {
	return setting.Get[bool](values, "auth.hook."+name+".enabled")
}

// hourly takes one from what the project sends in an hour by the setting auth.rate_limit.<what>.
func (o *Outbox) hourly(ctx context.Context, p *directory.Project, what, key string) (ok bool, retry time.Duration) {
	most := int(setting.Get[int64](p.Settings, "auth.rate_limit."+what))
	if rate := o.platformRate(p); what == "email_sent" && rate > 0 && byPlatform(p) && !hookEnabled(p.Settings, "send_email") {
		most = min(most, rate)
	}
	switch {
	case most <= 0:
		return false, time.Hour
	case o.Limiter == nil:
		return true, 0
	}
	return o.Limiter.Allow(ctx, p.Ref, "auth:"+what+":"+key, perHour(most))
}

// platformRate is how many mails a project sends in an hour by the platform's mail server at most; 0 is no limit.
func (o *Outbox) platformRate(p *directory.Project) int {
	if p.Ref == id.PlatformRef {
		return 0
	}
	return o.PlatformRate
}

func perHour(most int) guard.Rate {
	return guard.Rate{PerSecond: float64(most) / time.Hour.Seconds(), Burst: most}
}

// plainAddress reports whether it is one mail address and nothing else.
func plainAddress(address string) bool {
	parsed, err := mail.ParseAddress(address)
	return err == nil && parsed.Address == address && len(address) <= 320 && !strings.ContainsAny(address, "\r\n\x00 ")
}

// plainNumber reports whether it is a number in digits.
func plainNumber(number string) bool {
	return len(number) >= 7 && len(number) <= 15 && number[0] != '0' && !slices.ContainsFunc([]byte(number), func(c byte) bool { return c < '0' || c > '9' })
}

// read takes a message out of the outbox.
func read[T any](raw json.RawMessage) (payload[T], error) {
	var out payload[T]
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, outbox.Refuse(err, "The message in the outbox cannot be read.")
	}
	return out, nil
}
