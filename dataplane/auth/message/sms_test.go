package message_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/hook"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// provider is a server that answers as a provider of text messages does, and keeps what it is asked.
type provider struct {
	*httptest.Server
	status int
	answer string
	got    chan asked
}

type asked struct {
	method, path, user, password string
	header                       http.Header
	form                         url.Values
	body                         string
}

func providerServer(t *testing.T, status int, answer string) *provider {
	t.Helper()
	p := &provider{status: status, answer: answer, got: make(chan asked, 10)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a := asked{method: r.Method, path: r.URL.Path, header: r.Header, body: string(body)}
		a.user, a.password, _ = r.BasicAuth()
		a.form, _ = url.ParseQuery(a.body)
		p.got <- a
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(p.status)
		_, _ = io.WriteString(w, p.answer)
	}))
	t.Cleanup(p.Close)
	return p
}

var text = message.SMS{To: "15551234567", Code: "123456", UserID: uuid.MustParse("11111111-2222-4333-8444-555555555555")}

// phone is a bundle with a provider.
func phone(t *testing.T, p *provider, settings map[string]any) *bundle {
	b := setup(t, settings)
	b.deps.HTTP = p.Client()
	b.deps.Providers = message.Providers{Twilio: p.URL, TwilioVerify: p.URL, Vonage: p.URL, MessageBird: p.URL}
	return b
}

var twilio = map[string]any{
	"auth.sms.provider": "twilio", "auth.sms.twilio.account_sid": "AC1", "auth.sms.twilio.auth_token": "t0ken", "auth.sms.twilio.message_service_sid": "MG1",
}

func with(settings map[string]any, more map[string]any) map[string]any {
	out := map[string]any{}
	for _, m := range []map[string]any{settings, more} {
		for key, value := range m {
			out[key] = value
		}
	}
	return out
}

func TestTwilio(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings map[string]any
		channel  string
		form     url.Values
	}{
		"a messaging service": {nil, "", url.Values{"To": {"+15551234567"}, "MessagingServiceSid": {"MG1"}, "Body": {"Your code is 123456"}}},
		"a number": {map[string]any{"auth.sms.twilio.message_service_sid": "+15550000000", "auth.sms.template": "{{ .Code }} is it"}, "sms",
			url.Values{"To": {"+15551234567"}, "From": {"+15550000000"}, "Body": {"123456 is it"}}},
		"WhatsApp": {map[string]any{"auth.sms.twilio.message_service_sid": "+15550000000"}, "whatsapp",
			url.Values{"To": {"whatsapp:+15551234567"}, "From": {"whatsapp:+15550000000"}, "Body": {"Your code is 123456"}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := providerServer(t, 201, `{"sid":"SM1","status":"queued","error_code":null}`)
			b := phone(t, p, with(twilio, c.settings))
			m := text
			m.Channel = c.channel
			require.NoError(t, b.text(m))
			got := <-p.got
			require.Equal(t, "POST", got.method)
			require.Equal(t, "/2010-04-01/Accounts/AC1/Messages.json", got.path)
			require.Equal(t, []string{"AC1", "t0ken"}, []string{got.user, got.password})
			require.Equal(t, c.form, got.form)
		})
	}
}

func TestTwilioVerify(t *testing.T) {
	p := providerServer(t, 201, `{"sid":"VE1","status":"pending"}`)
	settings := with(twilio, map[string]any{"auth.sms.provider": "twilio_verify", "auth.sms.twilio.message_service_sid": "VA1"})
	b := phone(t, p, settings)
	require.True(t, message.ChecksCodes(b.project.Settings))
	m := text
	m.Channel = "whatsapp"
	require.NoError(t, b.text(m))
	got := <-p.got
	require.Equal(t, "/v2/Services/VA1/Verifications", got.path)
	require.Equal(t, url.Values{"To": {"+15551234567"}, "Channel": {"whatsapp"}}, got.form)
	require.Equal(t, "t0ken", got.password)

	for _, c := range []struct {
		status int
		answer string
		right  bool
		fails  bool
	}{
		{200, `{"status":"approved","valid":true}`, true, false}, {200, `{"status":"pending","valid":false}`, false, false},
		{200, `{"status":"approved","valid":false}`, false, false}, {404, `{"code":20404}`, false, false}, {400, `{"code":60200}`, false, false},
		{429, `{"code":60202}`, false, true}, {500, ``, false, true}, {401, `{"code":20003}`, false, true}, {200, `what`, false, true},
	} {
		p.status, p.answer = c.status, c.answer
		right, err := b.outbox().CheckCode(t.Context(), b.project, "15551234567", "123456")
		require.Equal(t, c.right, right, c)
		require.Equal(t, c.fails, err != nil, c)
		got := <-p.got
		require.Equal(t, "/v2/Services/VA1/VerificationCheck", got.path)
		require.Equal(t, url.Values{"To": {"+15551234567"}, "Code": {"123456"}}, got.form)
	}
	b.project.Settings["auth.hook.send_sms.enabled"] = true
	require.False(t, message.ChecksCodes(b.project.Settings), "the hook sends our own codes")
}

func TestVonage(t *testing.T) {
	p := providerServer(t, 200, `{"message-count":"1","messages":[{"to":"15551234567","message-id":"0A","status":"0"}]}`)
	b := phone(t, p, map[string]any{
		"auth.sms.provider": "vonage", "auth.sms.vonage.api_key": "k3y", "auth.sms.vonage.api_secret": "s3cret", "auth.sms.vonage.from": "Shop",
		"auth.sms.template": "Ваш код {{ .Code }}",
	})
	require.NoError(t, b.text(text))
	got := <-p.got
	require.Equal(t, "/sms/json", got.path)
	require.Equal(t, url.Values{"from": {"Shop"}, "to": {"15551234567"}, "text": {"Ваш код 123456"}, "api_key": {"k3y"}, "api_secret": {"s3cret"}, "type": {"unicode"}}, got.form)
}

func TestMessageBird(t *testing.T) {
	p := providerServer(t, 201, `{"id":"x","recipients":{"totalSentCount":1}}`)
	b := phone(t, p, map[string]any{"auth.sms.provider": "messagebird", "auth.sms.messagebird.access_key": "k3y", "auth.sms.messagebird.originator": "Shop"})
	require.NoError(t, b.text(text))
	got := <-p.got
	require.Equal(t, "/messages", got.path)
	require.Equal(t, "AccessKey k3y", got.header.Get("Authorization"))
	require.Equal(t, url.Values{"originator": {"Shop"}, "recipients": {"15551234567"}, "body": {"Your code is 123456"}, "type": {"sms"}, "datacoding": {"unicode"}}, got.form)
}

var key = "v1,whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

func TestAServerOfTheProjectsOwn(t *testing.T) {
	p := providerServer(t, 200, `{}`)
	guard := egress.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	b := phone(t, p, map[string]any{"auth.sms.provider": "http", "auth.sms.http.url": p.URL + "/send", "auth.sms.http.secret": key})
	b.deps.HTTP, b.deps.CheckURL = guard.Client(5*time.Second), guard.CheckURL
	require.NoError(t, b.text(text))
	got := <-p.got
	require.JSONEq(t, `{"to":"+15551234567","text":"Your code is 123456"}`, got.body)
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.Equal(t, "msg_"+b.rows.items[0].ID.String(), got.header.Get("Webhook-Id"))
	signedBy(t, got)

	require.NoError(t, b.outbox().Handle(t.Context(), b.session(), b.rows.items[0]))
	require.Equal(t, got.header.Get("Webhook-Id"), (<-p.got).header.Get("Webhook-Id"), "a repetition can be told")

	closed := egress.NewGuard(nil)
	b.deps.HTTP, b.deps.CheckURL = closed.Client(5*time.Second), nil
	require.Contains(t, failed(t, b.text(text), false), "not on the public internet")
	b.deps.CheckURL = closed.CheckURL
	require.Contains(t, failed(t, b.text(text), true), "no https address")
	b.deps.CheckURL = nil
	b.project.Settings["auth.sms.http.secret"] = "secret"
	require.Contains(t, failed(t, b.text(text), true), "auth.sms.http.secret")
	require.Empty(t, p.got)
}

// signedBy checks a signature of Standard Webhooks as receivers do.
func signedBy(t *testing.T, got asked) {
	t.Helper()
	at, err := json.Number(got.header.Get("Webhook-Timestamp")).Int64()
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), time.Unix(at, 0), time.Minute)
	want := http.Header{}
	require.NoError(t, egress.Sign(want, key, got.header.Get("Webhook-Id"), time.Unix(at, 0), []byte(got.body)))
	require.Equal(t, want.Get("Webhook-Signature"), got.header.Get("Webhook-Signature"))
}

func TestProvidersThatDoNotTakeTheMessage(t *testing.T) {
	t.Parallel()
	vonage := map[string]any{"auth.sms.provider": "vonage"}
	bird := map[string]any{"auth.sms.provider": "messagebird"}
	status := func(s string) string {
		return `{"message-count":"1","messages":[{"status":"` + s + `","error-text":"x"}]}`
	}
	for name, c := range map[string]struct {
		settings  map[string]any
		status    int
		answer    string
		permanent bool
		words     string
	}{
		"Twilio: no such number":           {twilio, 400, `{"code":21211,"message":"The 'To' number is not a valid phone number.","status":400}`, true, "Twilio refused the message with error 21211."},
		"Twilio: wrong token":              {twilio, 401, `{"code":20003,"message":"Authenticate","status":401}`, false, "Check its keys"},
		"Twilio: too many":                 {twilio, 429, `{"code":20429,"message":"Too Many Requests","status":429}`, false, "answered with 429"},
		"Twilio: down":                     {twilio, 503, `<html>`, false, "answered with 503"},
		"Twilio: taken, and failed":        {twilio, 201, `{"sid":"SM1","status":"failed"}`, true, "could not send"},
		"Vonage: throttled":                {vonage, 200, status("1"), false, "status 1"},
		"Vonage: wrong secret":             {vonage, 200, status("4"), false, "status 4"},
		"Vonage: an invalid number":        {vonage, 200, status("3"), true, "status 3"},
		"Vonage: a barred number":          {vonage, 200, status("7"), true, "status 7"},
		"Vonage: no answer":                {vonage, 200, `{}`, false, "no answer"},
		"MessageBird: no such number":      {bird, 422, `{"errors":[{"code":9,"description":"no (correct) recipients found","parameter":"recipients"}]}`, true, "error 9"},
		"MessageBird: wrong key":           {bird, 401, `{"errors":[{"code":2,"description":"Request not allowed (incorrect access_key)"}]}`, false, "Check its keys"},
		"MessageBird: no balance":          {bird, 402, `{"errors":[{"code":25,"description":"Not enough balance"}]}`, false, "balance"},
		"Twilio: an answer to no end":      {twilio, 201, `{"sid":"` + strings.Repeat("x", 1<<20), false, ""},
		"none is set since it was written": {map[string]any{"auth.sms.provider": "vonage", "-": ""}, 200, status("0"), true, "set auth.sms.provider"},
	} {
		t.Run(name, func(t *testing.T) {
			p := providerServer(t, c.status, c.answer)
			settings := with(c.settings, nil)
			_, none := settings["-"]
			delete(settings, "-")
			b := phone(t, p, settings)
			o := b.outbox()
			require.NoError(t, o.SMS(t.Context(), nil, b.project, text))
			if none {
				b.project.Settings["auth.sms.provider"] = "none"
			}
			err := o.Handle(t.Context(), b.session(), b.rows.items[0])
			if c.words == "" {
				require.NoError(t, err)
				return
			}
			words := failed(t, err, c.permanent)
			require.Contains(t, words, c.words)
			require.NotContains(t, words, "15551234567")
		})
	}
	t.Run("no provider at all", func(t *testing.T) {
		p := providerServer(t, 200, "")
		b := phone(t, p, twilio)
		p.Close()
		require.Contains(t, failed(t, b.text(text), false), "could not be reached")
	})
}

func TestTextMessagesThatAreNotWritten(t *testing.T) {
	b := setup(t, map[string]any{"auth.phone.test_otps": []string{"15550000001=123456"}})
	o := b.outbox()
	reason := func(m message.SMS) string { return fault.From(o.SMS(t.Context(), nil, b.project, m)).Reason }
	require.Equal(t, "SMS_SEND_FAILED", reason(text), "no provider is set")
	code, ok := message.TestOTP(b.project.Settings, "15550000001")
	require.True(t, ok)
	require.Equal(t, "123456", code)
	require.NoError(t, o.SMS(t.Context(), nil, b.project, message.SMS{To: "15550000001", Code: code}), "test numbers get none, and need no provider")
	_, ok = message.TestOTP(b.project.Settings, "")
	require.False(t, ok)

	b.project.Settings["auth.sms.provider"] = "vonage"
	for _, to := range []string{"", "123", "+15551234567", "0555123456", "1555123456789012", "1555 1234567", "15551234567\n"} {
		m := text
		m.To = to
		require.Equal(t, "VALIDATION_FAILED", reason(m), to)
	}
	for _, channel := range []string{"whatsapp", "pigeon"} {
		m := text
		m.Channel = channel
		require.Equal(t, "VALIDATION_FAILED", reason(m), channel)
	}
	b.project.Settings["auth.rate_limit.sms_sent"] = int64(0)
	require.Equal(t, "OVER_SMS_SEND_RATE_LIMIT", reason(text))
	require.Empty(t, b.rows.items)
}

func TestTheTextOfAnotherSetting(t *testing.T) {
	p := providerServer(t, 201, `{}`)
	b := phone(t, p, with(twilio, map[string]any{"auth.mfa.phone.template": "Factor {{ .Code }}"}))
	m := text
	m.Template = "auth.mfa.phone.template"
	require.NoError(t, b.text(m))
	require.Equal(t, "Factor 123456", (<-p.got).form.Get("Body"))
	m.Template = "auth.sms.twilio.auth_token"
	require.Contains(t, failed(t, b.text(m), true), "no template", "a secret is no template")
	b.project.Settings["auth.sms.template"] = `{{ range 9223372036854775807 }}{{ end }}`
	failed(t, b.text(text), true)
}

func TestExpiredTextsAreNotSent(t *testing.T) {
	p := providerServer(t, 201, `{}`)
	b := phone(t, p, twilio)
	now := time.Now()
	b.deps.Now = func() time.Time { return now }
	o := b.outbox()
	require.NoError(t, o.SMS(t.Context(), nil, b.project, text))
	now = now.Add(61 * time.Second)
	require.Contains(t, failed(t, o.Handle(t.Context(), b.session(), b.rows.items[0]), true), "expired")
	require.Empty(t, p.got)
}

func TestHooksSendInPlaceOfServers(t *testing.T) {
	p := providerServer(t, 200, `{}`)
	guard := egress.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	b := phone(t, p, map[string]any{
		"auth.hook.send_email.enabled": true, "auth.hook.send_email.uri": p.URL + "/email", "auth.hook.send_email.secrets": key,
		"auth.hook.send_sms.enabled": true, "auth.hook.send_sms.uri": p.URL + "/sms", "auth.hook.send_sms.secrets": key,
	})
	b.deps.Hooks = hook.New(hook.Deps{Egress: guard})
	m := confirmation
	m.Template, m.Kind, m.NewEmail, m.OldEmail, m.TokenNew, m.TokenHashNew = "email_change", "email_change", "new@example.test", "ada@example.test", "654321", "n3whash"
	m.User = json.RawMessage(`{"id":"11111111-2222-4333-8444-555555555555","email":"ada@example.test"}`)
	require.NoError(t, b.send(m))
	got := <-p.got
	signedBy(t, got)
	require.Equal(t, "/email", got.path)
	require.JSONEq(t, `{"user":{"id":"11111111-2222-4333-8444-555555555555","email":"ada@example.test"},"email_data":{"token":"123456","token_hash":"h4sh",
		"token_new":"654321","token_hash_new":"n3whash","redirect_to":"https://app.example.test/welcome?a=1&b=2","email_action_type":"email_change",
		"site_url":"http://localhost:3000","old_email":"ada@example.test","old_phone":"","provider":"","factor_type":""}}`, got.body)

	require.NoError(t, b.text(text))
	got = <-p.got
	signedBy(t, got)
	var sent struct {
		User map[string]any
		SMS  map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &sent))
	require.Equal(t, "15551234567", sent.User["phone"])
	require.Equal(t, "123456", sent.SMS["otp"])
	require.Empty(t, b.platform.List())

	p.answer = `{"error":{"http_code":403,"message":"not to this one"}}`
	require.Equal(t, "The hook send_email refused: not to this one", failed(t, b.send(m), true))
	p.answer = `{"error":{"http_code":429,"message":"later"}}`
	failed(t, b.send(m), false)
	p.status, p.answer = 500, ""
	words := failed(t, b.send(m), false)
	require.Contains(t, words, "The hook send_email failed")
	require.NotContains(t, words, "123456")
}
