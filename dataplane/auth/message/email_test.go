package message_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
	postbox "github.com/wayli-app/fluxbase/internal/mail"
	"github.com/wayli-app/fluxbase/internal/setting"
)

func TestAProjectsOwnMailServer(t *testing.T) {
	b := setup(t, nil)
	s := &mailServer{password: "right"}
	s.listen(t, false)
	b.by(s, map[string]any{"auth.smtp.user": "shop", "auth.smtp.password": "right"})
	require.NoError(t, b.send(confirmation))
	got := <-s.got
	require.True(t, got.TLS, "STARTTLS before the password")
	require.Equal(t, "shop", got.User)
	require.Equal(t, "shop.test", got.Hello, "a server that a project chose does not learn the worker's name")
	require.Equal(t, "hello@shop.test", got.From)
	require.Equal(t, "ada@example.test", got.To)
	require.Equal(t, `"The Shop" <hello@shop.test>`, got.Header.Get("From"))
	require.Equal(t, "<ada@example.test>", got.Header.Get("To"))
	require.Equal(t, "Confirm your email address", got.subject(t))
	require.Equal(t, "<"+b.rows.items[0].ID.String()+"@shop.test>", got.Header.Get("Message-ID"), "the same when it is sent again, and of the sender's domain")
	require.Empty(t, got.Header.Get("User-Agent")+got.Header.Get("X-Mailer"))
	link := "https://abcdefghijklmnopqrst.example.test/auth/v1/verify?token=h4sh&type=signup&redirect_to=https%3A%2F%2Fapp.example.test%2Fwelcome%3Fa%3D1%26b%3D2"
	require.Contains(t, got.HTML, `<a href="`+strings.ReplaceAll(link, "&", "&amp;")+`">`)
	require.Contains(t, got.HTML, "<strong>123456</strong>")
	require.Contains(t, got.Text, "Confirm your address "+link)
	require.Contains(t, got.Text, "123456")
	require.Empty(t, b.platform.List())
}

func TestTLSFromTheFirstByte(t *testing.T) {
	b := setup(t, nil)
	s := &mailServer{password: "right"}
	s.listen(t, true)
	b.by(s, map[string]any{"auth.smtp.user": "shop", "auth.smtp.password": "right", "auth.smtp.tls": "tls"})
	require.NoError(t, b.send(confirmation))
	require.True(t, (<-s.got).TLS)
}

func TestThePlatformSendsForProjectsWithoutAServer(t *testing.T) {
	b := setup(t, map[string]any{"auth.smtp.sender_name": "The Shop", "auth.smtp.sender_address": "ceo@bank.test"})
	require.NoError(t, b.send(confirmation))
	got := b.platform.List()[0]
	require.Equal(t, []string{"ada@example.test"}, got.To)
	require.Equal(t, `"The Shop" <no-reply@platform.test>`, got.From, "not an address that the project chose")
	require.Equal(t, "abcdefghijklmnopqrst", got.Project)
	require.Contains(t, got.HTML, "123456")
}

func TestMailServersThatDoNotTakeTheMail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server    mailServer
		settings  map[string]any
		permanent bool
		words     string
	}{
		"a wrong password":           {mailServer{password: "right"}, map[string]any{"auth.smtp.user": "shop", "auth.smtp.password": "wrong"}, false, "refused the user or the password"},
		"a password that is missing": {mailServer{password: "right"}, nil, false, "refused"},
		"a recipient that there is not": {mailServer{refuse: &gosmtp.SMTPError{Code: 550, Message: "no such user ada@example.test"}}, nil, true,
			"The mail server refused the recipient. It answered with 550."},
		"a recipient that must wait": {mailServer{refuse: &gosmtp.SMTPError{Code: 451, Message: "greylisted"}}, nil, false,
			"The mail server refused the recipient. It answered with 451."},
		"no server at the port":        {mailServer{}, map[string]any{"auth.smtp.port": 1}, false, "could not be reached"},
		"no server of the name":        {mailServer{}, map[string]any{"auth.smtp.host": "nothing.invalid"}, false, "name is not known"},
		"TLS at a port of STARTTLS":    {mailServer{}, map[string]any{"auth.smtp.tls": "tls"}, false, "does not speak TLS at this port"},
		"a name of another's":          {mailServer{}, map[string]any{"auth.smtp.host": "127.0.0.2"}, false, ""},
		"no address that mail is from": {mailServer{}, map[string]any{"auth.smtp.sender_address": ""}, false, "set auth.smtp.sender_address"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, nil)
			c.server.listen(t, false)
			b.by(&c.server, c.settings)
			err := b.send(confirmation)
			words := failed(t, err, c.permanent)
			require.Contains(t, words, c.words)
			require.NotContains(t, words, "ada@")
			require.NotContains(t, words, "wrong")
			require.Empty(t, c.server.got)
		})
	}
}

func TestACertificateThatNobodyVouchesFor(t *testing.T) {
	b := setup(t, nil)
	s := &mailServer{}
	s.listen(t, false)
	b.by(s, nil)
	b.deps.Roots = nil
	require.Contains(t, failed(t, b.send(confirmation), false), "certificate is not valid")
	require.Empty(t, s.got)
}

func TestNoMailServerInside(t *testing.T) {
	b := setup(t, nil)
	s := &mailServer{}
	s.listen(t, false)
	b.by(s, nil)
	b.deps.Dial = egress.NewGuard(nil).Dialer().DialContext
	require.Contains(t, failed(t, b.send(confirmation), false), "not on the public internet")
}

// mute runs fn for each connection to a server that is no mail server.
func mute(t *testing.T, fn func(net.Conn)) *mailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go fn(conn)
		}
	}()
	return &mailServer{port: listener.Addr().(*net.TCPAddr).Port}
}

func TestMailServersThatHoldOn(t *testing.T) {
	t.Parallel()
	t.Run("one that says nothing", func(t *testing.T) {
		b := setup(t, nil)
		b.by(mute(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), nil)
		o := b.outbox()
		require.NoError(t, o.Email(t.Context(), nil, b.project, confirmation))
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		require.Contains(t, failed(t, o.Handle(ctx, b.session(), b.rows.items[0]), false), "did not answer in time")
		require.Less(t, time.Since(began), 5*time.Second)
	})
	t.Run("one that never ends its line", func(t *testing.T) {
		b := setup(t, nil)
		b.by(mute(t, func(c net.Conn) {
			block := []byte(strings.Repeat("2", 4096))
			for {
				if _, err := c.Write(block); err != nil {
					return
				}
			}
		}), nil)
		require.Contains(t, failed(t, b.send(confirmation), false), "says too much")
	})
	t.Run("one that hangs up", func(t *testing.T) {
		b := setup(t, nil)
		b.by(mute(t, func(c net.Conn) { _ = c.Close() }), nil)
		failed(t, b.send(confirmation), false)
	})
}

func TestExpiredCodesAreNotSent(t *testing.T) {
	b := setup(t, map[string]any{"auth.email.otp_expiry": 60})
	now := time.Now()
	b.deps.Now = func() time.Time { return now }
	o := b.outbox()
	require.NoError(t, o.Email(t.Context(), nil, b.project, confirmation))
	now = now.Add(61 * time.Second)
	require.Contains(t, failed(t, o.Handle(t.Context(), b.session(), b.rows.items[0]), true), "expired")
	require.Empty(t, b.platform.List())

	notice := message.Email{Template: "password_changed", To: "ada@example.test"}
	b.project.Settings["auth.email.notice.password_changed.enabled"] = true
	require.NoError(t, o.Email(t.Context(), nil, b.project, notice))
	now = now.Add(time.Hour)
	require.NoError(t, o.Handle(t.Context(), b.session(), b.rows.items[1]), "what has no code does not expire")
	require.Len(t, b.platform.List(), 1)
}

func TestSecretsStandApartInTheOutbox(t *testing.T) {
	b := setup(t, map[string]any{"auth.sms.provider": "twilio"})
	m := confirmation
	m.TokenNew, m.TokenHashNew = "654321", "n3whash"
	require.NoError(t, b.outbox().Email(t.Context(), nil, b.project, m))
	require.NoError(t, b.outbox().SMS(t.Context(), nil, b.project, message.SMS{To: "15551234567", Code: "777777"}))
	for _, item := range b.rows.items {
		kept, _, found := strings.Cut(string(item.Payload), `"secret":`)
		require.True(t, found)
		for _, hidden := range []string{"123456", "h4sh", "654321", "n3whash", "777777"} {
			require.NotContains(t, kept, hidden+`"`)
		}
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	b := setup(t, nil)
	for _, to := range []string{
		"", "ada", "ada@example.test\r\nBcc: eve@example.test", "ada@example.test, eve@example.test", "Ada <ada@example.test>", "ada@example.test\x00",
		"<ada@example.test>", strings.Repeat("a", 400) + "@example.test",
	} {
		m := confirmation
		m.To = to
		err := b.outbox().Email(t.Context(), nil, b.project, m)
		require.Equal(t, "EMAIL_ADDRESS_INVALID", fault.From(err).Reason, to)
	}
	require.Empty(t, b.rows.items)
}

func TestASubjectAddsNoHeaders(t *testing.T) {
	b := setup(t, map[string]any{"auth.email.template.confirmation.subject": "Hello {{ .Data.name }}", "auth.smtp.sender_name": "Shop"})
	s := &mailServer{}
	s.listen(t, false)
	b.by(s, nil)
	m := confirmation
	m.Data = map[string]any{"name": "Ada\r\nBcc: eve@example.test\r\n\r\n<h1>spam</h1>" + strings.Repeat("x", 10_000)}
	require.NoError(t, b.send(m))
	got := <-s.got
	require.Equal(t, "ada@example.test", got.To)
	require.Empty(t, got.Header["Bcc"])
	require.Contains(t, got.subject(t), "Hello Ada Bcc: eve@example.test <h1>spam</h1>xxx")
	require.Less(t, len(got.subject(t)), 300)
}

func TestNotices(t *testing.T) {
	b := setup(t, map[string]any{"auth.email.notice.email_changed.enabled": true, "auth.rate_limit.email_sent": 0})
	o := b.outbox()
	require.NoError(t, o.Email(t.Context(), nil, b.project, message.Email{Template: "password_changed", To: "ada@example.test"}), "off")
	require.NoError(t, o.Email(t.Context(), nil, b.project, message.Email{Template: "email_changed", To: "ada@example.test"}),
		"too many mails do not refuse what has happened already")
	require.Empty(t, b.rows.items)

	b.project.Settings["auth.rate_limit.email_sent"] = int64(10)
	require.NoError(t, b.send(message.Email{Template: "email_changed", To: "old@example.test", OldEmail: "old@example.test", NewEmail: "new@example.test"}))
	require.Contains(t, b.platform.List()[0].Text, "changed from old@example.test to new@example.test")
}

// few allows each key a few times.
type few struct {
	mu   sync.Mutex
	used map[string]int
}

func (f *few) Allow(_ context.Context, ref, key string, rate guard.Rate) (bool, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.used == nil {
		f.used = map[string]int{}
	}
	f.used[ref+key]++
	return f.used[ref+key] <= rate.Burst, time.Minute
}

func TestThePlatformsServerIsForAFewMailsOfEachProject(t *testing.T) {
	b := setup(t, map[string]any{"auth.rate_limit.email_sent": 1_000_000})
	b.deps.Limiter, b.deps.PlatformRate = &few{}, 2
	require.NoError(t, b.send(confirmation))
	require.NoError(t, b.send(confirmation))
	err := b.outbox().Email(t.Context(), nil, b.project, confirmation)
	require.Equal(t, "OVER_EMAIL_SEND_RATE_LIMIT", fault.From(err).Reason, "however high the project sets its own rate")

	// Whoever owns the project's database writes to the outbox as they like: that is counted too.
	o := b.outbox()
	for range 2 {
		require.NoError(t, o.Handle(t.Context(), b.session(), b.rows.items[0]))
	}
	require.Contains(t, failed(t, o.Handle(t.Context(), b.session(), b.rows.items[0]), false), "more mails in an hour")
	require.Len(t, b.platform.List(), 4)

	s := &mailServer{}
	s.listen(t, false)
	b.by(s, nil)
	require.NoError(t, b.send(confirmation), "a server of the project's own is its own matter")

	b = &bundle{t: t, deps: b.deps, rows: b.rows, platform: b.platform, project: &directory.Project{Ref: id.PlatformRef, Settings: setting.Values{}}}
	for range 5 {
		require.NoError(t, b.send(confirmation), "people must get into the console")
	}
}

func TestForgedItems(t *testing.T) {
	b := setup(t, map[string]any{"auth.sms.provider": "vonage"})
	o := b.outbox()
	for name, c := range map[string]struct {
		kind, payload string
		permanent     bool
	}{
		"several recipients":         {"email", `{"message":{"template":"invite","to":"a@b.test, c@d.test"}}`, true},
		"a header in the recipient":  {"email", `{"message":{"template":"invite","to":"a@b.test\r\nBcc: c@d.test"}}`, true},
		"no recipient":               {"email", `{"message":{"template":"invite"}}`, true},
		"no template":                {"email", `{"message":{"template":"nothing","to":"a@b.test"}}`, true},
		"another type":               {"email", `{"message":[]}`, true},
		"no object":                  {"email", `7`, true},
		"a number that is none":      {"sms", `{"message":{"to":"+1 555"}}`, true},
		"a setting that is a secret": {"sms", `{"message":{"to":"15551234567","template":"auth.smtp.password"}}`, true},
		"a kind that there is not":   {"fax", `{}`, false},
	} {
		failed(t, o.Handle(t.Context(), b.session(), outbox.Item{Kind: c.kind, Payload: json.RawMessage(c.payload)}), c.permanent)
		require.Empty(t, b.platform.List(), name)
	}
}

func TestThePlatformsServerIsDown(t *testing.T) {
	b := setup(t, nil)
	b.deps.Platform = postbox.NewSMTP(config.SMTP{Host: "127.0.0.1", Port: 1, From: "no-reply@platform.test", TLS: "none"}, postbox.Options{})
	words := failed(t, b.send(confirmation), false)
	require.Contains(t, words, "Its operator")
	require.NotContains(t, words, "auth.smtp")
}

func TestWithoutAMailServerAtAll(t *testing.T) {
	b := setup(t, nil)
	b.deps.Platform = nil
	require.Equal(t, "EMAIL_NOT_CONFIGURED", fault.From(b.outbox().CanEmail(b.project)).Reason)
	require.Error(t, b.outbox().Email(t.Context(), nil, b.project, confirmation))
	b.project.Settings["auth.hook.send_email.enabled"] = true
	require.NoError(t, b.outbox().CanEmail(b.project))
}
