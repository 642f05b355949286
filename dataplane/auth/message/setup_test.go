package message_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	postbox "github.com/wayli-app/fluxbase/internal/mail"
	"github.com/wayli-app/fluxbase/internal/setting"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// written is what was written to the outbox, without a database.
type written struct {
	mu    sync.Mutex
	items []outbox.Item
}

func (w *written) Add(_ context.Context, _ outbox.Tx, _, _, kind string, payload any) (uuid.UUID, error) {
	encoded, err := json.Marshal(payload)
	if err != nil {
		return uuid.Nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.items = append(w.items, outbox.Item{ID: uuid.New(), Kind: kind, Payload: encoded, Created: time.Now()})
	return w.items[len(w.items)-1].ID, nil
}

// bundle is an outbox of one project.
type bundle struct {
	t        *testing.T
	deps     message.Deps
	rows     *written
	platform *postbox.Memory
	project  *directory.Project
}

func setup(t *testing.T, settings map[string]any) *bundle {
	t.Helper()
	t.Parallel()
	b := &bundle{t: t, rows: &written{}, platform: postbox.NewMemory("Platform <no-reply@platform.test>"),
		project: &directory.Project{Ref: "abcdefghijklmnopqrst", URL: "https://abcdefghijklmnopqrst.example.test", Settings: valuesOf(t, settings)}}
	b.deps = message.Deps{
		Log: testkit.Logger(t), Queue: b.rows, Platform: b.platform, Dial: (&net.Dialer{}).DialContext,
	}
	return b
}

// valuesOf makes settings as they come from a snapshot.
func valuesOf(t *testing.T, settings map[string]any) setting.Values {
	t.Helper()
	out := setting.Values{}
	for key, value := range settings {
		raw, err := json.Marshal(value)
		require.NoError(t, err)
		out[key], err = setting.Parse(key, string(raw))
		require.NoError(t, err)
	}
	return out
}

func (b *bundle) outbox() *message.Outbox { return message.New(b.deps) }

func (b *bundle) session() *projectdb.Session { return &projectdb.Session{Project: b.project} }

// send writes a mail and handles it.
func (b *bundle) send(m message.Email) error {
	b.t.Helper()
	o := b.outbox()
	require.NoError(b.t, o.Email(b.t.Context(), nil, b.project, m))
	return o.Handle(b.t.Context(), b.session(), b.rows.items[len(b.rows.items)-1])
}

// text writes a text message and handles it.
func (b *bundle) text(m message.SMS) error {
	b.t.Helper()
	o := b.outbox()
	require.NoError(b.t, o.SMS(b.t.Context(), nil, b.project, m))
	return o.Handle(b.t.Context(), b.session(), b.rows.items[len(b.rows.items)-1])
}

// failed requires a failure, and returns its words.
func failed(t *testing.T, err error, permanent bool) string {
	t.Helper()
	var f *outbox.Failure
	require.ErrorAs(t, err, &f)
	require.Equal(t, permanent, f.Permanent, f.Words)
	return f.Words
}

var confirmation = message.Email{
	Template: "confirmation", To: "ada@example.test", UserID: uuid.MustParse("11111111-2222-4333-8444-555555555555"), Token: "123456", TokenHash: "h4sh",
	Kind: "signup", RedirectTo: "https://app.example.test/welcome?a=1&b=2",
}

// mailServer is a real mail server that keeps what it is given.
type mailServer struct {
	password string
	// refuse answers to a recipient.
	refuse *gosmtp.SMTPError
	tls    *tls.Config
	roots  *x509.CertPool
	port   int
	got    chan received
}

type received struct {
	From, To, User string
	Hello          string
	TLS            bool
	Header         mail.Header
	Text, HTML     string
	Raw            string
}

func (s *mailServer) NewSession(c *gosmtp.Conn) (gosmtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	return &mailSession{server: s, encrypted: encrypted, hello: c.Hostname()}, nil
}

type mailSession struct {
	server    *mailServer
	encrypted bool
	user      string
	from, to  string
	hello     string
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != s.server.password {
			return gosmtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *gosmtp.MailOptions) error {
	if s.server.password != "" && s.user == "" {
		return gosmtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

func (s *mailSession) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	if s.server.refuse != nil {
		return s.server.refuse
	}
	s.to += to
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	got, err := readMail(string(raw))
	got.From, got.To, got.User, got.TLS, got.Hello = s.from, s.to, s.user, s.encrypted, s.hello
	s.server.got <- got
	return err
}
func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }

func readMail(raw string) (received, error) {
	parsed, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		return received{}, err
	}
	out := received{Header: parsed.Header, Raw: raw}
	_, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil {
		return out, err
	}
	parts := multipart.NewReader(parsed.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return out, err
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			out.HTML = string(text)
		} else {
			out.Text = string(text)
		}
	}
}

// subject is the decoded subject.
func (r received) subject(t *testing.T) string {
	decoded, err := new(mime.WordDecoder).DecodeHeader(r.Header.Get("Subject"))
	require.NoError(t, err)
	return decoded
}

// listen starts the server; implicit TLS speaks TLS from the first byte.
func (s *mailServer) listen(t *testing.T, implicit bool) {
	t.Helper()
	s.got = make(chan received, 10)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	s.roots = x509.NewCertPool()
	s.roots.AddCert(parsed)
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.port = listener.Addr().(*net.TCPAddr).Port
	running := gosmtp.NewServer(s)
	running.Domain = "localhost"
	if implicit {
		listener = tls.NewListener(listener, config)
	} else if s.tls == nil {
		running.TLSConfig = config
	}
	go func() { _ = running.Serve(listener) }()
	t.Cleanup(func() { _ = running.Close() })
}

// by makes the project use the server.
func (b *bundle) by(s *mailServer, settings map[string]any) {
	b.t.Helper()
	all := map[string]any{"auth.smtp.host": "127.0.0.1", "auth.smtp.port": s.port, "auth.smtp.sender_address": "hello@shop.test", "auth.smtp.sender_name": "The Shop"}
	for key, value := range settings {
		all[key] = value
	}
	for key, value := range valuesOf(b.t, all) {
		b.project.Settings[key] = value
	}
	b.deps.Roots = s.roots
}

func (s *mailServer) String() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }
