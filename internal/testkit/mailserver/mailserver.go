// Package mailserver is a real mail server for tests: it speaks SMTP with STARTTLS and asks for a password, and keeps what it is given.
package mailserver

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
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
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

// Message is a mail as it came in.
type Message struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
}

// Server is a running mail server. Who sends must say its User and Password.
type Server struct {
	User, Password string
	// Port is where it listens, at the address that it was started with.
	Port int
	// Certificate is that of the authority that signed the server's, in PEM.
	Certificate []byte

	server  *gosmtp.Server
	mu      sync.Mutex
	kept    map[string][]Message // by recipient
	arrived chan struct{}        // closed and made anew at each arrival
}

// Start starts a server at an IP address, which is also in its certificate.
func Start(address string) (*Server, error) {
	certificate, authority, err := certificates(net.ParseIP(address))
	if err != nil {
		return nil, err
	}
	s := &Server{User: "sender", Password: "s3cret of the test", Certificate: authority, kept: map[string][]Message{}, arrived: make(chan struct{})}
	s.server = gosmtp.NewServer(s)
	s.server.Domain = address
	s.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	s.server.MaxMessageBytes, s.server.ReadTimeout, s.server.WriteTimeout = 1<<20, 10*time.Second, 10*time.Second
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return nil, err
	}
	s.Port = listener.Addr().(*net.TCPAddr).Port
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

// Close ends it.
func (s *Server) Close() { _ = s.server.Close() }

// Next waits for a mail to an address, and takes it.
func (s *Server) Next(ctx context.Context, to string) (Message, error) {
	for {
		s.mu.Lock()
		if kept := s.kept[to]; len(kept) > 0 {
			s.kept[to] = kept[1:]
			s.mu.Unlock()
			return kept[0], nil
		}
		arrived := s.arrived
		s.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return Message{}, fmt.Errorf("no mail came to %s: %w", to, ctx.Err())
		}
	}
}

// NewSession answers to a connection.
func (s *Server) NewSession(c *gosmtp.Conn) (gosmtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	return &session{server: s, encrypted: encrypted}, nil
}

type session struct {
	server     *Server
	encrypted  bool
	authorised bool
	from       string
	to         []string
}

func (*session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if !s.encrypted || user != s.server.User || password != s.server.Password {
			return gosmtp.ErrAuthFailed
		}
		s.authorised = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *gosmtp.MailOptions) error {
	if !s.authorised {
		return gosmtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := Parse(raw)
	if err != nil {
		return err
	}
	m.From = s.from
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	for _, to := range s.to {
		m.To = to
		s.server.kept[to] = append(s.server.kept[to], m)
	}
	close(s.server.arrived)
	s.server.arrived = make(chan struct{})
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (*session) Logout() error { return nil }

// Parse reads a mail of one text, or of a text and its HTML.
func Parse(raw []byte) (Message, error) {
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Message{}, err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil {
		return Message{}, err
	}
	out := Message{Subject: subject}
	return out, out.read(parsed.Header.Get("Content-Type"), parsed.Header.Get("Content-Transfer-Encoding"), parsed.Body)
}

func (m *Message) read(contentType, encoding string, body io.Reader) error {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, parameters["boundary"])
		for {
			part, err := parts.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := m.read(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part); err != nil {
				return err
			}
		}
	}
	if strings.EqualFold(encoding, "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if kind == "text/html" {
		m.HTML = string(text)
	} else {
		m.Text = string(text)
	}
	return err
}

// certificates makes an authority and a certificate of it for an address.
func certificates(address net.IP) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	signed, err := x509.CreateCertificate(rand.Reader, authority, authority, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: authority.NotBefore, NotAfter: authority.NotAfter, IPAddresses: []net.IP{address},
		DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature}
	certificate, err := x509.CreateCertificate(rand.Reader, leaf, authority, &own.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{certificate}, PrivateKey: own}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), nil
}
