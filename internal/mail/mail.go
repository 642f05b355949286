// Package mail sends mail, and for development keeps it in memory instead.
package mail

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Message is one mail. From may be empty: the sender's own address is then used.
type Message struct {
	From    string
	To      []string
	ReplyTo string
	Subject string
	Text    string
	HTML    string
}

// Sender sends mail. Send returns when the mail server has taken the message.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// New returns the sender that the configuration asks for: SMTP, or one that says that no mail server is set.
func New(c config.SMTP) Sender {
	if c.Host == "" {
		return unset{}
	}
	return &smtp{c}
}

type unset struct{}

func (unset) Send(context.Context, Message) error {
	return fault.New(fault.FailedPrecondition, "MAIL_NOT_CONFIGURED", "This installation sends no mail: its operator must set FLUXBASE_SMTP_HOST.")
}

type smtp struct{ config config.SMTP }

// sendTimeout bounds one delivery, whatever the caller's context allows.
const sendTimeout = 30 * time.Second

func (s *smtp) Send(ctx context.Context, m Message) error {
	message, err := compose(s.config.From, m)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "MAIL_MISCONFIGURED", "Mail cannot be sent: the mail server's settings are wrong.")
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := client.DialAndSendWithContext(ctx, message); err != nil {
		return fault.Wrap(err, fault.Unavailable, "MAIL_NOT_SENT", "The mail could not be sent. Try again in a moment.")
	}
	return nil
}

func (s *smtp) client() (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.config.Port), gomail.WithTimeout(15 * time.Second),
		gomail.WithTLSConfig(&tls.Config{ServerName: s.config.Host, MinVersion: tls.VersionTLS12}),
	}
	switch s.config.TLS {
	case "none":
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	case "tls":
		options = append(options, gomail.WithSSL())
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.config.User != "" {
		method := gomail.SMTPAuthAutoDiscover
		if ip := net.ParseIP(s.config.Host); s.config.TLS == "none" && (s.config.Host == "localhost" || ip.IsLoopback()) {
			method = gomail.SMTPAuthPlainNoEnc // the configuration allows a password in clear on this machine only
		}
		options = append(options, gomail.WithSMTPAuth(method), gomail.WithUsername(s.config.User), gomail.WithPassword(s.config.Password.Reveal()))
	}
	return gomail.NewClient(s.config.Host, options...)
}

// compose makes a message. The library encodes headers, so that no line break in a name or subject adds a header.
func compose(from string, m Message) (*gomail.Msg, error) {
	if m.From != "" {
		from = m.From
	}
	invalid := func(err error, what string) error {
		return fault.Wrap(err, fault.Invalid, "MAIL_INVALID", "The mail has no valid %s.", what)
	}
	message := gomail.NewMsg()
	if err := message.From(from); err != nil {
		return nil, invalid(err, "sender")
	}
	if len(m.To) == 0 {
		return nil, invalid(fmt.Errorf("no recipient"), "recipient")
	}
	if err := message.To(m.To...); err != nil {
		return nil, invalid(err, "recipient")
	}
	if m.ReplyTo != "" {
		if err := message.ReplyTo(m.ReplyTo); err != nil {
			return nil, invalid(err, "reply address")
		}
	}
	message.Subject(m.Subject)
	message.SetDate()
	message.SetMessageID()
	message.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		message.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return message, nil
}
