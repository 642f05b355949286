package sso_test

import (
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	"github.com/crewjam/saml/xmlenc"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
)

// forge is a good answer of the provider, changed after it was signed.
type forge = func(root *etree.Element)

func assertionOf(root *etree.Element) *etree.Element { return root.SelectElement("Assertion") }

// evil is the assertion for another person, without a signature.
func evil(root *etree.Element) *etree.Element {
	out := assertionOf(root).Copy()
	if signature := out.SelectElement("Signature"); signature != nil {
		out.RemoveChild(signature)
	}
	out.CreateAttr("ID", "_evil")
	out.FindElement("./Subject/NameID").SetText("admin")
	return out
}

// Wrappings put an assertion for another person where software reads it, and keep the signed one where it is verified.
var wrappings = map[string]forge{
	"an unsigned assertion before the signed one": func(root *etree.Element) { root.InsertChildAt(assertionOf(root).Index(), evil(root)) },
	"an unsigned assertion after the signed one":  func(root *etree.Element) { root.AddChild(evil(root)) },
	"the signed one within the unsigned one": func(root *etree.Element) {
		bad, good := evil(root), assertionOf(root)
		root.RemoveChild(good)
		bad.AddChild(good)
		root.AddChild(bad)
	},
	"the signed one within the unsigned one's signature": func(root *etree.Element) {
		bad, good := evil(root), assertionOf(root)
		root.RemoveChild(good)
		signature := good.SelectElement("Signature").Copy()
		good.RemoveChild(good.SelectElement("Signature"))
		signature.CreateElement("ds:Object").AddChild(good)
		bad.InsertChildAt(1, signature)
		root.AddChild(bad)
	},
	"the signed one in the response's extensions": func(root *etree.Element) {
		bad, good := evil(root), assertionOf(root)
		root.RemoveChild(good)
		root.InsertChildAt(1, etree.NewElement("samlp:Extensions"))
		root.ChildElements()[1].AddChild(good)
		root.AddChild(bad)
	},
	"the same ID for both": func(root *etree.Element) {
		bad := evil(root)
		bad.CreateAttr("ID", assertionOf(root).SelectAttrValue("ID", ""))
		root.InsertChildAt(assertionOf(root).Index(), bad)
	},
	"the signature moved to the unsigned one": func(root *etree.Element) {
		bad, good := evil(root), assertionOf(root)
		bad.InsertChildAt(1, good.SelectElement("Signature").Copy())
		root.RemoveChild(good)
		root.AddChild(bad)
	},
	"a response within the response": func(root *etree.Element) {
		inner, bad := root.Copy(), evil(root)
		root.RemoveChild(assertionOf(root))
		root.AddChild(bad)
		root.AddChild(inner)
	},
	"the signed one below an element of another name": func(root *etree.Element) {
		bad, good := evil(root), assertionOf(root)
		root.RemoveChild(good)
		root.CreateElement("wrapper").AddChild(good)
		root.AddChild(bad)
	},
	"an assertion of another namespace before it": func(root *etree.Element) {
		bad := evil(root)
		bad.Space = ""
		bad.CreateAttr("xmlns", "urn:other")
		root.InsertChildAt(assertionOf(root).Index(), bad)
	},
}

func TestSignatureWrappingIsRefused(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		id := i.register(nil)
		for _, bare := range []bool{true, false} { // signed is the assertion alone, or the response too
			i.bare = bare
			for name, wrap := range wrappings {
				response, relay := i.answer(i.begin(map[string]any{"provider_id": id}))
				forged := string(edit(t, []byte(response), wrap))
				require.Contains(t, forged, "admin", name)
				out := post(b, forged, relay)
				require.Equal(t, 303, out.Status, name)
				require.Contains(t, out.Header.Get("Location"), "error_code=validation_failed", name)
			}
		}
		require.Zero(t, b.Count("select count(*) from users"))
		fragment(t, post2(b, i, i.begin(map[string]any{"provider_id": id})), "https://app.example.com")
	})
}

func TestResponsesThatWereChangedAreRefused(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		id := i.register(nil)
		i.bare = true
		setText := func(path, text string) forge {
			return func(root *etree.Element) { root.FindElement(path).SetText(text) }
		}
		setAttr := func(path, name, value string) forge {
			return func(root *etree.Element) { root.FindElement(path).CreateAttr(name, value) }
		}
		dropped := func(path string) forge {
			return func(root *etree.Element) {
				el := root.FindElement(path)
				el.Parent().RemoveChild(el)
			}
		}
		for name, change := range map[string]forge{
			"another name":                      setText("./Assertion/Subject/NameID", "admin"),
			"another attribute":                 setText("./Assertion/AttributeStatement/Attribute[1]/AttributeValue", "admin@example.com"),
			"no signature":                      dropped("./Assertion/Signature"),
			"an empty signature":                setText("./Assertion/Signature/SignatureValue", ""),
			"another digest":                    setText("./Assertion/Signature/SignedInfo/Reference/DigestValue", base64.StdEncoding.EncodeToString(make([]byte, 32))),
			"a reference to nothing":            setAttr("./Assertion/Signature/SignedInfo/Reference", "URI", "#_other"),
			"a reference to the whole document": setAttr("./Assertion/Signature/SignedInfo/Reference", "URI", ""),
			"HMAC with the public key":          setAttr("./Assertion/Signature/SignedInfo/SignatureMethod", "Algorithm", "http://www.w3.org/2000/09/xmldsig#hmac-sha1"),
			"another transform":                 setAttr("./Assertion/Signature/SignedInfo/Reference/Transforms/Transform[1]", "Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116"),
			"another destination":               setAttr(".", "Destination", "https://evil.example/acs"),
			"another request":                   setAttr(".", "InResponseTo", "id-other"),
			"another issuer":                    setText("./Issuer", "https://evil.example/metadata"),
			"a status of failure":               setAttr("./Status/StatusCode", "Value", saml.StatusRequestDenied),
			"an old response":                   setAttr(".", "IssueInstant", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)),
			"no assertion":                      dropped("./Assertion"),
		} {
			response, relay := i.answer(i.begin(map[string]any{"provider_id": id}))
			out := post(b, string(edit(t, []byte(response), change)), relay)
			require.Equal(t, 303, out.Status, name)
			require.Contains(t, out.Header.Get("Location"), "error_code=validation_failed", name)
		}
		require.Zero(t, b.Count("select count(*) from users"))
		response, relay := i.answer(i.begin(map[string]any{"provider_id": id}))
		out := post(b, string(edit(t, []byte(response), func(root *etree.Element) {
			dropped("./Assertion")(root)
			setAttr("./Status/StatusCode", "Value", saml.StatusRequestDenied)(root)
		})), relay)
		require.Contains(t, out.Header.Get("Location"), "status+RequestDenied", "a provider's refusal is told")
	})
}

func TestAssertionsForOthersOrOtherTimesAreRefused(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		id := i.register(nil)
		data := func(req *saml.IdpAuthnRequest) *saml.SubjectConfirmationData {
			return req.Assertion.Subject.SubjectConfirmations[0].SubjectConfirmationData
		}
		for name, change := range map[string]func(req *saml.IdpAuthnRequest){
			"another audience": func(req *saml.IdpAuthnRequest) {
				req.Assertion.Conditions.AudienceRestrictions[0].Audience.Value = "https://other.example/"
			},
			"no audience": func(req *saml.IdpAuthnRequest) { req.Assertion.Conditions.AudienceRestrictions = nil },
			"another audience too": func(req *saml.IdpAuthnRequest) {
				req.Assertion.Conditions.AudienceRestrictions = append(req.Assertion.Conditions.AudienceRestrictions, saml.AudienceRestriction{Audience: saml.Audience{Value: "x"}})
			},
			"another recipient":         func(req *saml.IdpAuthnRequest) { data(req).Recipient = "https://other.example/acs" },
			"no recipient":              func(req *saml.IdpAuthnRequest) { data(req).Recipient = "" },
			"another request":           func(req *saml.IdpAuthnRequest) { data(req).InResponseTo = "id-other" },
			"no request":                func(req *saml.IdpAuthnRequest) { data(req).InResponseTo = "" },
			"a confirmation that ended": func(req *saml.IdpAuthnRequest) { data(req).NotOnOrAfter = time.Now().Add(-2 * time.Minute) },
			"a confirmation of another kind": func(req *saml.IdpAuthnRequest) {
				req.Assertion.Subject.SubjectConfirmations[0].Method = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"
			},
			"no confirmation": func(req *saml.IdpAuthnRequest) { req.Assertion.Subject.SubjectConfirmations = nil },
			"no confirmation's data": func(req *saml.IdpAuthnRequest) {
				req.Assertion.Subject.SubjectConfirmations[0].SubjectConfirmationData = nil
			},
			"no subject":    func(req *saml.IdpAuthnRequest) { req.Assertion.Subject = nil },
			"no conditions": func(req *saml.IdpAuthnRequest) { req.Assertion.Conditions = nil },
			"not valid yet": func(req *saml.IdpAuthnRequest) { req.Assertion.Conditions.NotBefore = time.Now().Add(2 * time.Minute) },
			"expired": func(req *saml.IdpAuthnRequest) {
				req.Assertion.Conditions.NotOnOrAfter = time.Now().Add(-2 * time.Minute)
			},
			"issued long ago":      func(req *saml.IdpAuthnRequest) { req.Assertion.IssueInstant = time.Now().Add(-time.Hour) },
			"issued in the future": func(req *saml.IdpAuthnRequest) { req.Assertion.IssueInstant = time.Now().Add(2 * time.Minute) },
			"another issuer":       func(req *saml.IdpAuthnRequest) { req.Assertion.Issuer.Value = "https://other.example/metadata" },
			"no ID":                func(req *saml.IdpAuthnRequest) { req.Assertion.ID = "" },
		} {
			for _, encrypt := range []bool{false, true} {
				i.change, i.encrypt = change, encrypt
				out := post2(b, i, i.begin(map[string]any{"provider_id": id}))
				require.Equal(t, 303, out.Status, name)
				require.Contains(t, out.Header.Get("Location"), "error_code=validation_failed", name)
			}
		}
		i.change, i.encrypt = nil, false
		i.person.NameIDFormat = string(saml.TransientNameIDFormat)
		refused(t, post2(b, i, i.begin(map[string]any{"provider_id": id})), "saml_assertion_no_user_id")
		i.person.NameIDFormat, i.person.UserEmail = string(saml.PersistentNameIDFormat), ""
		refused(t, post2(b, i, i.begin(map[string]any{"provider_id": id})), "saml_assertion_no_email")
		i.person.UserEmail = "not an address"
		refused(t, post2(b, i, i.begin(map[string]any{"provider_id": id})), "saml_assertion_no_email")
		require.Zero(t, b.Count("select count(*) from users"))
	})
}

func TestAnotherKeysSignatureIsRefused(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		id := i.register(nil)
		keys, err := rogue()
		require.NoError(t, err)
		i.Key, i.Certificate = keys.key, keys.certificate
		refused(t, post2(b, i, i.begin(map[string]any{"provider_id": id})), "validation_failed")
		response, _ := i.answer("")
		refused(t, post(b, response, ""), "validation_failed")

		// A provider that the project knows answers for another one, whose people it does not have.
		other := newIDP(t, b, "other")
		other.Key, other.Certificate = keys.key, keys.certificate
		other.register(nil)
		address := i.begin(map[string]any{"provider_id": id})
		i.MetadataURL = other.MetadataURL
		refused(t, post2(b, i, address), "validation_failed")
		require.Zero(t, b.Count("select count(*) from users"))
	})
}

func TestResponsesAndRelayStatesAreUsedOnce(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		id := i.register(nil)
		response, relay := i.answer(i.begin(map[string]any{"provider_id": id}))
		var wait sync.WaitGroup
		places := make([]string, 6)
		for n := range places {
			wait.Go(func() { places[n] = post(b, response, relay).Header.Get("Location") })
		}
		wait.Wait()
		good := 0
		for _, place := range places {
			if strings.Contains(place, "access_token=") {
				good++
			}
		}
		require.Equal(t, 1, good, places)
		refused(t, post(b, response, relay), "saml_relay_state_not_found")
		refused(t, post(b, response, ""), "validation_failed")

		// The provider begins: the same assertion again, at several workers at once.
		response, _ = i.answer("")
		for n := range places {
			wait.Go(func() { places[n] = post(b, response, "").Header.Get("Location") })
		}
		wait.Wait()
		good = 0
		for _, place := range places {
			if strings.Contains(place, "access_token=") {
				good++
			}
		}
		require.Equal(t, 1, good, places)
		require.Equal(t, 2, b.Count("select count(*) from sessions"))

		response, relay = i.answer(i.begin(map[string]any{"provider_id": id}))
		b.Exec("update saml_relay_states set created_at = now() - interval '6 minutes'")
		refused(t, post(b, response, relay), "saml_relay_state_expired")
		refused(t, post(b, response, relay), "saml_relay_state_not_found")
		refused(t, post(b, response, "00000000-0000-0000-0000-000000000001"), "saml_relay_state_not_found")

		one, first := i.answer(i.begin(map[string]any{"provider_id": id}))
		_, second := i.answer(i.begin(map[string]any{"provider_id": id}))
		refused(t, post(b, one, second), "validation_failed")
		fragment(t, post(b, one, first), "https://app.example.com")
	})
}

func TestNamesAreReadWhole(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		id := i.register(nil)
		i.bare = true
		i.person.NameID = "admin@example.com.evil.example"
		response, relay := i.answer(i.begin(map[string]any{"provider_id": id}))
		// Comments are not signed: the signature holds.
		cut := strings.Replace(response, "admin@example.com.evil", "admin@example.com<!---->.evil", 1)
		require.NotEqual(t, response, cut)
		refused(t, post(b, cut, relay), "validation_failed")
		split := strings.Replace(response, "admin@example.com.evil", "admin@example.com<?x?>.evil", 1)
		_, relay = i.answer(i.begin(map[string]any{"provider_id": id}))
		refused(t, post(b, split, relay), "validation_failed")
		fragment(t, post2(b, i, i.begin(map[string]any{"provider_id": id})), "https://app.example.com")
		require.Equal(t, 1, b.Count("select count(*) from identities where provider_id = 'admin@example.com.evil.example'"))
	})
}

func TestNamesInEncryptedAssertionsAreReadWhole(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		id := i.register(nil)
		i.bare = true
		i.person.NameID = "admin@example.com.evil.example"
		// Anyone may encrypt for the project: here what the provider signed, with a comment in it.
		encrypted := func(root *etree.Element) {
			raw, err := base64.StdEncoding.DecodeString(certificate(t, b.Call("GET", "/sso/saml/metadata", "", nil)))
			require.NoError(t, err)
			public, err := x509.ParseCertificate(raw)
			require.NoError(t, err)
			signed := assertionOf(root)
			root.RemoveChild(signed)
			doc := etree.NewDocument()
			doc.SetRoot(signed)
			text, err := doc.WriteToString()
			require.NoError(t, err)
			commented := strings.Replace(text, "admin@example.com.evil", "admin@example.com<!---->.evil", 1)
			require.NotEqual(t, text, commented)
			by := xmlenc.OAEP()
			by.BlockCipher, by.DigestMethod = xmlenc.AES256CBC, &xmlenc.SHA1
			data, err := by.Encrypt(public, []byte(commented), nil)
			require.NoError(t, err)
			data.CreateAttr("Type", "http://www.w3.org/2001/04/xmlenc#Element")
			root.CreateElement("saml:EncryptedAssertion").AddChild(data)
		}
		response, relay := i.answer(i.begin(map[string]any{"provider_id": id}))
		out := post(b, string(edit(t, []byte(response), encrypted)), relay)
		fragment(t, out, "https://app.example.com")
		require.Equal(t, []string{"admin@example.com.evil.example"}, authtest.One[[]string](b, "select array_agg(provider_id) from identities"))
	})
}

func TestDocumentTypesAndHugeInputAreRefused(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		id := i.register(nil)
		response, _ := i.answer("")
		bomb := `<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`
		for name, bad := range map[string]string{
			"an external entity": `<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + strings.Replace(response, ">ada<", ">&x;<", 1),
			"a bomb":             bomb + response,
			"an entity":          strings.Replace(response, ">ada<", ">&x;<", 1),
			"a deep nest":        strings.Repeat("<a>", 200) + strings.Repeat("</a>", 200),
			"no XML":             "hello",
			"nothing":            " ",
			"another document":   i.metadataXML(),
			"half a document":    response[:len(response)/2],
			"too much":           "<a>" + strings.Repeat(" ", 600<<10) + "</a>",
		} {
			out := post(b, bad, "")
			require.Equal(t, 303, out.Status, name)
			require.Contains(t, out.Header.Get("Location"), "error_code=validation_failed", name)
		}
		refused(t, postForm(b, url.Values{}), "validation_failed")
		refused(t, postForm(b, url.Values{"SAMLResponse": {"*"}}), "validation_failed")
		refused(t, postForm(b, url.Values{"SAMLart": {"x"}}), "validation_failed")
		refused(t, postForm(b, url.Values{"SAMLResponse": {strings.Repeat("A", 2<<20)}}), "validation_failed")
		b.Refused(b.Call("POST", "/admin/sso/providers", authtest.Secret, map[string]any{"type": "saml", "metadata_xml": bomb + i.metadataXML()}), 400, "validation_failed")
		require.Zero(t, b.Count("select count(*) from users"))
		fragment(t, post2(b, i, i.begin(map[string]any{"provider_id": id})), "https://app.example.com")
	})
}

func TestAnotherProjectsResponseIsRefused(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		i.register(nil)
		moved := *b
		elsewhere := *b.Project
		elsewhere.URL = "https://another.example.net"
		moved.Project = &elsewhere
		response, _ := i.answer("")
		refused(t, post(&moved, response, ""), "validation_failed")
		fragment(t, post(b, response, ""), "https://app.example.com")
	})
}
