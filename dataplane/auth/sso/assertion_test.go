package sso

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/crewjam/saml"
	"github.com/stretchr/testify/require"
)

const typical = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="r" Version="2.0" IssueInstant="2026-01-01T00:00:00Z">` +
	`<saml:Issuer>https://idp.example/metadata</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>` +
	`<saml:Assertion ID="a" Version="2.0" IssueInstant="2026-01-01T00:00:00Z"><saml:Issuer>https://idp.example/metadata</saml:Issuer>` +
	`<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:Reference URI="#a"/></ds:SignedInfo></ds:Signature>` +
	`<saml:Subject><saml:NameID>ada</saml:NameID></saml:Subject></saml:Assertion></samlp:Response>`

// FuzzVerify requires that nothing is believed without a signature, and nothing breaks the reader.
func FuzzVerify(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(f, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(f, err)
	certificate, err := x509.ParseCertificate(raw)
	require.NoError(f, err)
	own := url.URL{Scheme: "https", Host: "p.example", Path: "/acs"}
	idp := &saml.EntityDescriptor{EntityID: "https://idp.example/metadata", IDPSSODescriptors: []saml.IDPSSODescriptor{{SSODescriptor: saml.SSODescriptor{RoleDescriptor: saml.RoleDescriptor{
		KeyDescriptors: []saml.KeyDescriptor{{Use: "signing", KeyInfo: saml.KeyInfo{X509Data: saml.X509Data{X509Certificates: []saml.X509Certificate{{Data: base64.StdEncoding.EncodeToString(raw)}}}}}}}}}}}
	f.Add(typical)
	f.Add("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")
	f.Add("<a><b/></a>")
	f.Fuzz(func(t *testing.T, text string) {
		if inspect([]byte(text)) != nil {
			return
		}
		var root struct{ XMLName xml.Name }
		require.NoError(t, xml.Unmarshal([]byte(text), &root))
		require.Equal(t, protocolSpace, root.XMLName.Space)
		party := &saml.ServiceProvider{EntityID: "https://p.example/metadata", Key: key, Certificate: certificate, AcsURL: own, MetadataURL: own, IDPMetadata: idp}
		_, err := verify(party, []byte(text), "", time.Now())
		require.Error(t, err)
	})
}

func FuzzParseMetadata(f *testing.F) {
	f.Add([]byte(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"><IDPSSODescriptor/></EntityDescriptor>`))
	f.Add([]byte(`<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><EntityDescriptor entityID="x"/></EntitiesDescriptor>`))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if idp, err := parseMetadata(raw); err == nil {
			require.NotEmpty(t, idp.EntityID)
			require.Len(t, idp.IDPSSODescriptors, 1)
		}
	})
}

func TestWhenMetadataIsStale(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		idp   saml.EntityDescriptor
		read  time.Duration // ago
		stale bool
	}{
		"it says nothing and is fresh":        {saml.EntityDescriptor{}, 23 * time.Hour, false},
		"it says nothing and is a day old":    {saml.EntityDescriptor{}, 25 * time.Hour, true},
		"it may be kept and was not too long": {saml.EntityDescriptor{CacheDuration: 48 * time.Hour}, 47 * time.Hour, false},
		"it may be kept and was longer":       {saml.EntityDescriptor{CacheDuration: time.Hour}, 2 * time.Hour, true},
		"it is valid still":                   {saml.EntityDescriptor{ValidUntil: now.Add(time.Hour)}, 90 * 24 * time.Hour, false},
		"it is valid no more":                 {saml.EntityDescriptor{ValidUntil: now.Add(-time.Hour), CacheDuration: 48 * time.Hour}, time.Minute, true},
	} {
		require.Equal(t, c.stale, stale(&c.idp, now.Add(-c.read), now), name)
	}
}

// The lower case of some letters beyond ASCII is an ASCII letter: a name with one is another person's.
func TestNamesThatOnlyLookAlikeAreOthers(t *testing.T) {
	t.Parallel()
	named := func(name string) string {
		return userID(&saml.Assertion{Subject: &saml.Subject{NameID: &saml.NameID{Format: string(saml.EmailAddressNameIDFormat), Value: name}}})
	}
	require.Equal(t, "kate@example.com", named("Kate@Example.com"))
	require.NotEqual(t, named("kate@example.com"), named("\u212Aate@example.com"))
}
