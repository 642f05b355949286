// Package message writes the mails and text messages of auth to the project's outbox, in the request's transaction, and sends them later: by
// the project's own mail server and provider, by its hooks, or by the platform's mail server.
package message

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/mail"
)

// Email is a mail to a user.
type Email struct {
	// Template is a name of setting.EmailTemplates or setting.EmailNotices.
	Template string    `json:"template"`
	To       string    `json:"to"`
	UserID   uuid.UUID `json:"user_id,omitzero"`
	// User is the user as clients see it, in JSON: what the send_email hook is told of.
	User json.RawMessage `json:"user,omitempty"`
	// Token is the code and TokenHash what the link carries. They leave the outbox when the mail is sent, expired or refused.
	Token     string `json:"-"`
	TokenHash string `json:"-"`
	// TokenNew and TokenHashNew are those for the other address while an address is being changed; only the hook is told of them.
	TokenNew     string `json:"-"`
	TokenHashNew string `json:"-"`
	// Kind is the type that the link names to /verify: signup, invite, magiclink, recovery, email_change.
	Kind       string `json:"kind,omitempty"`
	NewEmail   string `json:"new_email,omitempty"`
	OldEmail   string `json:"old_email,omitempty"`
	RedirectTo string `json:"redirect_to,omitempty"`
	Phone      string `json:"phone,omitempty"`
	Provider   string `json:"provider,omitempty"`
	FactorType string `json:"factor_type,omitempty"`
	// Unsent tells that the mail is written like any other and never sent: where what the request does must not tell whether there is a user.
	Unsent bool `json:"unsent,omitempty"`
	// Data is the user's metadata.
	Data map[string]any `json:"data,omitempty"`
	// Expires is when its code is good no more; zero is auth.email.otp_expiry after it was written, for mails with a code.
	Expires time.Time `json:"expires,omitzero"`
}

// The channels of text messages.
const (
	ChannelSMS      = "sms"
	ChannelWhatsApp = "whatsapp"
)

// SMS is a text message to a user.
type SMS struct {
	// To is a number in digits, without +.
	To string `json:"to"`
	// Code is the one-time code. It leaves the outbox as an Email's.
	Code string `json:"-"`
	// Template is the key of the setting with the text; "" is auth.sms.template.
	Template string          `json:"template,omitempty"`
	UserID   uuid.UUID       `json:"user_id,omitzero"`
	User     json.RawMessage `json:"user,omitempty"`
	// Unsent is as in Email.
	Unsent bool `json:"unsent,omitempty"`
	// Channel is ChannelSMS, or ChannelWhatsApp where the provider has it.
	Channel string    `json:"channel,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	// id is the row in the outbox.
	id uuid.UUID
}

// Hooks asks a project's own code.
type Hooks interface {
	Call(ctx context.Context, session *projectdb.Session, name string, input, output any) error
}

// Writer writes to the outbox of a project; *outbox.Queue is one.
type Writer interface {
	Add(ctx context.Context, tx outbox.Tx, ref, schema, kind string, payload any) (uuid.UUID, error)
}

// Deps are what the outbox needs.
type Deps struct {
	Log   *slog.Logger
	Queue Writer
	// Limiter counts the messages of projects, for all workers; nil counts none.
	Limiter guard.Limiter
	Hooks   Hooks
	// Platform sends the mail of projects that have no mail server of their own. Nil where the installation sends none.
	Platform mail.Sender
	// PlatformRate is how many mails one project sends by it in an hour at most; 0 is no limit. The platform's own project has none.
	PlatformRate int
	// Dial opens connections to mail servers that projects chose, and HTTP requests to addresses that they chose: guarded by internal/egress.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	HTTP *http.Client
	// CheckURL refuses what is no address for a request; nil refuses nothing.
	CheckURL func(address string) error
	// Roots are whose certificates mail servers may show; nil are the system's.
	Roots *x509.CertPool
	// Address is a project's own address, which links begin with; nil is that of the snapshot. It is never a request's.
	Address func(*directory.Project) string
	// Providers are the addresses of SMS providers; the zero value is theirs. Tests have their own.
	Providers Providers
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Providers are base URLs of those who send text messages.
type Providers struct{ Twilio, TwilioVerify, Vonage, MessageBird string }

// Outbox writes messages, and sends them when its queue says so. It keeps nothing of projects.
type Outbox struct{ Deps }

var _ outbox.Handler = (*Outbox)(nil)

// New makes an Outbox.
func New(d Deps) *Outbox {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Address == nil {
		d.Address = func(p *directory.Project) string { return p.URL }
	}
	d.Providers = d.Providers.orTheirs()
	return &Outbox{d}
}
