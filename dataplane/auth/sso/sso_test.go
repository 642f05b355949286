package sso_test

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
)

func TestSignInAtAProvider(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		b.User("ada@example.com", "correct horse")
		i := newIDP(t, b, "idp")
		id := i.register(map[string]any{"domains": []string{"Example.com"}, "attribute_mapping": map[string]any{"keys": map[string]any{
			"given_name": map[string]any{"name": "givenName"}, "groups": map[string]any{"names": []string{"nothing", "eduPersonAffiliation"}, "array": true},
			"first_group": map[string]any{"name": "eduPersonAffiliation"}, "plan": map[string]any{"default": "free"},
			"email_verified": map[string]any{"default": false}, "iss": map[string]any{"default": "evil"}}}})
		address := i.begin(map[string]any{"domain": "example.COM", "redirect_to": "https://other.example.com/in"})
		require.Contains(t, address, "&SigAlg=")
		tokens := fragment(t, post2(b, i, address), "https://other.example.com/in")

		verified, err := b.Project.Verifier.Verify(tokens.Get("access_token"), time.Now())
		require.NoError(t, err)
		amr := verified.Claims["amr"].([]any)[0].(map[string]any)
		require.Equal(t, "sso/saml", amr["method"])
		require.Equal(t, id, amr["provider"])
		require.Equal(t, map[string]any{"provider": "sso:" + id, "providers": []any{"sso:" + id}}, verified.Claims["app_metadata"])
		require.Equal(t, map[string]any{"iss": "https://idp.example/metadata", "sub": "ada", "email": "ada@example.com", "email_verified": true,
			"phone_verified": false, "given_name": "Ada", "custom_claims": map[string]any{"groups": []any{"staff", "admins"}, "first_group": "staff", "plan": "free"}},
			verified.Claims["user_metadata"])
		require.Equal(t, 2, b.Count("select count(*) from users where email = 'ada@example.com'"), "the address leads to no other's account")
		require.Equal(t, 1, b.Count("select count(*) from users where is_sso_user and id = $1", verified.Subject))
		require.Equal(t, 0, b.Count("select count(*) from saml_relay_states"))

		i.person.UserEmail, i.person.UserGivenName = "lovelace@example.com", "Augusta"
		again := fragment(t, post2(b, i, i.begin(map[string]any{"provider_id": id})), "https://app.example.com")
		second, err := b.Project.Verifier.Verify(again.Get("access_token"), time.Now())
		require.NoError(t, err)
		require.Equal(t, verified.Subject, second.Subject)
		require.Equal(t, "lovelace@example.com", second.Claims["email"])
		require.Equal(t, "Augusta", second.Claims["user_metadata"].(map[string]any)["given_name"])

		i.person.NameID = "eve"
		third := fragment(t, post2(b, i, i.begin(map[string]any{"provider_id": id})), "https://app.example.com")
		other, err := b.Project.Verifier.Verify(third.Get("access_token"), time.Now())
		require.NoError(t, err)
		require.NotEqual(t, verified.Subject, other.Subject, "another name is another user, whatever the address")
		require.Equal(t, 3, b.Count("select count(*) from audit_log_entries where payload->>'action' = 'login' and payload->'traits'->>'initiated_by' = 'sp'"))
	})
}

// post2 lets the provider answer an address, and brings the answer to the project.
func post2(b *authtest.Bundle, i *idp, address string) authtest.Answer {
	i.t.Helper()
	response, relay := i.answer(address)
	return post(b, response, relay)
}

func TestTheProviderMayBegin(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		id := i.register(nil)
		response, _ := i.answer("")
		fragment(t, post(b, response, ""), "https://app.example.com")
		refused(t, post(b, response, ""), "validation_failed")
		response, _ = i.answer("")
		fragment(t, post(b, response, "https://other.example.com/deep/link"), "https://other.example.com/deep/link")
		response, _ = i.answer("")
		fragment(t, post(b, response, "https://evil.example/"), "https://app.example.com")
		for _, relay := range []string{"x", "/path", "javascript:alert(1)"} {
			refused(t, post(b, response, relay), "validation_failed")
		}
		answered, _ := i.answer(i.begin(map[string]any{"provider_id": id}))
		refused(t, post(b, answered, ""), "validation_failed")

		unknown := newIDP(t, b, "unknown")
		response, _ = unknown.answer("")
		refused(t, post(b, response, ""), "saml_idp_not_found")
		require.Equal(t, 1, b.Count("select count(*) from users"))
	})
}

func TestAFlowWithPKCE(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		id := i.register(nil)
		ends := time.Now().Add(20 * time.Minute).UTC().Truncate(time.Second)
		i.change = func(req *saml.IdpAuthnRequest) { req.Assertion.AuthnStatements[0].SessionNotOnOrAfter = &ends }
		verifier := strings.Repeat("v", 50)
		sum := sha256.Sum256([]byte(verifier))
		address := i.begin(map[string]any{"provider_id": id, "redirect_to": "https://other.example.com/x?a=b", "code_challenge_method": "s256",
			"code_challenge": base64.RawURLEncoding.EncodeToString(sum[:])})
		out := post2(b, i, address)
		require.Equal(t, 303, out.Status)
		to, err := url.Parse(out.Header.Get("Location"))
		require.NoError(t, err)
		require.Empty(t, to.Fragment)
		require.Equal(t, "b", to.Query().Get("a"))
		require.Zero(t, b.Count("select count(*) from sessions"))
		granted := b.Call("POST", "/token", "", map[string]any{"auth_code": to.Query().Get("code"), "code_verifier": verifier})
		require.Equal(t, 200, granted.Status, granted.Text)
		require.Equal(t, true, granted.User()["is_sso_user"])
		require.InDelta(t, 20*60, granted.Body["expires_in"], 30)
		require.True(t, ends.Equal(authtest.One[time.Time](b, "select not_after from sessions")))
		b.Refused(b.Call("POST", "/sso", "", map[string]any{"provider_id": id, "code_challenge": "short", "code_challenge_method": "s256"}), 400, "validation_failed")
	})
}

func TestTheSessionEndsAsTheProviderSays(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		id := i.register(nil)
		ends := time.Now().Add(10 * time.Minute).UTC().Truncate(time.Second)
		i.change = func(req *saml.IdpAuthnRequest) { req.Assertion.AuthnStatements[0].SessionNotOnOrAfter = &ends }
		tokens := fragment(t, post2(b, i, i.begin(map[string]any{"provider_id": id})), "https://app.example.com")
		require.True(t, ends.Equal(authtest.One[time.Time](b, "select not_after from sessions")))
		verified, err := b.Project.Verifier.Verify(tokens.Get("access_token"), time.Now())
		require.NoError(t, err)
		require.False(t, verified.Expires.After(ends))
		ends = time.Now().Add(-time.Second)
		refused(t, post2(b, i, i.begin(map[string]any{"provider_id": id})), "validation_failed")
	})
}

func TestEncryptedAssertions(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		id := i.register(nil)
		i.encrypt = true
		response, relay := i.answer(i.begin(map[string]any{"provider_id": id}))
		require.Contains(t, response, "EncryptedAssertion")
		require.NotContains(t, response, ">Ada<")
		fragment(t, post(b, response, relay), "https://app.example.com")
		i.bare = true
		fragment(t, post2(b, i, i.begin(map[string]any{"provider_id": id})), "https://app.example.com")

		response, relay = i.answer(i.begin(map[string]any{"provider_id": id}))
		wrapped := strings.ReplaceAll(response, "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p", "http://www.w3.org/2001/04/xmlenc#rsa-1_5")
		refused(t, post(b, wrapped, relay), "validation_failed")
	})
}

func TestAProviderChangesItsKey(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		i := newIDP(t, b, "idp")
		next, err := rogue()
		require.NoError(t, err)
		old := i.Certificate
		descriptor := i.Metadata()
		both := descriptor.IDPSSODescriptors[0].KeyDescriptors[0]
		both.KeyInfo.X509Data.X509Certificates = append(both.KeyInfo.X509Data.X509Certificates, saml.X509Certificate{Data: base64.StdEncoding.EncodeToString(next.certificate.Raw)})
		descriptor.IDPSSODescriptors[0].KeyDescriptors[0] = both
		raw, err := xml.Marshal(descriptor)
		require.NoError(t, err)
		id := i.register(map[string]any{"metadata_xml": string(raw)})
		unnamed := func(root *etree.Element) {
			el := root.FindElement("./Signature/KeyInfo")
			el.Parent().RemoveChild(el)
		}
		for _, keys := range []keyPair{{i.Key.(*rsa.PrivateKey), old}, next} {
			i.Key, i.Certificate = keys.key, keys.certificate
			fragment(t, post2(b, i, i.begin(map[string]any{"provider_id": id})), "https://app.example.com")
			response, relay := i.answer(i.begin(map[string]any{"provider_id": id}))
			fragment(t, post(b, string(edit(t, []byte(response), unnamed)), relay), "https://app.example.com")
		}
		third, err := newKeyPair()
		require.NoError(t, err)
		i.Key, i.Certificate = third.key, third.certificate
		response, relay := i.answer(i.begin(map[string]any{"provider_id": id}))
		refused(t, post(b, string(edit(t, []byte(response), unnamed)), relay), "validation_failed")
	})
}

func TestStart(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		off := b
		b = bundle(b)
		i := newIDP(t, b, "idp")
		id := i.register(map[string]any{"domains": []string{"example.com"}})
		out := b.Call("POST", "/sso", "", map[string]any{"domain": "example.com"})
		require.Equal(t, 303, out.Status, out.Text)
		require.True(t, strings.HasPrefix(out.Header.Get("Location"), "https://idp.example/sso?SAMLRequest="))
		for name, c := range map[string]struct {
			body   map[string]any
			status int
			code   string
		}{
			"neither":            {map[string]any{}, 400, "validation_failed"},
			"both":               {map[string]any{"domain": "example.com", "provider_id": id}, 400, "validation_failed"},
			"an unknown domain":  {map[string]any{"domain": "example.org"}, 404, "sso_provider_not_found"},
			"an unknown id":      {map[string]any{"provider_id": "00000000-0000-0000-0000-000000000001"}, 404, "sso_provider_not_found"},
			"an id that is none": {map[string]any{"provider_id": "x"}, 400, "validation_failed"},
		} {
			out := b.Call("POST", "/sso", "", c.body)
			require.Equal(t, c.status, out.Status, name+out.Text)
			require.Equal(t, c.code, out.Code(), name)
		}
		b.Refused(off.Call("POST", "/sso", "", map[string]any{"provider_id": id}), 404, "saml_provider_disabled")
		b.Refused(off.Call("GET", "/sso/saml/metadata", "", nil), 404, "saml_provider_disabled")
		b.Refused(off.Call("POST", "/sso/saml/acs", "", nil), 404, "saml_provider_disabled")
		human := b.With(map[string]string{"auth.captcha.enabled": "true", "auth.captcha.secret": `"s"`})
		b.Refused(human.Call("POST", "/sso", "", map[string]any{"provider_id": id}), 400, "captcha_failed")

		response, relay := i.answer(i.begin(map[string]any{"provider_id": id}))
		require.Equal(t, 200, b.Call("PUT", "/admin/sso/providers/"+id, authtest.Secret, map[string]any{"disabled": true}).Status)
		refused(t, post(b, response, relay), "sso_provider_disabled")
		response, _ = i.answer("")
		refused(t, post(b, response, ""), "sso_provider_disabled")
		b.Refused(b.Call("POST", "/sso", "", map[string]any{"provider_id": id}), 404, "sso_provider_disabled")
		require.Zero(t, b.Count("select count(*) from users"))
	})
}

func TestOwnMetadata(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		answers := make(chan authtest.Answer, 4)
		for range cap(answers) {
			go func() { answers <- b.Call("GET", "/sso/saml/metadata", "", nil) }()
		}
		one := certificate(t, <-answers)
		for range cap(answers) - 1 {
			require.Equal(t, one, certificate(t, <-answers), "of workers that make the key pair at once one wins")
		}
		saved := b.Call("GET", "/sso/saml/metadata?download=true", "", nil)
		require.Equal(t, `attachment; filename="metadata.xml"`, saved.Header.Get("Content-Disposition"))
		require.Equal(t, one, certificate(t, saved))
		require.Contains(t, saved.Text, `entityID="`+b.Project.URL+`/auth/v1/sso/saml/metadata"`)
		require.Contains(t, saved.Text, `Location="`+b.Project.URL+`/auth/v1/sso/saml/acs"`)
		require.NotContains(t, saved.Text, "HTTP-Artifact")
		require.Equal(t, 1, b.Count("select count(*) from saml_keys"))
		elsewhere, moved := *b.Project, *b
		elsewhere.ID = "00000000-0000-0000-0000-000000000001"
		moved.Project = &elsewhere
		require.Equal(t, 500, moved.Call("GET", "/sso/saml/metadata", "", nil).Status, "it opens in its own project only")
		private := authtest.One[[]byte](b, "select private_key from saml_keys")
		require.NotContains(t, string(private), "\x02\x82\x01\x01", "the key is sealed: no modulus in sight")
	})
}

func certificate(t *testing.T, out authtest.Answer) string {
	t.Helper()
	require.Equal(t, 200, out.Status, out.Text)
	_, rest, ok := strings.Cut(out.Text, "<X509Certificate")
	require.True(t, ok, out.Text)
	_, rest, _ = strings.Cut(rest, ">")
	text, _, _ := strings.Cut(rest, "</X509Certificate>")
	return text
}
