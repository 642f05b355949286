package mfa_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/webauthn/webauthntest"
)

func offered(b *authtest.Bundle, access, factor string) (challengeID, kind string, given any) {
	b.T.Helper()
	// As auth-js asks, and with a relying party that is not ours.
	out := b.Call("POST", "/factors/"+factor+"/challenge", access, `{"factorId":"`+factor+`","webauthn":{"rpId":"evil.example.com","rpOrigins":["https://evil.example.com"]}}`)
	require.Equal(b.T, 200, out.Status, out.Text)
	require.Equal(b.T, "webauthn", out.Str("type"))
	offer := out.Body["webauthn"].(map[string]any)
	return out.Str("id"), offer["type"].(string), offer["credential_options"]
}

func show(b *authtest.Bundle, access, factor, challengeID, kind string, response any) authtest.Answer {
	b.T.Helper()
	return b.Call("POST", "/factors/"+factor+"/verify", access, map[string]any{"challenge_id": challengeID,
		"webauthn": map[string]any{"type": kind, "rpId": "evil.example.com", "rpOrigins": []string{"https://evil.example.com"}, "credential_response": response}})
}

// key makes a user who has a security key, and has shown it in the session.
func key(b *authtest.Bundle, email string) (user uuid.UUID, factor, raised string, a *webauthntest.Authenticator) {
	b.T.Helper()
	user = b.User(email, "")
	access := b.SignIn(user).AccessToken
	factor = enroll(b, access, map[string]any{"factor_type": "webauthn", "friendly_name": "Key"}).Str("id")
	id, kind, given := offered(b, access, factor)
	require.Equal(b.T, "create", kind)
	a = webauthntest.New(b.T, origin)
	a.Unverified = true // a key without a PIN is a second factor
	out := show(b, access, factor, id, kind, a.Create(given))
	require.Equal(b.T, 200, out.Status, out.Text)
	return user, factor, out.Str("access_token"), a
}

func TestASecurityKeyRaisesTheSession(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, _ *clock) {
		ada, factor, raised, a := key(b, "ada@example.com")
		require.Equal(t, "aal2", claims(b, raised)["aal"])
		require.Equal(t, []string{"mfa/webauthn", "password"}, methods(b, raised))

		access := b.SignIn(ada).AccessToken
		id, kind, given := offered(b, access, factor)
		require.Equal(t, "request", kind)
		public := given.(map[string]any)["publicKey"].(map[string]any)
		require.Equal(t, "app.example.com", public["rpId"])
		require.Len(t, public["allowCredentials"], 1)
		answer := a.Get(given)
		out := show(b, access, factor, id, kind, answer)
		require.Equal(t, 200, out.Status, out.Text)
		b.Refused(show(b, out.Str("access_token"), factor, id, kind, answer), 422, "mfa_ip_address_mismatch")

		// A key that is one factor already is not offered to become another.
		second := enroll(b, out.Str("access_token"), map[string]any{"factor_type": "webauthn", "friendly_name": "Spare"}).Str("id")
		_, _, given = offered(b, out.Str("access_token"), second)
		require.Len(t, given.(map[string]any)["publicKey"].(map[string]any)["excludeCredentials"], 1)
	})
}

func TestKeysThatAreRefused(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, _ *clock) {
		ada, factor, _, good := key(b, "ada@example.com")
		_, _, eve, evil := key(b, "eve@example.com")
		access := b.SignIn(ada).AccessToken
		lie := func(a *webauthntest.Authenticator, change func(*webauthntest.Authenticator)) *webauthntest.Authenticator {
			c := a.Clone()
			change(c)
			return c
		}
		for name, a := range map[string]*webauthntest.Authenticator{
			"another origin":               lie(good, func(a *webauthntest.Authenticator) { a.Origin = "https://evil.example.com" }),
			"another relying party":        lie(good, func(a *webauthntest.Authenticator) { a.RPID = "evil.example.com" }),
			"another challenge":            lie(good, func(a *webauthntest.Authenticator) { a.Challenge = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }),
			"nobody there":                 lie(good, func(a *webauthntest.Authenticator) { a.Absent = true }),
			"a counter that did not go on": lie(good, func(a *webauthntest.Authenticator) { a.Counter = 1 }),
			"another user's key":           evil,
			"another user's key, own name": lie(evil, func(a *webauthntest.Authenticator) { a.ID = good.ID; a.UserHandle = []byte(ada.String()) }),
		} {
			id, kind, given := offered(b, access, factor)
			out := show(b, access, factor, id, kind, a.Get(given))
			require.Equal(t, "mfa_verification_failed", out.Code(), name)
			require.Equal(t, 422, out.Status, name)
			b.Refused(show(b, access, factor, id, kind, good.Get(given)), 422, "mfa_factor_not_found")
		}
		// Whoever may only show a key must not make one.
		id, _, given := offered(b, access, factor)
		b.Refused(show(b, access, factor, id, "create", webauthntest.New(t, origin).Create(withUser(given, ada))), 422, "mfa_verification_failed")
		id, _, given = offered(b, access, factor)
		b.Refused(show(b, access, factor, id, "request", webauthntest.New(t, origin).Create(withUser(given, ada))), 400, "validation_failed")

		id, kind, given := offered(b, access, factor)
		b.Refused(show(b, access, factor, id, "both", good.Get(given)), 400, "validation_failed")
		b.Refused(show(b, access, factor, id, kind, nil), 400, "validation_failed")
		b.Refused(verify(b, access, factor, id, "123456"), 400, "validation_failed")
		b.Refused(show(b, eve, factor, id, kind, good.Get(given)), 404, "mfa_factor_not_found")
		require.Equal(t, 200, show(b, access, factor, id, kind, good.Get(given)).Status)
	})
}

func withUser(given any, id uuid.UUID) map[string]any {
	public := given.(map[string]any)["publicKey"].(map[string]any)
	return map[string]any{"publicKey": map[string]any{"challenge": public["challenge"], "rp": map[string]any{"id": "app.example.com"}, "user": map[string]any{"id": "YQ"}, "owner": id}}
}

// What clients say of a key in words of their own is not kept.
func TestWordsOfClients(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, _ *clock) {
		ada := b.User("ada@example.com", "")
		access := b.SignIn(ada).AccessToken
		factor := enroll(b, access, map[string]any{"factor_type": "webauthn"}).Str("id")
		a := webauthntest.New(t, origin)
		a.Transports, a.Attachment = []string{"nfc", "\x00"}, "\x00"
		for range 2 {
			id, kind, given := offered(b, access, factor)
			answer := a.Create
			if kind == "request" {
				answer = a.Get
			}
			out := show(b, access, factor, id, kind, answer(given))
			require.Equal(t, 200, out.Status, out.Text)
			access = out.Str("access_token")
		}
	})
}

// Two answers to one enrolment: the one that comes second makes no key.
func TestAnEnrolmentEndsOnce(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, _ *clock) {
		access := b.SignIn(b.User("ada@example.com", "")).AccessToken
		factor := enroll(b, access, map[string]any{"factor_type": "webauthn"}).Str("id")
		first, _, given := offered(b, access, factor)
		second, _, other := offered(b, access, factor)
		require.Equal(t, 200, show(b, access, factor, first, "create", webauthntest.New(t, origin).Create(given)).Status)
		before := authtest.One[string](b, "select web_authn_credential ->> 'id' from mfa_factors")
		b.Refused(show(b, access, factor, second, "create", webauthntest.New(t, origin).Create(other)), 422, "mfa_verification_failed")
		require.Equal(t, before, authtest.One[string](b, "select web_authn_credential ->> 'id' from mfa_factors"))
	})
}
