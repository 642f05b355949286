// Package mail sends mail, and for development keeps it in memory instead.
package mail

import (
	"cmp"
	"context"
	"fmt"
	"net/mail"
	"strings"

	"github.com/google/uuid"
	gomail "github.com/wneessen/go-mail"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Message is one mail. From may be empty: the sender's own address is then used.
type Message struct {
	// ID begins the Message-ID; "" is a new one. A mail that is sent again has the same, so that mailboxes can tell.
	ID   string
	From string
	// FromName replaces the name before the sender's address.
	FromName string
	// Project is the ref of the project whose mail it is, or "". Only an inbox shows it.
	Project string
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
	return NewSMTP(c, Options{})
}

type unset struct{}

func (unset) Send(context.Context, Message) error {
	return fault.New(fault.FailedPrecondition, "MAIL_NOT_CONFIGURED", "This installation sends no mail: its operator must set FLUXBASE_SMTP_HOST.")
}

// compose makes a message. The library encodes headers, so that no line break in a name or subject adds a header.
func compose(from string, m Message) (*gomail.Msg, error) {
	if m.From != "" {
		from = m.From
	}
	invalid := func(err error, what string) error {
		return fault.Wrap(err, fault.Invalid, "MAIL_INVALID", "The mail has no valid %s.", what)
	}
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return nil, invalid(err, "sender")
	}
	if m.FromName != "" {
		sender.Name = m.FromName
	}
	if err := message.FromFormat(sender.Name, sender.Address); err != nil {
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
	message.SetMessageIDWithValue(cmp.Or(m.ID, uuid.NewString()) + sender.Address[strings.LastIndexByte(sender.Address, '@'):])
	message.SetGenHeader("Auto-Submitted", "auto-generated") // no machine answers it
	message.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		message.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return message, nil
}
