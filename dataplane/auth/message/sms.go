package message

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

func (o *Outbox) deliverSMS(ctx context.Context, session *projectdb.Session, id uuid.UUID, p payload[SMS]) error {
	m := p.Message
	m.id, m.Code = id, p.Secret.Token
	switch {
	case o.expired(m.Expires):
		return outbox.Refuse(nil, expiredWords)
	case !plainNumber(m.To):
		return outbox.Refuse(nil, "The recipient is no phone number.")
	}
	values := session.Project.Settings
	if hookEnabled(values, "send_sms") {
		return o.hook(ctx, session, "send_sms", map[string]any{
			"user": userOf(m.User, m.UserID, "phone", m.To), "sms": map[string]any{"otp": m.Code, "sms_type": channelOf(m), "phone": m.To},
		})
	}
	text, err := renderSMS(values, m)
	if err != nil {
		return outbox.Refuse(err, "The text of the message cannot be rendered: "+err.Error())
	}
	provider := setting.Get[string](values, "auth.sms.provider")
	request, err := o.request(ctx, provider, values, m, text)
	if err != nil {
		return err
	}
	return o.post(request, provider)
}

// userOf is the user as the hook is told of them.
func userOf(user json.RawMessage, id uuid.UUID, field, value string) json.RawMessage {
	if len(user) > 0 {
		return user
	}
	raw, _ := json.Marshal(map[string]string{"id": id.String(), field: value})
	return raw
}

// request makes the request that sends a message.
func (o *Outbox) request(ctx context.Context, provider string, values setting.Values, m SMS, text string) (*http.Request, error) {
	get := func(key string) string { return setting.Get[string](values, "auth.sms."+key) }
	switch provider {
	case providerTwilio:
		return o.twilio(ctx, get, m, text)
	case providerTwilioVerify:
		r, err := form(ctx, o.Providers.TwilioVerify+"/v2/Services/"+url.PathEscape(get("twilio.message_service_sid"))+"/Verifications",
			url.Values{"To": {"+" + m.To}, "Channel": {channelOf(m)}})
		return withBasic(r, err, get("twilio.account_sid"), get("twilio.auth_token"))
	case providerVonage:
		body := url.Values{"from": {get("vonage.from")}, "to": {m.To}, "text": {text}, "api_key": {get("vonage.api_key")}, "api_secret": {get("vonage.api_secret")}}
		if !ascii(text) {
			body.Set("type", "unicode")
		}
		return form(ctx, o.Providers.Vonage+"/sms/json", body)
	case providerMessageBird:
		body := url.Values{"originator": {get("messagebird.originator")}, "body": {text}, "recipients": {m.To}, "type": {"sms"}, "datacoding": {"unicode"}}
		r, err := form(ctx, o.Providers.MessageBird+"/messages", body)
		if err == nil {
			r.Header.Set("Authorization", "AccessKey "+get("messagebird.access_key"))
		}
		return r, err
	case providerHTTP:
		return o.generic(ctx, get, m, text)
	}
	return nil, outbox.Refuse(nil, "The project sends no text messages: set auth.sms.provider.")
}

func (o *Outbox) twilio(ctx context.Context, get func(string) string, m SMS, text string) (*http.Request, error) {
	to, from, account := "+"+m.To, get("twilio.message_service_sid"), get("twilio.account_sid")
	body := url.Values{"Body": {text}}
	if channelOf(m) == ChannelWhatsApp {
		to = "whatsapp:" + to
		if !strings.HasPrefix(from, "MG") {
			from = "whatsapp:" + from
		}
	}
	body.Set("To", to)
	if strings.HasPrefix(from, "MG") {
		body.Set("MessagingServiceSid", from)
	} else {
		body.Set("From", from)
	}
	r, err := form(ctx, o.Providers.Twilio+"/2010-04-01/Accounts/"+url.PathEscape(account)+"/Messages.json", body)
	return withBasic(r, err, account, get("twilio.auth_token"))
}

// generic makes a request to an address of the project's choice, signed after Standard Webhooks.
func (o *Outbox) generic(ctx context.Context, get func(string) string, m SMS, text string) (*http.Request, error) {
	body, err := json.Marshal(map[string]string{"to": "+" + m.To, "text": text})
	if err != nil {
		return nil, err
	}
	address := get("http.url")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil || address == "" || o.CheckURL != nil && o.CheckURL(address) != nil {
		return nil, outbox.Refuse(err, "auth.sms.http.url is no https address to send messages to.")
	}
	r.Header.Set("Content-Type", "application/json")
	// The id is the same for each try of a message, so that the receiver can tell a repetition.
	if err := egress.Sign(r.Header, get("http.secret"), "msg_"+m.id.String(), o.Now(), body); err != nil {
		return nil, outbox.Refuse(err, "auth.sms.http.secret is no secret: write v1,whsec_ and base64.")
	}
	return r, nil
}

func form(ctx context.Context, address string, body url.Values) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r, nil
}

func withBasic(r *http.Request, err error, user, password string) (*http.Request, error) {
	if err == nil {
		r.SetBasicAuth(user, password)
	}
	return r, err
}

func channelOf(m SMS) string {
	if m.Channel == "" {
		return ChannelSMS
	}
	return m.Channel
}

func ascii(s string) bool {
	for _, c := range s {
		if c > 126 {
			return false
		}
	}
	return true
}

const maxAnswer = 64 << 10

// post sends a request to a provider and reads its answer.
func (o *Outbox) post(r *http.Request, provider string) error {
	answer, err := o.HTTP.Do(r)
	if err != nil {
		words := "The provider of text messages could not be reached."
		if errors.Is(err, egress.ErrForbidden) {
			words = "The address of the provider is not on the public internet."
		}
		return outbox.Retry(withoutURL(err), words)
	}
	defer func() { _, _ = io.CopyN(io.Discard, answer.Body, maxAnswer); _ = answer.Body.Close() }()
	body, err := egress.Read(answer.Body, maxAnswer)
	if err != nil && answer.StatusCode < 300 && provider != providerVonage {
		return nil // it was taken
	}
	return judge(provider, answer.StatusCode, body)
}

// withoutURL drops the address, which may hold a secret.
func withoutURL(err error) error {
	var with *url.Error
	if errors.As(err, &with) {
		return with.Err
	}
	return err
}

// judge reads a provider's answer.
func judge(provider string, status int, body []byte) error {
	var said struct {
		Code     int `json:"code"` // Twilio
		Status   any `json:"status"`
		Messages []struct {
			Status string `json:"status"`
			Text   string `json:"error-text"`
		} `json:"messages"` // Vonage
		Errors []struct {
			Code        int    `json:"code"`
			Description string `json:"description"`
		} `json:"errors"` // MessageBird
	}
	_ = json.Unmarshal(body, &said)
	switch {
	case provider == providerVonage && status < 300:
		if len(said.Messages) == 0 {
			return outbox.Retry(nil, "Vonage answered with something that is no answer.")
		}
		for _, m := range said.Messages {
			if m.Status != "0" {
				return &outbox.Failure{Words: "Vonage refused the message with status " + oneLine(m.Status) + ".", Permanent: vonageFinal[m.Status]}
			}
		}
		return nil
	case status < 300 && provider == providerTwilio && (said.Status == "failed" || said.Status == "undelivered"):
		return outbox.Refuse(nil, "Twilio could not send the message.")
	case status < 300:
		return nil
	case status == http.StatusTooManyRequests, status >= 500:
		return outbox.Retry(nil, fmt.Sprintf("The provider answered with %d.", status))
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound, status == http.StatusPaymentRequired:
		return outbox.Retry(nil, fmt.Sprintf("The provider answered with %d. Check its keys and your balance.", status))
	case said.Code != 0:
		return outbox.Refuse(nil, fmt.Sprintf("Twilio refused the message with error %d.", said.Code))
	case len(said.Errors) > 0:
		return outbox.Refuse(nil, fmt.Sprintf("MessageBird refused the message with error %d.", said.Errors[0].Code))
	}
	return outbox.Refuse(nil, fmt.Sprintf("The provider refused the message with %d.", status))
}

// vonageFinal are the statuses of Vonage that are about the message: it lacks something, is malformed, or the number is barred or not to be
// reached.
var vonageFinal = map[string]bool{"2": true, "3": true, "6": true, "7": true, "15": true, "29": true, "33": true}

// ChecksCodes reports whether the provider makes and checks the codes itself, so that CheckCode must be asked.
func ChecksCodes(values setting.Values) bool {
	return setting.Get[string](values, "auth.sms.provider") == providerTwilioVerify && !hookEnabled(values, "send_sms")
}

// CheckCode asks a provider that makes the codes itself whether a number's code is right. It is a network call: outside of transactions.
func (o *Outbox) CheckCode(ctx context.Context, p *directory.Project, number, code string) (bool, error) {
	get := func(key string) string { return setting.Get[string](p.Settings, "auth.sms.twilio."+key) }
	failed := func(err error) error {
		return fault.Wrap(withoutURL(err), fault.Unavailable, "SMS_SEND_FAILED", "The provider of text messages could not be asked. Try again.")
	}
	r, err := form(ctx, o.Providers.TwilioVerify+"/v2/Services/"+url.PathEscape(get("message_service_sid"))+"/VerificationCheck",
		url.Values{"To": {"+" + number}, "Code": {code}})
	if r, err = withBasic(r, err, get("account_sid"), get("auth_token")); err != nil {
		return false, failed(err)
	}
	answer, err := o.HTTP.Do(r)
	if err != nil {
		return false, failed(err)
	}
	defer answer.Body.Close()
	body, err := egress.Read(answer.Body, maxAnswer)
	if err != nil {
		return false, failed(err)
	}
	var said struct {
		Status string `json:"status"`
		Valid  bool   `json:"valid"`
	}
	switch {
	case answer.StatusCode == http.StatusNotFound, answer.StatusCode == http.StatusBadRequest: // no such code is pending, or it is none
		return false, nil
	case answer.StatusCode >= 300:
		return false, failed(fmt.Errorf("twilio answered with %d", answer.StatusCode))
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return false, failed(err)
	}
	return said.Status == "approved" && said.Valid, nil
}
