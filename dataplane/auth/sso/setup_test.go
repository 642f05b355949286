package sso_test

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
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	"github.com/crewjam/saml/logger"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/proof"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/sso"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/seal"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

var sealer = sync.OnceValues(func() (*seal.Sealer, error) {
	key, err := seal.NewKey()
	if err != nil {
		return nil, err
	}
	return seal.New(key)
})

func mount(b *authtest.Bundle) {
	b.T.Helper()
	s, err := sealer()
	require.NoError(b.T, err)
	sso.New(sso.Deps{Log: testkit.Logger(b.T), Egress: b.Egress, Guard: b.Guard, Sessions: b.Sessions, Users: b.Users, Sealer: s}).Routes(b.Router)
	proofs := proof.New(proof.Deps{Sessions: b.Sessions})
	b.Router.Handle(http.MethodPost, "/token", func(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
		var in struct {
			Code     string `json:"auth_code"`
			Verifier string `json:"code_verifier"`
		}
		if err := protocol.Decode(w, r, &in); err != nil {
			return err
		}
		_, granted, err := proofs.Exchange(r.Context(), bound, in.Code, in.Verifier, protocol.Client(r))
		if err != nil {
			return err
		}
		return b.Sessions.Write(w, r, bound, granted)
	})
}

// bundle is a project that uses SAML.
func bundle(b *authtest.Bundle) *authtest.Bundle {
	return b.With(map[string]string{"auth.saml.enabled": "true", "auth.site_url": `"https://app.example.com"`, "auth.redirect_urls": `["https://other.example.com/**"]`})
}

type keyPair struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate
}

func newKeyPair() (keyPair, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return keyPair{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return keyPair{}, err
	}
	certificate, err := x509.ParseCertificate(raw)
	return keyPair{key, certificate}, err
}

// Two key pairs are made for all tests: honest, and another one.
var honest, rogue = sync.OnceValues(newKeyPair), sync.OnceValues(newKeyPair)

// idp is crewjam's identity provider, which speaks the protocol for real.
type idp struct {
	t *testing.T
	b *authtest.Bundle
	saml.IdentityProvider
	// encrypt encrypts assertions; signResponse false leaves the signature to the assertion.
	encrypt, bare bool
	// change is called before the assertion is signed.
	change func(req *saml.IdpAuthnRequest)
	person saml.Session
}

func newIDP(t *testing.T, b *authtest.Bundle, name string) *idp {
	t.Helper()
	keys, err := honest()
	require.NoError(t, err)
	parse := func(path string) url.URL {
		u, err := url.Parse("https://" + name + ".example" + path)
		require.NoError(t, err)
		return *u
	}
	i := &idp{t: t, b: b, person: saml.Session{NameID: "ada", NameIDFormat: string(saml.PersistentNameIDFormat), UserEmail: "Ada@Example.com", UserGivenName: "Ada",
		Groups: []string{"staff", "admins"}}}
	i.IdentityProvider = saml.IdentityProvider{Key: keys.key, Certificate: keys.certificate, Logger: logger.DefaultLogger, MetadataURL: parse("/metadata"),
		SSOURL: parse("/sso"), ServiceProviderProvider: i, SessionProvider: i}
	return i
}

// GetServiceProvider fetches the project's own description.
func (i *idp) GetServiceProvider(_ *http.Request, name string) (*saml.EntityDescriptor, error) {
	if name != i.b.Project.URL+"/auth/v1/sso/saml/metadata" {
		return nil, os.ErrNotExist
	}
	out := i.b.Call("GET", "/sso/saml/metadata", "", nil)
	require.Equal(i.t, 200, out.Status, out.Text)
	var described saml.EntityDescriptor
	require.NoError(i.t, xml.Unmarshal([]byte(out.Text), &described))
	if d := &described.SPSSODescriptors[0]; !i.encrypt {
		d.KeyDescriptors = nil
	}
	return &described, nil
}

// GetSession is who is signed in at the provider.
func (i *idp) GetSession(http.ResponseWriter, *http.Request, *saml.IdpAuthnRequest) *saml.Session {
	return &i.person
}

func (i *idp) metadataXML() string {
	raw, err := xml.Marshal(i.Metadata())
	require.NoError(i.t, err)
	return string(raw)
}

// register makes the provider known to the project, and returns its id.
func (i *idp) register(more map[string]any) string {
	i.t.Helper()
	body := map[string]any{"type": "saml", "metadata_xml": i.metadataXML()}
	for key, value := range more {
		body[key] = value
	}
	out := i.b.Call("POST", "/admin/sso/providers", authtest.Secret, body)
	require.Equal(i.t, 201, out.Status, out.Text)
	return out.Str("id")
}

// begin asks the project where to sign in, and returns the address.
func (i *idp) begin(body map[string]any) string {
	i.t.Helper()
	body["skip_http_redirect"] = true
	out := i.b.Call("POST", "/sso", "", body)
	require.Equal(i.t, 200, out.Status, out.Text)
	return out.Str("url")
}

// answer is the provider's to a request that came by an address, or to none when that is "".
func (i *idp) answer(address string) (response, relayState string) {
	i.t.Helper()
	var req *saml.IdpAuthnRequest
	var err error
	if address != "" {
		req, err = saml.NewIdpAuthnRequest(&i.IdentityProvider, httptest.NewRequest(http.MethodGet, address, nil))
		require.NoError(i.t, err)
		require.NoError(i.t, req.Validate())
	} else {
		described, err := i.GetServiceProvider(nil, i.b.Project.URL+"/auth/v1/sso/saml/metadata")
		require.NoError(i.t, err)
		req = &saml.IdpAuthnRequest{IDP: &i.IdentityProvider, HTTPRequest: httptest.NewRequest(http.MethodGet, "/", nil), Now: time.Now(),
			ServiceProviderMetadata: described, SPSSODescriptor: &described.SPSSODescriptors[0], ACSEndpoint: &described.SPSSODescriptors[0].AssertionConsumerServices[0]}
	}
	require.NoError(i.t, saml.DefaultAssertionMaker{}.MakeAssertion(req, &i.person))
	if i.change != nil {
		i.change(req)
	}
	form, err := req.PostBinding()
	require.NoError(i.t, err)
	raw, err := base64.StdEncoding.DecodeString(form.SAMLResponse)
	require.NoError(i.t, err)
	if i.bare {
		raw = edit(i.t, raw, func(root *etree.Element) { root.RemoveChild(root.SelectElement("Signature")) })
	}
	return string(raw), form.RelayState
}

// edit changes a response after it was signed.
func edit(t *testing.T, raw []byte, change func(root *etree.Element)) []byte {
	t.Helper()
	doc := etree.NewDocument()
	require.NoError(t, doc.ReadFromBytes(raw))
	change(doc.Root())
	out, err := doc.WriteToBytes()
	require.NoError(t, err)
	return out
}

// post brings a response to the project, as a browser does.
func post(b *authtest.Bundle, response, relayState string) authtest.Answer {
	form := url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte(response))}}
	if relayState != "" {
		form.Set("RelayState", relayState)
	}
	return postForm(b, form)
}

func postForm(b *authtest.Bundle, form url.Values) authtest.Answer {
	r := httptest.NewRequest(http.MethodPost, "/sso/saml/acs", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.Do(r, "")
}

// fragment requires a redirect to an address with tokens, and returns them.
func fragment(t *testing.T, out authtest.Answer, to string) url.Values {
	t.Helper()
	require.Equal(t, 303, out.Status, out.Text)
	address, values, _ := strings.Cut(out.Header.Get("Location"), "#")
	require.Equal(t, to, address)
	parsed, err := url.ParseQuery(values)
	require.NoError(t, err)
	require.NotEmpty(t, parsed.Get("access_token"), values)
	return parsed
}

// refused requires a redirect with an error.
func refused(t *testing.T, out authtest.Answer, code string) {
	t.Helper()
	require.Equal(t, 303, out.Status, out.Text)
	u, err := url.Parse(out.Header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, code, u.Query().Get("error_code"), u.String())
	require.NotContains(t, u.Fragment, "access_token")
}
