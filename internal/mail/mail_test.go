package mail_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/mail"
)

// server is a mail server that keeps what it is given.
type server struct {
	password string
	refuse   bool
	got      chan string
}

func (s *server) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return &session{server: s}, nil }

type session struct {
	*server
	trusted  bool
	from, to string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, password string) error {
		s.trusted = password == s.password
		if !s.trusted {
			return errors.New("wrong password")
		}
		return nil
	}), nil
}
func (s *session) Mail(from string, _ *gosmtp.MailOptions) error { s.from = from; return nil }
func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	if s.refuse {
		return &gosmtp.SMTPError{Code: 550, Message: "no such user"}
	}
	s.to += to
	return nil
}
func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.got <- fmt.Sprintf("trusted=%t from=%s to=%s\n%s", s.trusted, s.from, s.to, text)
	return err
}
func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func listen(t *testing.T, s *server) config.SMTP {
	t.Helper()
	s.got = make(chan string, 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	running := gosmtp.NewServer(s)
	running.Domain, running.AllowInsecureAuth = "localhost", true
	go func() { _ = running.Serve(listener) }()
	t.Cleanup(func() { _ = running.Close() })
	return config.SMTP{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, From: "Fluxbase <no-reply@fluxbase.test>", TLS: "none"}
}

var message = mail.Message{
	To: []string{"ada@example.test"}, Subject: "Grüße\r\nBcc: eve@example.test", Text: "Hello,\nclick.", HTML: "<p>Hello</p>",
}

func TestSMTP(t *testing.T) {
	t.Parallel()
	s := &server{password: "right"}
	c := listen(t, s)
	c.User, c.Password = "me", "right"
	require.NoError(t, mail.New(c).Send(t.Context(), message))
	text := <-s.got
	require.Contains(t, text, "trusted=true from=no-reply@fluxbase.test to=ada@example.test\n")
	require.Contains(t, text, "click.")
	require.Contains(t, text, "<p>Hello</p>")
	headers, _, _ := strings.Cut(text, "\r\n\r\n")
	require.NotContains(t, headers, "\nBcc:", "a subject cannot add headers")
}

func TestSMTPRefusals(t *testing.T) {
	t.Parallel()
	kind := func(err error) fault.Kind { return fault.From(err).Kind }

	refusing := listen(t, &server{refuse: true})
	require.Equal(t, fault.Unavailable, kind(mail.New(refusing).Send(t.Context(), message)))

	wrong := listen(t, &server{password: "right"})
	wrong.User, wrong.Password = "me", "wrong"
	err := mail.New(wrong).Send(t.Context(), message)
	require.Equal(t, fault.Unavailable, kind(err))

	plain := listen(t, &server{})
	plain.TLS = "starttls"
	require.Equal(t, fault.Unavailable, kind(mail.New(plain).Send(t.Context(), message)), "a server without TLS gets no mail")

	closed := listen(t, &server{})
	closed.Port = 1
	require.Equal(t, fault.Unavailable, kind(mail.New(closed).Send(t.Context(), message)))

	sender := mail.New(listen(t, &server{}))
	require.Equal(t, fault.Invalid, kind(sender.Send(t.Context(), mail.Message{Subject: "to nobody"})))
	require.Equal(t, fault.Invalid, kind(sender.Send(t.Context(), mail.Message{To: []string{"a@b.test\r\nRCPT TO:<c@d.test>"}})))

	require.Equal(t, fault.FailedPrecondition, kind(mail.New(config.SMTP{}).Send(t.Context(), message)))
}

func TestInbox(t *testing.T) {
	t.Parallel()
	inbox := mail.NewMemory("dev@localhost")
	for i := range 510 {
		m := message
		m.Subject = fmt.Sprint(i)
		require.NoError(t, inbox.Send(t.Context(), m))
	}
	list := inbox.List()
	require.Len(t, list, 500)
	require.Equal(t, "509", list[0].Subject, "newest first")
	require.Equal(t, "10", list[499].Subject)
	require.Equal(t, "dev@localhost", list[0].From)
	require.NotEmpty(t, list[0].ID)
	require.Error(t, inbox.Send(t.Context(), mail.Message{}))
}
