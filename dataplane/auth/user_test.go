package auth_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/token"
)

func TestGetUser(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		made := b.signUp("ada@example.com", "correct horse")
		out := b.call("GET", "/user", made.str("access_token"), nil)
		require.Equal(t, 200, out.status, out.text)
		require.Equal(t, made.user(), out.body)

		b.refused(b.call("GET", "/user", "", nil), 401, "no_authorization")
		sign := func(claims map[string]any) string {
			claims["exp"] = time.Now().Add(time.Minute).Unix()
			signed, err := token.SignLegacy(b.project.LegacyJWTSecret, claims)
			require.NoError(t, err)
			return signed
		}
		b.refused(b.call("GET", "/user", sign(map[string]any{"role": "anon"}), nil), 403, "bad_jwt")
		b.refused(b.call("GET", "/user", sign(map[string]any{"role": "authenticated", "sub": "ada"}), nil), 403, "bad_jwt")
		b.refused(b.call("GET", "/user", sign(map[string]any{"sub": "b8a3e0f2-6f0c-4c58-8a3b-0d5c1d7c4f11"}), nil), 403, "user_not_found")
		b.refused(b.call("GET", "/user", sign(map[string]any{"sub": made.user()["id"], "session_id": "x"}), nil), 403, "session_not_found")
		own := b.call("GET", "/user", sign(map[string]any{"sub": made.user()["id"]}), nil)
		require.Equal(t, 200, own.status, "a token that the project's own backend made needs no session")
		other := b.signUp("eve@example.com", "correct horse")
		verified, err := b.project.Verifier.Verify(other.str("access_token"), time.Now())
		require.NoError(t, err)
		b.refused(b.call("GET", "/user", sign(map[string]any{"sub": made.user()["id"], "session_id": verified.SessionID}), nil), 403, "session_not_found")
	})
}

func TestPutUserData(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		access := b.signUp("ada@example.com", "correct horse").str("access_token")
		out := b.call("PUT", "/user", access, `{"data":{"name":"Ada","age":36,"nested":{"a":null}},"role":"service_role","app_metadata":{"admin":true},"email_confirmed_at":null,"is_super_admin":true}`)
		require.Equal(t, 200, out.status, out.text)
		require.Equal(t, "authenticated", out.str("role"))
		require.Equal(t, map[string]any{"provider": "email", "providers": []any{"email"}}, out.body["app_metadata"])
		out = b.call("PUT", "/user", access, `{"data":{"name":null,"more":true}}`)
		metadata := out.body["user_metadata"].(map[string]any)
		require.NotContains(t, metadata, "name")
		require.InDelta(t, 36, metadata["age"], 0)
		require.Equal(t, map[string]any{"a": nil}, metadata["nested"])
		require.Equal(t, true, metadata["more"])

		half, err := json.Marshal(strings.Repeat("x", 10000))
		require.NoError(t, err)
		require.Equal(t, 200, b.call("PUT", "/user", access, `{"data":{"one":`+string(half)+`}}`).status)
		b.refused(b.call("PUT", "/user", access, `{"data":{"two":`+string(half)+`}}`), 400, "validation_failed")
		require.Equal(t, 200, b.call("PUT", "/user", access, `{"data":{"one":null}}`).status)
		b.refused(b.call("PUT", "/user", access, `{"data":[]}`), 400, "bad_json")
		b.refused(b.call("PUT", "/user", access, `{"phone":"+31600000000"}`), 400, "phone_provider_disabled")
		b.refused(b.call("PUT", "/user", "", `{}`), 401, "no_authorization")
		require.Equal(t, 200, b.call("PUT", "/user", access, `{}`).status)
	})
}

func TestPutUserPasswordEndsOtherSessions(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		here := b.signUp("ada@example.com", "correct horse")
		there := b.signIn("ada@example.com", "correct horse")
		b.refused(b.call("PUT", "/user", here.str("access_token"), `{"password":"correct horse"}`), 422, "same_password")
		b.refused(b.call("PUT", "/user", here.str("access_token"), `{"password":"short"}`), 422, "weak_password")
		require.Equal(t, 200, b.call("PUT", "/user", here.str("access_token"), `{"password":"battery staple"}`).status)
		b.refused(b.refresh(there.str("refresh_token")), 400, "refresh_token_not_found")
		b.refused(b.call("GET", "/user", there.str("access_token"), nil), 403, "session_not_found")
		require.Equal(t, 200, b.refresh(here.str("refresh_token")).status)
		b.refused(b.signIn("ada@example.com", "correct horse"), 400, "invalid_credentials")
		require.Equal(t, 200, b.signIn("ada@example.com", "battery staple").status)
	})
}

func TestPutUserEmail(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.signUp("eve@example.com", "correct horse")
		access := b.signUp("ada@example.com", "correct horse").str("access_token")
		b.refused(b.call("PUT", "/user", access, `{"email":"EVE@example.com"}`), 422, "email_exists")
		b.refused(b.call("PUT", "/user", access, `{"email":"nonsense"}`), 400, "validation_failed")
		out := b.call("PUT", "/user", access, `{"email":"Lovelace@example.com"}`)
		require.Equal(t, 200, out.status, out.text)
		require.Equal(t, "lovelace@example.com", out.str("email"))
		require.Equal(t, "lovelace@example.com", out.body["user_metadata"].(map[string]any)["email"])
		require.Equal(t, "lovelace@example.com", out.body["identities"].([]any)[0].(map[string]any)["email"])
		require.Equal(t, 200, b.signIn("lovelace@example.com", "correct horse").status)
		b.refused(b.signIn("ada@example.com", "correct horse"), 400, "invalid_credentials")

		b = b.with(map[string]string{"auth.autoconfirm": "false"})
		b.refused(b.call("PUT", "/user", access, `{"email":"other@example.com"}`), 501, "email_change_unavailable")
		require.Equal(t, 200, b.call("PUT", "/user", access, `{"email":"lovelace@example.com"}`).status)
	})
}

func TestLogout(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		one, two, three := b.signUp("ada@example.com", "correct horse"), b.signIn("ada@example.com", "correct horse"), b.signIn("ada@example.com", "correct horse")
		eve := b.signUp("eve@example.com", "correct horse")
		b.refused(b.call("POST", "/logout?scope=everyone", one.str("access_token"), nil), 400, "validation_failed")
		b.refused(b.call("POST", "/logout", "", nil), 401, "no_authorization")

		require.Equal(t, 204, b.call("POST", "/logout?scope=local", one.str("access_token"), nil).status)
		b.refused(b.refresh(one.str("refresh_token")), 400, "refresh_token_not_found")
		b.refused(b.call("GET", "/user", one.str("access_token"), nil), 403, "session_not_found")
		b.refused(b.call("POST", "/logout", one.str("access_token"), nil), 403, "session_not_found")
		require.Equal(t, 200, b.call("GET", "/user", two.str("access_token"), nil).status)

		require.Equal(t, 204, b.call("POST", "/logout?scope=others", two.str("access_token"), nil).status)
		b.refused(b.call("GET", "/user", three.str("access_token"), nil), 403, "session_not_found")
		require.Equal(t, 200, b.call("GET", "/user", two.str("access_token"), nil).status)

		require.Equal(t, 204, b.call("POST", "/logout", two.str("access_token"), nil).status)
		b.refused(b.refresh(two.str("refresh_token")), 400, "refresh_token_not_found")
		require.Equal(t, 200, b.refresh(eve.str("refresh_token")).status)
		require.Zero(t, b.count("select count(*) from refresh_tokens where user_id = $1", one.user()["id"]))
	})
}

func TestSettingsHealthAndKeys(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		out := b.with(map[string]string{"auth.disable_signup": "true"}).call("GET", "/settings", "", nil)
		require.Equal(t, 200, out.status)
		require.Equal(t, true, out.body["external"].(map[string]any)["email"])
		require.Equal(t, false, out.body["external"].(map[string]any)["google"])
		require.Equal(t, true, out.body["disable_signup"])
		require.Equal(t, true, out.body["mailer_autoconfirm"])

		require.Equal(t, "test", b.call("GET", "/health", "", nil).str("version"))

		out = b.call("GET", "/.well-known/jwks.json", "", nil)
		require.Equal(t, "public, max-age=600", out.header.Get("Cache-Control"))
		key := out.body["keys"].([]any)[0].(map[string]any)
		require.Equal(t, b.project.SigningKey.ID, key["kid"])
		require.Equal(t, "ES256", key["alg"])
		require.NotContains(t, key, "d", "the private half stays here")

		b.refused(b.call("GET", "/nothing", "", nil), 404, "not_found")
		out = b.call("GET", "/signup", "", nil)
		b.refused(out, 405, "method_not_allowed")
		require.Equal(t, "POST", out.header.Get("Allow"))
	})
}

func TestHalvesOfSurrogatePairsAreReplaced(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		made := b.call("POST", "/signup", "", `{"email":"ada@example.com","password":"correct horse","data":{"a":"x\ud800","n":{"\udfff":12345678901234567890},"ok":"\ud83d\ude00"}}`)
		require.Equal(t, 200, made.status, made.text)
		require.Contains(t, made.text, "x\ufffd")
		require.Contains(t, made.text, "12345678901234567890")
		require.Contains(t, made.text, "\U0001f600")
		changed := b.call("PUT", "/user", made.str("access_token"), `{"data":{"b":"\udc00"}}`)
		require.Equal(t, 200, changed.status, changed.text)
	})
}
