package web3

import (
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Bounds of a message, and of the statement that is kept of it: access tokens carry it.
const (
	leastMessage  = 64
	mostMessage   = 20 << 10
	keptStatement = 1024
)

// message is what a wallet signed.
type message struct {
	text                       string
	scheme, domain             string
	address, statement         string
	uri                        *url.URL
	version, chainID, nonce    string
	issued, expires, notBefore time.Time
	requestID                  string
	resources                  []string
}

func invalid(message string, args ...any) error { return protocol.ErrValidation(message, args...) }

var domainForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*(:[0-9]{1,5})?$|^\[[0-9a-f:.]+\](:[0-9]{1,5})?$`)

// parse reads a message of either form. Nothing is skipped: a line that has no meaning, or has one twice, refuses the message.
//
//	[scheme://]domain wants you to sign in with your … account:
//	address
//
//	[statement
//	]
//	Field: value
//	Resources:
//	- address
func parse(text, title string) (*message, error) {
	switch {
	case len(text) < leastMessage:
		return nil, invalid("message is too short")
	case len(text) > mostMessage:
		return nil, invalid("message must not exceed 20KB")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }):
		return nil, invalid("message must be text without control characters")
	}
	lines := strings.Split(text, "\n")
	m := &message{text: text}
	first, ok := strings.CutSuffix(lines[0], " wants you to sign in with your "+title+" account:")
	if !ok {
		return nil, invalid("message does not begin with the words of Sign-In With %s", title)
	}
	m.domain = first
	if scheme, domain, has := strings.Cut(first, "://"); has {
		m.scheme, m.domain = scheme, domain
	}
	if !domainForm.MatchString(m.domain) {
		return nil, invalid("message has no valid domain on its first line")
	}
	if len(lines) < 4 || lines[2] != "" {
		return nil, invalid("message needs the address on its second line and an empty third line")
	}
	m.address = lines[1]
	fields := lines[3:]
	switch {
	case fields[0] == "":
		fields = fields[1:]
	case len(fields) > 1 && fields[1] == "":
		m.statement, fields = fields[0], fields[2:]
	}
	if err := m.readFields(fields); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *message) readFields(lines []string) error {
	seen := map[string]bool{}
	for i, line := range lines {
		if line == "Resources:" || line == "Resources" {
			return m.finish(lines[i+1:])
		}
		name, value, ok := strings.Cut(line, ": ")
		if !ok || value == "" || seen[name] {
			return invalid("message has an unexpected line: %q", line)
		}
		seen[name] = true
		if err := m.readField(name, value); err != nil {
			return err
		}
	}
	return m.finish(nil)
}

var nonceForm = regexp.MustCompile(`^[A-Za-z0-9]{8,128}$`)

func (m *message) readField(name, value string) error {
	var err error
	at := func(to *time.Time) {
		if *to, err = time.Parse(time.RFC3339Nano, value); err != nil {
			err = invalid("%s is not a valid time", name)
		}
	}
	switch name {
	case "URI":
		m.uri, err = url.Parse(value)
		if err != nil || m.uri.Host == "" || m.uri.User != nil {
			err = invalid("URI is not a valid address")
		}
	case "Version":
		m.version = value
	case "Chain ID":
		m.chainID = value
	case "Nonce":
		m.nonce = value
		if !nonceForm.MatchString(value) {
			err = invalid("Nonce must be 8 or more letters and digits")
		}
	case "Issued At":
		at(&m.issued)
	case "Expiration Time":
		at(&m.expires)
	case "Not Before":
		at(&m.notBefore)
	case "Request ID":
		m.requestID = value
	default:
		err = invalid("message has an unexpected field: %q", name)
	}
	return err
}

// finish reads the resources, and requires what every message has.
func (m *message) finish(resources []string) error {
	for _, line := range resources {
		resource, ok := strings.CutPrefix(line, "- ")
		if !ok {
			return invalid("message has an unexpected line after Resources: %q", line)
		}
		if u, err := url.Parse(resource); err != nil || u.Scheme == "" {
			return invalid("resource is not a valid address: %q", resource)
		}
		m.resources = append(m.resources, resource)
	}
	switch {
	case m.version != "1":
		return invalid("Version must be 1")
	case m.uri == nil:
		return invalid("URI is missing")
	case m.issued.IsZero():
		return invalid("Issued At is missing")
	}
	return nil
}

// check refuses a message that was signed for another app, or is not of now.
func (m *message) check(values setting.Values, title string, now time.Time) error {
	local := m.uri.Hostname() == "localhost" || m.uri.Hostname() == "127.0.0.1" || m.uri.Hostname() == "::1"
	address := m.uri.String()
	switch {
	case m.uri.Scheme != "https" && !(local && m.uri.Scheme == "http"):
		return refused("Signed %s message is using URI which does not use HTTPS", title)
	case protocol.AllowedRedirect(values, address) != address:
		return refused("Signed %s message is using URI which is not allowed on this server, message was signed for another app", title)
	case !strings.EqualFold(m.uri.Host, m.domain) || (m.scheme != "" && m.scheme != m.uri.Scheme):
		return refused("Signed %s message is using a Domain that does not match the one in URI which is not allowed on this server", title)
	case !m.notBefore.IsZero() && now.Before(m.notBefore):
		return refused("Signed %s message becomes valid in the future", title)
	case !m.expires.IsZero() && !now.Before(m.expires):
		return refused("Signed %s message is expired", title)
	case now.After(m.issued.Add(window)):
		return refused("%s message was issued too long ago", title)
	case now.Before(m.issued.Add(-window)):
		return refused("%s message was issued too far in the future", title)
	}
	return nil
}

// proof is what is used once: the nonce of a wallet, or without one the message itself.
func (m *message) proof(name string) string {
	if m.nonce != "" {
		return name + "\nnonce\n" + m.nonce
	}
	return name + "\nmessage\n" + m.text
}

// data is what is kept of the wallet.
func (m *message) data(chain, name string) protocol.Metadata {
	statement := m.statement
	if len(statement) > keptStatement {
		statement = strings.ToValidUTF8(statement[:keptStatement], "")
	}
	out := protocol.Metadata{}
	out.Set("sub", name)
	out.Set("custom_claims", map[string]any{"address": m.address, "chain": chain, "network": m.chainID, "domain": m.domain, "statement": statement})
	out.Set("email_verified", false)
	out.Set("phone_verified", false)
	return out
}
