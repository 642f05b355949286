package sso

import (
	"bytes"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/wayli-app/fluxbase/internal/fault"
)

const (
	// maxResponse bounds a response, maxDepth how deep its elements are.
	maxResponse = 512 << 10
	maxDepth    = 64
	// skew is how far clocks may differ.
	skew = time.Minute

	assertionSpace = "urn:oasis:names:tc:SAML:2.0:assertion"
	protocolSpace  = "urn:oasis:names:tc:SAML:2.0:protocol"
	bearer         = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	rsa15          = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
)

// scan reads XML once, and refuses what no honest party sends: document types and with them entities, deep nests, and where elements are visited,
// processing instructions but the first line.
func scan(raw []byte, visit func(depth int, path []xml.Name, el xml.StartElement) error) error {
	in := xml.NewDecoder(bytes.NewReader(raw)) //nolint:gosec // tokens are read, and nothing is made of them
	var path []xml.Name
	for {
		token, err := in.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.New("it is not well-formed")
		}
		switch t := token.(type) {
		case xml.Directive:
			return errors.New("it has a document type")
		case xml.ProcInst:
			if visit != nil && (t.Target != "xml" || len(path) > 0) {
				return errors.New("it has a processing instruction")
			}
		case xml.StartElement:
			if path = append(path, t.Name); len(path) > maxDepth {
				return errors.New("it is nested too deep")
			}
		case xml.EndElement:
			if len(path) > 0 {
				path = path[:len(path)-1]
			}
		}
	}
	if visit == nil {
		return nil
	}
	return walk(raw, visit)
}

// walk visits every element with its namespace.
func walk(raw []byte, visit func(depth int, path []xml.Name, el xml.StartElement) error) error {
	in := xml.NewDecoder(bytes.NewReader(raw)) //nolint:gosec // tokens are read, and nothing is made of them
	var path []xml.Name
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errors.New("it is not well-formed")
		}
		switch t := token.(type) {
		case xml.Comment:
			return errors.New("it has a comment")
		case xml.StartElement:
			if err := visit(len(path), path, t); err != nil {
				return err
			}
			path = append(path, t.Name)
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
}

// outline is what a response says before anything of it is believed.
type outline struct {
	issuer    string // of the response, or else of its assertion
	inReplyTo string
}

// inspect refuses responses of an unusual shape, whatever is signed in them: more than one assertion, an assertion anywhere but in the response itself,
// two elements with one ID, comments, keys wrapped with PKCS #1 v1.5.
func inspect(raw []byte) error {
	assertions, status, ids := 0, "", map[string]bool{}
	err := scan(raw, func(depth int, path []xml.Name, el xml.StartElement) error {
		if depth == 0 && (el.Name.Space != protocolSpace || el.Name.Local != "Response") {
			return errors.New("it is no SAML Response")
		}
		if el.Name.Local == "Response" && depth > 0 {
			return errors.New("it has a Response within")
		}
		if el.Name.Local == "Assertion" || el.Name.Local == "EncryptedAssertion" {
			if assertions++; assertions > 1 || depth != 1 || el.Name.Space != assertionSpace {
				return errors.New("it has more than one Assertion, or has it in a wrong place")
			}
		}
		for _, attr := range el.Attr {
			if el.Name.Local == "StatusCode" && attr.Name.Local == "Value" && statusForm.MatchString(attr.Value) {
				status += " " + attr.Value[strings.LastIndexByte(attr.Value, ':')+1:]
			}
			if strings.EqualFold(attr.Name.Local, "ID") && attr.Name.Space == "" {
				if ids[attr.Value] {
					return errors.New("it has one ID twice")
				}
				ids[attr.Value] = true
			}
			if attr.Name.Local == "Algorithm" && attr.Value == rsa15 {
				return errors.New("its key is wrapped with RSA PKCS #1 v1.5: use RSA-OAEP")
			}
		}
		return nil
	})
	if err == nil && assertions == 0 {
		err = errors.New("it has no Assertion; status" + status)
	}
	return err
}

var statusForm = regexp.MustCompile(`^urn:oasis:names:tc:SAML:2\.0:status:[A-Za-z]{1,40}$`)

// peek reads who a response says that it is from.
func peek(raw []byte) (outline, error) {
	var response struct {
		XMLName   xml.Name `xml:"urn:oasis:names:tc:SAML:2.0:protocol Response"`
		InReplyTo string   `xml:"InResponseTo,attr"`
		Issuer    string   `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
		Assertion struct {
			Issuer string `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
		} `xml:"urn:oasis:names:tc:SAML:2.0:assertion Assertion"`
	}
	if err := xml.Unmarshal(raw, &response); err != nil {
		return outline{}, err
	}
	out := outline{issuer: strings.TrimSpace(response.Issuer), inReplyTo: response.InReplyTo}
	if out.issuer == "" {
		out.issuer = strings.TrimSpace(response.Assertion.Issuer)
	}
	return out, nil
}

// errAssertion refuses a response. The cause is for the log: told to the sender it would help forgers.
func errAssertion(cause error) error {
	return fault.Wrap(cause, fault.Invalid, "VALIDATION_FAILED", "SAML Assertion is not valid")
}

// certificates verifies signatures that do not name their certificate with each of the provider's: while it changes its key it has two.
type certificates struct{}

// VerifySignature is asked for the element that is signed.
func (certificates) VerifySignature(by *dsig.ValidationContext, el *etree.Element) error {
	_, first := by.Validate(el)
	if first == nil {
		return nil
	}
	known, err := by.CertificateStore.Certificates()
	if err != nil {
		return err
	}
	for _, one := range known {
		alone := *by
		alone.CertificateStore = &dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{one}}
		if _, err := alone.Validate(el); err == nil {
			return nil
		}
	}
	return first
}

// verify finds the assertion of a response good: signed by the provider, for us, now, and in reply to a request of ours, or to none when that is "".
func verify(party *saml.ServiceProvider, raw []byte, request string, now time.Time) (_ *saml.Assertion, err error) {
	defer func() { // signed nonsense of a provider that is not honest
		if broken := recover(); broken != nil {
			err = errAssertion(fmt.Errorf("panic: %v", broken))
		}
	}()
	party.AllowIDPInitiated, party.SignatureVerifier = request == "", certificates{}
	said, err := peek(raw)
	if err != nil {
		return nil, errAssertion(err)
	}
	if said.inReplyTo != request {
		return nil, errAssertion(errors.New("the Response's InResponseTo is not the request's"))
	}
	assertion, err := party.ParseXMLResponse(raw, []string{request}, party.AcsURL)
	if invalid := (*saml.InvalidResponseError)(nil); errors.As(err, &invalid) {
		return nil, errAssertion(invalid.PrivateErr)
	}
	if err != nil {
		return nil, errAssertion(err)
	}
	if err := judge(assertion, party, request, now); err != nil {
		return nil, errAssertion(err)
	}
	return assertion, nil
}

// judge checks what the library lets pass: parts that are missing, and clocks that differ by more than a minute.
func judge(a *saml.Assertion, party *saml.ServiceProvider, request string, now time.Time) error {
	switch {
	case a.ID == "" || a.Version != "2.0":
		return errors.New("the assertion has no ID, or is not of version 2.0")
	case a.IssueInstant.After(now.Add(skew)):
		return errors.New("the assertion was issued in the future")
	case a.Conditions == nil || a.Subject == nil:
		return errors.New("the assertion has no Conditions or no Subject")
	case now.Add(skew).Before(a.Conditions.NotBefore):
		return errors.New("the assertion is not valid yet")
	case !now.Before(a.Conditions.NotOnOrAfter.Add(skew)):
		return errors.New("the assertion has expired")
	case len(a.Conditions.AudienceRestrictions) == 0:
		return errors.New("the assertion has no AudienceRestriction")
	}
	for _, restriction := range a.Conditions.AudienceRestrictions {
		if restriction.Audience.Value != party.EntityID {
			return errors.New("an AudienceRestriction of the assertion is for another party")
		}
	}
	confirmed := false
	for _, c := range a.Subject.SubjectConfirmations {
		data := c.SubjectConfirmationData
		if c.Method != bearer || data == nil || data.Recipient != party.AcsURL.String() || data.InResponseTo != request || !data.NotBefore.IsZero() ||
			!now.Before(data.NotOnOrAfter.Add(skew)) {
			return errors.New("a SubjectConfirmation of the assertion is not for this sign-in")
		}
		confirmed = true
	}
	if !confirmed {
		return errors.New("the assertion has no SubjectConfirmation")
	}
	return nil
}

// sessionEnd is when the provider wants the session to end, or nil.
func sessionEnd(a *saml.Assertion) *time.Time {
	var end *time.Time
	for _, statement := range a.AuthnStatements {
		if at := statement.SessionNotOnOrAfter; at != nil && !at.IsZero() && (end == nil || at.Before(*end)) {
			end = at
		}
	}
	return end
}
