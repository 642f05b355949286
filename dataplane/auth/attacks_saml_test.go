package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/xml"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	"github.com/crewjam/saml/logger"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

type samlKey struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate
}

func newSAMLKey() (out samlKey, err error) {
	if out.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return out, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, out.key.Public(), out.key)
	if err != nil {
		return out, err
	}
	out.certificate, err = x509.ParseCertificate(raw)
	return out, err
}

var honestKey, rogueKey = sync.OnceValues(newSAMLKey), sync.OnceValues(newSAMLKey)

// company is crewjam's identity provider, which speaks the protocol for real, with a project that trusts it.
type company struct {
	saml.IdentityProvider
	s      *scene
	at     *place
	id     string
	person saml.Session
	// change is called before the assertion is signed.
	change func(req *saml.IdpAuthnRequest)
}

// company makes a provider and registers it at a project.
func (s *scene) company(at *place) *company {
	s.Helper()
	keys, err := honestKey()
	require.NoError(s, err)
	name := "https://c" + uuid.NewString()[:8] + ".example"
	parse := func(path string) url.URL {
		u, err := url.Parse(name + path)
		require.NoError(s, err)
		return *u
	}
	c := &company{s: s, at: at, person: saml.Session{NameID: "ada", NameIDFormat: string(saml.PersistentNameIDFormat), UserEmail: "a" + uuid.NewString()[:8] + "@example.com"}}
	c.IdentityProvider = saml.IdentityProvider{Key: keys.key, Certificate: keys.certificate, Logger: logger.DefaultLogger, MetadataURL: parse("/metadata"), SSOURL: parse("/sso"),
		ServiceProviderProvider: c, SessionProvider: c}
	c.id = c.register(at)
	return c
}

// register makes the provider known to a project.
func (c *company) register(at *place) string {
	c.s.Helper()
	metadata, err := xml.Marshal(c.Metadata())
	require.NoError(c.s, err)
	return c.s.must(201, ask{at: at, method: "POST", path: "/auth/v1/admin/sso/providers", key: at.keys.Secret, body: object{"type": "saml", "metadata_xml": string(metadata)}}).str("id")
}

// GetServiceProvider fetches the project's own description.
func (c *company) GetServiceProvider(_ *http.Request, name string) (*saml.EntityDescriptor, error) {
	if name != c.at.URL+"/auth/v1/sso/saml/metadata" {
		return nil, os.ErrNotExist
	}
	out := c.s.must(200, ask{at: c.at, path: "/auth/v1/sso/saml/metadata", noKey: true})
	var described saml.EntityDescriptor
	if err := xml.Unmarshal([]byte(out.text), &described); err != nil {
		return nil, err
	}
	described.SPSSODescriptors[0].KeyDescriptors = nil // assertions are not encrypted
	return &described, nil
}

// GetSession is who is signed in at the provider.
func (c *company) GetSession(http.ResponseWriter, *http.Request, *saml.IdpAuthnRequest) *saml.Session {
	return &c.person
}

// answer is the provider's to a sign-in that the project began.
func (c *company) answer() (response, relayState string) {
	c.s.Helper()
	begun := c.s.must(200, ask{at: c.at, method: "POST", path: "/auth/v1/sso", body: object{"provider_id": c.id, "skip_http_redirect": true}})
	req, err := saml.NewIdpAuthnRequest(&c.IdentityProvider, httptest.NewRequest(http.MethodGet, begun.str("url"), nil))
	require.NoError(c.s, err)
	require.NoError(c.s, req.Validate())
	require.NoError(c.s, saml.DefaultAssertionMaker{}.MakeAssertion(req, &c.person))
	if c.change != nil {
		c.change(req)
	}
	form, err := req.PostBinding()
	require.NoError(c.s, err)
	raw, err := base64.StdEncoding.DecodeString(form.SAMLResponse)
	require.NoError(c.s, err)
	return string(raw), form.RelayState
}

// edited changes a response after it was signed; the signature of the assertion is the only one.
func (s *scene) edited(response string, change func(root *etree.Element)) string {
	s.Helper()
	doc := etree.NewDocument()
	require.NoError(s, doc.ReadFromString(response))
	if own := doc.Root().SelectElement("Signature"); own != nil {
		doc.Root().RemoveChild(own)
	}
	change(doc.Root())
	out, err := doc.WriteToString()
	require.NoError(s, err)
	return out
}

// acs brings a response to a project, as a browser does.
func acs(at *place, response, relayState string) ask {
	return ask{at: at, method: "POST", path: "/auth/v1/sso/saml/acs", noKey: true,
		body: url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte(response))}, "RelayState": {relayState}}}
}

// evilAssertion is the assertion for another person, without a signature.
func evilAssertion(root *etree.Element) *etree.Element {
	out := root.SelectElement("Assertion").Copy()
	if signature := out.SelectElement("Signature"); signature != nil {
		out.RemoveChild(signature)
	}
	out.CreateAttr("ID", "_evil")
	out.FindElement("./Subject/NameID").SetText("admin")
	return out
}

// samlWrappings put an assertion for another person where software reads it, and keep the signed one where it is verified.
func samlWrappings() (out []attack) {
	wrap := func(name string, change func(root, good, bad *etree.Element)) {
		out = append(out, attack{"SAML signature wrapping", name, func(s *scene) {
			c := s.company(s.victim)
			response, relay := c.answer()
			forged := s.edited(response, func(root *etree.Element) { change(root, root.SelectElement("Assertion"), evilAssertion(root)) })
			require.Contains(s, forged, "admin")
			s.turnedBack(acs(s.victim, forged, relay), site, "validation_failed")
		}})
	}
	wrap("an unsigned assertion before the signed one", func(root, good, bad *etree.Element) { root.InsertChildAt(good.Index(), bad) })
	wrap("an unsigned assertion after the signed one", func(root, _, bad *etree.Element) { root.AddChild(bad) })
	wrap("the signed one within the unsigned one", func(root, good, bad *etree.Element) {
		root.RemoveChild(good)
		bad.AddChild(good)
		root.AddChild(bad)
	})
	wrap("the signed one within the unsigned one's signature", func(root, good, bad *etree.Element) {
		root.RemoveChild(good)
		signature := good.SelectElement("Signature").Copy()
		good.RemoveChild(good.SelectElement("Signature"))
		signature.CreateElement("ds:Object").AddChild(good)
		bad.InsertChildAt(1, signature)
		root.AddChild(bad)
	})
	wrap("the same ID for both", func(root, good, bad *etree.Element) {
		bad.CreateAttr("ID", good.SelectAttrValue("ID", ""))
		root.InsertChildAt(good.Index(), bad)
	})
	wrap("the signature moved to the unsigned one", func(root, good, bad *etree.Element) {
		bad.InsertChildAt(1, good.SelectElement("Signature").Copy())
		root.RemoveChild(good)
		root.AddChild(bad)
	})
	wrap("the signed one in the response's extensions", func(root, good, bad *etree.Element) {
		root.RemoveChild(good)
		extensions := etree.NewElement("samlp:Extensions")
		extensions.AddChild(good)
		root.InsertChildAt(1, extensions)
		root.AddChild(bad)
	})
	return out
}

// samlForgeries are answers that were changed, or that say what they should not.
func samlForgeries() (out []attack) {
	changed := func(name string, change func(root *etree.Element)) {
		out = append(out, attack{"SAML forgeries", name, func(s *scene) {
			response, relay := s.company(s.victim).answer()
			s.turnedBack(acs(s.victim, s.edited(response, change), relay), site, "validation_failed")
		}})
	}
	changed("another name in a signed assertion", func(root *etree.Element) { root.FindElement("./Assertion/Subject/NameID").SetText("admin") })
	changed("no signature at all", func(root *etree.Element) {
		good := root.SelectElement("Assertion")
		good.RemoveChild(good.SelectElement("Signature"))
	})
	changed("HMAC with the public key", func(root *etree.Element) {
		root.FindElement("./Assertion/Signature/SignedInfo/SignatureMethod").CreateAttr("Algorithm", "http://www.w3.org/2000/09/xmldsig#hmac-sha1")
	})
	changed("a comment that cuts a name", func(root *etree.Element) {
		name := root.FindElement("./Assertion/Subject/NameID")
		name.SetText("ad")
		name.CreateComment("")
		name.CreateText("a")
	})
	said := func(name string, change func(c *company, a *saml.Assertion)) {
		out = append(out, attack{"SAML forgeries", name, func(s *scene) {
			c := s.company(s.victim)
			c.change = func(req *saml.IdpAuthnRequest) { change(c, req.Assertion) }
			response, relay := c.answer()
			s.turnedBack(acs(s.victim, response, relay), site, "validation_failed")
		}})
	}
	said("an assertion for another audience", func(_ *company, a *saml.Assertion) {
		a.Conditions.AudienceRestrictions[0].Audience.Value = "https://another.example/metadata"
	})
	said("an assertion for another recipient", func(_ *company, a *saml.Assertion) {
		a.Subject.SubjectConfirmations[0].SubjectConfirmationData.Recipient = "https://evil.example/acs"
	})
	said("an assertion in answer to another request", func(_ *company, a *saml.Assertion) {
		a.Subject.SubjectConfirmations[0].SubjectConfirmationData.InResponseTo = "id-another"
	})
	said("an assertion that has expired", func(_ *company, a *saml.Assertion) {
		a.Conditions.NotOnOrAfter = time.Now().Add(-time.Hour)
		a.Subject.SubjectConfirmations[0].SubjectConfirmationData.NotOnOrAfter = time.Now().Add(-time.Hour)
	})
	return out
}

// samlReplays bring answers that are right, at the wrong time or place.
func samlReplays() []attack {
	const group = "SAML forgeries"
	return []attack{{group, "an assertion that another key signed", func(s *scene) {
		c := s.company(s.victim)
		keys, err := rogueKey()
		require.NoError(s, err)
		c.Key, c.Certificate = keys.key, keys.certificate
		response, relay := c.answer()
		s.turnedBack(acs(s.victim, response, relay), site, "validation_failed")
	}}, {group, "a response, a second time", func(s *scene) {
		response, relay := s.company(s.victim).answer()
		require.Contains(s, s.must(303, acs(s.victim, response, relay)).header.Get("Location"), "access_token=")
		s.turnedBack(acs(s.victim, response, relay), site, "saml_relay_state_not_found")
		s.turnedBack(acs(s.victim, response, ""), site, "validation_failed")
	}}, {group, "the response of one's own sign-in under another's relay state", func(s *scene) {
		c := s.company(s.victim)
		response, _ := c.answer()
		_, other := c.answer()
		s.turnedBack(acs(s.victim, response, other), site, "validation_failed")
	}}, {group, "a response for the neighbour of the same company, brought to the victim", func(s *scene) {
		c := s.company(s.neighbour)
		c.register(s.victim)
		response, relay := c.answer()
		a := acs(s.victim, response, relay)
		s.turnedBack(a, site, "saml_relay_state_not_found")
		s.turnedBack(acs(s.victim, response, ""), site, "validation_failed")
	}}, {group, "entities: a file's, and a bomb", func(s *scene) {
		response, _ := s.company(s.victim).answer()
		for _, dtd := range []string{`<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>`, `<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY x "&a;&a;&a;&a;">]>`} {
			s.turnedBack(acs(s.victim, dtd+strings.Replace(response, ">ada<", ">&x;<", 1), ""), site, "validation_failed")
		}
	}}, {group, "the address of a user of the project's own, which a company says is its", func(s *scene) {
		c, u := s.company(s.victim), s.newcomer(s.victim)
		c.person.UserEmail, c.person.UserName = u.email, u.email
		c.change = func(req *saml.IdpAuthnRequest) { req.Assertion.Subject.NameID.Value = u.id }
		response, relay := c.answer()
		a := acs(s.victim, response, relay)
		_, fields := s.must(303, a).location(s)
		require.NotEqual(s, u.id, claimsOf(s, fields.Get("access_token"))["sub"])
		require.Equal(s, 1, one[int](s, s.victim, "select count(*) from identities where user_id = $1", u.id))
		s.tell(a, "another user, of the company alone")
	}}}
}
