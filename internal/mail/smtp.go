package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
	gosmtp "github.com/wneessen/go-mail/smtp"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Dial opens a connection to a mail server.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Options say how mail servers are reached.
type Options struct {
	// Dial opens connections; nil dials as usual. For servers that a project chose it is the dialer of internal/egress.
	Dial Dial
	// Roots are whose certificates are trusted; nil are the system's.
	Roots *x509.CertPool
	// Hello is the name that the server is greeted with; "" is this machine's, which servers that a project chose are not told.
	Hello string
}

// NewSMTP returns a sender by one mail server.
func NewSMTP(c config.SMTP, o Options) Sender {
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	return &smtp{c, o}
}

type smtp struct {
	config  config.SMTP
	options Options
}

// Bounds of one delivery, whatever the caller's context and the server allow.
const (
	sendTimeout = 30 * time.Second
	dialTimeout = 10 * time.Second
	quitTimeout = 2 * time.Second
	maxAnswers  = 256 << 10 // bytes of a mail server's answers
)

// Send hands the message to the mail server. The error is a fault; Explain tells more of it.
func (s *smtp) Send(ctx context.Context, m Message) error {
	message, err := compose(s.config.From, m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	var conn net.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	unhook := func() bool { return false }
	defer func() { unhook() }()
	client, err := s.client(func(dialing context.Context, network, address string) (net.Conn, error) {
		made, err := s.connect(dialing, network, address)
		if err != nil {
			return nil, err
		}
		conn = made
		unhook = context.AfterFunc(ctx, func() { _ = made.SetDeadline(time.Unix(1, 0)) })
		return conn, nil
	})
	if err != nil {
		return fault.Wrap(err, fault.Internal, "MAIL_MISCONFIGURED", "Mail cannot be sent: the mail server's settings are wrong.")
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err == nil {
		err = client.SendWithSMTPClient(session, message)
	}
	// What follows the server's taking of the message changes nothing: sending it again would deliver it twice.
	if err != nil && !message.IsDelivered() {
		return fault.Wrap(err, fault.Unavailable, "MAIL_NOT_SENT", "The mail could not be sent. Try again in a moment.")
	}
	_ = conn.SetDeadline(time.Now().Add(quitTimeout))
	_ = session.Quit()
	return nil
}

func (s *smtp) client(dial gomail.DialContextFunc) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.config.Port), gomail.WithTimeout(sendTimeout), gomail.WithTLSConfig(s.tls()), gomail.WithDialContextFunc(dial), gomail.WithoutNoop(),
	}
	if s.options.Hello != "" {
		options = append(options, gomail.WithHELO(s.options.Hello))
	}
	switch s.config.TLS {
	case "none", "tls": // the dialer encrypts the latter
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.config.User != "" {
		ip := net.ParseIP(s.config.Host)
		options = append(options, gomail.WithSMTPAuthCustom(&signIn{
			user: s.config.User, password: s.config.Password.Reveal(), host: s.config.Host,
			clear: s.config.TLS == "none" && (s.config.Host == "localhost" || ip.IsLoopback()),
		}))
	}
	return gomail.NewClient(s.config.Host, options...)
}

func (s *smtp) tls() *tls.Config {
	return &tls.Config{ServerName: s.config.Host, RootCAs: s.options.Roots, MinVersion: tls.VersionTLS12}
}

// connect opens a connection that ends with ctx, and on which a server may say only so much.
func (s *smtp) connect(ctx context.Context, network, address string) (net.Conn, error) {
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	raw, err := s.options.Dial(dialing, network, address)
	if err != nil {
		return nil, err
	}
	end, _ := ctx.Deadline()
	bounded := &boundedConn{Conn: raw, end: end, left: maxAnswers}
	if err := bounded.SetDeadline(end); err != nil {
		_ = raw.Close()
		return nil, err
	}
	if s.config.TLS != "tls" {
		return bounded, nil
	}
	encrypted := tls.Client(bounded, s.tls())
	if err := encrypted.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return encrypted, nil
}

// boundedConn is a connection with an end that nobody puts off.
type boundedConn struct {
	net.Conn
	end  time.Time
	left int
}

var errTalkative = errors.New("the mail server says too much")

// Read reads as long as there is something left to be said.
func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTalkative
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func (c *boundedConn) earlier(t time.Time) time.Time {
	if t.IsZero() || t.After(c.end) {
		return c.end
	}
	return t
}

// SetDeadline brings the end forward only.
func (c *boundedConn) SetDeadline(t time.Time) error { return c.Conn.SetDeadline(c.earlier(t)) }

// SetReadDeadline is SetDeadline for reading.
func (c *boundedConn) SetReadDeadline(t time.Time) error { return c.Conn.SetReadDeadline(c.earlier(t)) }

// SetWriteDeadline is SetDeadline for writing.
func (c *boundedConn) SetWriteDeadline(t time.Time) error {
	return c.Conn.SetWriteDeadline(c.earlier(t))
}

// signIn takes the first way to sign in that the server knows.
type signIn struct {
	user, password, host string
	// clear allows a password on a connection that is not encrypted: to this machine only.
	clear  bool
	chosen gosmtp.Auth
}

var errNoSignIn = errors.New("the mail server knows no way to sign in that is known here")

// errUnencrypted keeps a password from whoever listens.
var errUnencrypted = errors.New("the mail server asks for a password without encryption")

// Start chooses and begins.
func (a *signIn) Start(server *gosmtp.ServerInfo) (string, []byte, error) {
	if !server.TLS && !a.clear {
		return "", nil, errUnencrypted
	}
	for _, way := range []struct {
		name string
		auth gosmtp.Auth
	}{
		{"PLAIN", gosmtp.PlainAuth("", a.user, a.password, a.host, a.clear)}, {"LOGIN", gosmtp.LoginAuth(a.user, a.password, a.host, a.clear)},
		{"SCRAM-SHA-256", gosmtp.ScramSHA256Auth(a.user, a.password)}, {"CRAM-MD5", gosmtp.CRAMMD5Auth(a.user, a.password)},
	} {
		if slices.Contains(server.Auth, way.name) {
			a.chosen = way.auth
			return a.chosen.Start(server)
		}
	}
	return "", nil, errNoSignIn
}

// Next goes on.
func (a *signIn) Next(said []byte, more bool) ([]byte, error) { return a.chosen.Next(said, more) }

// Explain says what went wrong in words for whoever keeps the mail server's settings, and whether trying again is of no use: the message, not
// the server, is at fault. The words hold no secrets.
func Explain(err error) (words string, permanent bool) {
	var known *fault.Error
	if errors.As(err, &known) && known.Kind == fault.Invalid {
		return known.Message, true
	}
	if words, permanent, ok := explainAnswer(err); ok {
		return words, permanent
	}
	var (
		name    *net.DNSError
		cert    *tls.CertificateVerificationError
		header  tls.RecordHeaderError
		unknown x509.UnknownAuthorityError
	)
	switch {
	case errors.As(err, &name):
		return "The mail server's name is not known. Check auth.smtp.host.", false
	case errors.As(err, &cert), errors.As(err, &unknown):
		return "The mail server's certificate is not valid for its name.", false
	case errors.As(err, &header):
		return "The mail server does not speak TLS at this port. Check auth.smtp.port and auth.smtp.tls.", false
	case errors.Is(err, errNoSignIn), errors.Is(err, errUnencrypted), errors.Is(err, errTalkative):
		return fmt.Sprintf("The mail cannot be sent: %s.", innermost(err)), false
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "The mail server did not answer in time.", false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "The mail server closed the connection.", false
	case known != nil && known.Kind == fault.FailedPrecondition:
		return known.Message, false
	}
	return "The mail server could not be reached, or does not do as auth.smtp.tls asks.", false
}

// explainAnswer tells of an answer of the mail server.
func explainAnswer(err error) (words string, permanent, ok bool) {
	var sent *gomail.SendError
	var answer *textproto.Error
	code := 0
	if errors.As(err, &sent) {
		code = sent.ErrorCode()
	} else if errors.As(err, &answer) {
		code = answer.Code
		if code == 535 || code == 534 || code == 530 || code == 538 {
			return "The mail server refused the user or the password. Check auth.smtp.user and auth.smtp.password.", false, true
		}
	}
	if code == 0 {
		return "", false, false
	}
	said := " It answered with " + strconv.Itoa(code) + "."
	final := code >= 500
	switch {
	case sent == nil:
		return "The mail server refused the connection." + said, false, true
	case sent.Reason == gomail.ErrSMTPRcptTo:
		return "The mail server refused the recipient." + said, final, true
	case sent.Reason == gomail.ErrSMTPMailFrom:
		return "The mail server refused the sender. Check auth.smtp.sender_address." + said, false, true
	}
	return "The mail server refused the message." + said, final, true
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func innermost(err error) error {
	for _, known := range []error{errNoSignIn, errUnencrypted, errTalkative} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}

var (
	_ Sender      = (*smtp)(nil)
	_ gosmtp.Auth = (*signIn)(nil)
	_ net.Conn    = (*boundedConn)(nil)
)
