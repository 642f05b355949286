package user_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/internal/token"
)

func TestGetUser(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		ada, eve := signedIn(b, "ada@example.com", ""), signedIn(b, "eve@example.com", "")
		out := b.Call("GET", "/user", ada.access, nil)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "ada@example.com", out.Str("email"))
		require.Equal(t, ada.id.String(), out.Str("id"))
		require.NotContains(t, out.Text, "password")

		b.Refused(b.Call("GET", "/user", "", nil), 401, "no_authorization")
		b.Refused(b.Call("GET", "/user", authtest.Secret, nil), 401, "no_authorization")
		sign := func(claims map[string]any) string {
			claims["exp"] = time.Now().Add(time.Minute).Unix()
			signed, err := token.SignLegacy(b.Project.LegacyJWTSecret, claims)
			require.NoError(t, err)
			return signed
		}
		b.Refused(b.Call("GET", "/user", sign(map[string]any{"role": "anon"}), nil), 403, "bad_jwt")
		b.Refused(b.Call("GET", "/user", sign(map[string]any{"role": "authenticated", "sub": "ada"}), nil), 403, "bad_jwt")
		b.Refused(b.Call("GET", "/user", sign(map[string]any{"sub": "b8a3e0f2-6f0c-4c58-8a3b-0d5c1d7c4f11"}), nil), 403, "user_not_found")
		b.Refused(b.Call("GET", "/user", sign(map[string]any{"sub": ada.id.String(), "session_id": "x"}), nil), 403, "session_not_found")
		own := b.Call("GET", "/user", sign(map[string]any{"sub": ada.id.String()}), nil)
		require.Equal(t, 200, own.Status, "a token that the project's own backend made needs no session")
		verified, err := b.Project.Verifier.Verify(eve.access, time.Now())
		require.NoError(t, err)
		b.Refused(b.Call("GET", "/user", sign(map[string]any{"sub": ada.id.String(), "session_id": verified.SessionID}), nil), 403, "session_not_found")
		b.Exec("update users set banned_until = now() + interval '1 day' where id = $1", ada.id)
		b.Refused(b.Call("GET", "/user", ada.access, nil), 403, "user_banned")
	})
}

func TestPutUserData(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		ada := signedIn(b, "ada@example.com", "")
		out := put(b, ada, `{"data":{"name":"Ada","age":36,"nested":{"a":null}},"role":"service_role","app_metadata":{"admin":true},"email_confirmed_at":null,"is_super_admin":true}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "authenticated", out.Str("role"))
		require.Equal(t, map[string]any{"provider": "email", "providers": []any{"email"}}, out.Body["app_metadata"])
		out = put(b, ada, `{"data":{"name":null,"more":true}}`)
		metadata := out.Body["user_metadata"].(map[string]any)
		require.NotContains(t, metadata, "name")
		require.InDelta(t, 36, metadata["age"], 0)
		require.Equal(t, map[string]any{"a": nil}, metadata["nested"])
		require.Equal(t, true, metadata["more"])

		half, err := json.Marshal(strings.Repeat("x", 5000))
		require.NoError(t, err)
		require.Equal(t, 200, put(b, ada, `{"data":{"one":`+string(half)+`}}`).Status)
		b.Refused(put(b, ada, `{"data":{"two":`+string(half)+`}}`), 400, "validation_failed")
		require.Equal(t, 200, put(b, ada, `{"data":{"one":null}}`).Status)
		b.Refused(put(b, ada, `{"data":[]}`), 400, "bad_json")
		b.Refused(put(b, ada, `{"phone":"+31600000000"}`), 400, "phone_provider_disabled")
		b.Refused(b.Call("PUT", "/user", "", `{}`), 401, "no_authorization")
		require.Equal(t, 200, put(b, ada, `{}`).Status)
		out = put(b, ada, `{"data":{"b":"\udc00"}}`)
		require.Equal(t, 200, out.Status, out.Text)
	})
}

func TestPutUserPasswordEndsOtherSessions(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		here := signedIn(b, "ada@example.com", "correct horse")
		there := b.SignIn(here.id)
		b.Exec(`insert into one_time_tokens (id, user_id, token_type, token_hash, relates_to) values (gen_random_uuid(), $1, 'recovery_token', 'x', 'ada@example.com')`, here.id)
		b.Refused(put(b, here, `{"password":"correct horse"}`), 422, "same_password")
		b.Refused(put(b, here, `{"password":"short"}`), 422, "weak_password")
		b = b.With(map[string]string{"auth.email.notice.password_changed.enabled": "true"})
		require.Equal(t, 200, put(b, here, `{"password":"battery staple"}`).Status)
		refresh := func(token string) authtest.Answer {
			return b.Call("POST", "/refresh", "", map[string]any{"refresh_token": token})
		}
		b.Refused(refresh(there.RefreshToken), 400, "refresh_token_not_found")
		b.Refused(b.Call("GET", "/user", there.AccessToken, nil), 403, "session_not_found")
		require.Equal(t, 200, refresh(here.refresh).Status)
		b.Refused(signIn(b, "ada@example.com", "correct horse"), 400, "invalid_credentials")
		require.Equal(t, 200, signIn(b, "ada@example.com", "battery staple").Status)
		require.Zero(t, b.Count("select count(*) from one_time_tokens"), "an old mail must not set another password")
		sent := b.Sent()
		require.Len(t, sent, 1)
		require.Equal(t, "password_changed", field(sent[0], "template"))
		require.Equal(t, 1, b.Count("select count(*) from audit_log_entries where payload->>'action' = 'user_updated_password'"))
	})
}

func TestPutUserPasswordTakesTheOldOne(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.password_change_current": "true"})
		ada, bob := signedIn(b, "ada@example.com", "correct horse"), signedIn(b, "bob@example.com", "")
		b.Refused(put(b, ada, `{"password":"battery staple"}`), 400, "current_password_required")
		b.Refused(put(b, ada, `{"password":"battery staple","current_password":"wrong"}`), 400, "current_password_invalid")
		require.Equal(t, 200, put(b, ada, `{"password":"battery staple","current_password":"correct horse"}`).Status)
		require.Equal(t, 200, put(b, bob, `{"password":"battery staple"}`).Status, "who has none yet needs none")
	})
}

func TestPutUserPasswordTakesANonceLongAfterTheSignIn(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.password_change_reauthentication": "true"})
		ada, eve := signedIn(b, "ada@example.com", ""), signedIn(b, "eve@example.com", "")
		require.Equal(t, 200, put(b, ada, `{"password":"correct horse"}`).Status, "right after the sign-in")
		b.Exec("update sessions set created_at = now() - interval '25 hours'")
		b.Refused(put(b, ada, `{"password":"battery staple"}`), 400, "reauthentication_needed")
		b.Refused(put(b, ada, `{"password":"battery staple","nonce":""}`), 400, "reauth_nonce_missing")
		b.Refused(put(b, ada, `{"password":"battery staple","nonce":"123456"}`), 422, "reauthentication_not_valid")
		b.Refused(b.Call("GET", "/reauthenticate", "", nil), 401, "no_authorization")
		require.Equal(t, 200, b.Call("GET", "/reauthenticate", eve.access, nil).Status)
		ofEve := codeOf(t, b.Sent()[0])
		b.Refused(put(b, ada, `{"password":"battery staple","nonce":"`+ofEve+`"}`), 422, "reauthentication_not_valid")

		out := b.Call("GET", "/reauthenticate", ada.access, nil)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "{}", out.Text)
		b.Refused(b.Call("GET", "/reauthenticate", ada.access, nil), 429, "over_email_send_rate_limit")
		sent := b.Sent()
		require.Len(t, sent, 1)
		require.Equal(t, "reauthentication", field(sent[0], "template"))
		nonce := codeOf(t, sent[0])
		b.Refused(put(b, ada, `{"password":"short","nonce":"`+nonce+`"}`), 422, "weak_password")
		b.Exec("update one_time_tokens set created_at = created_at - interval '2 hours'")
		b.Refused(put(b, ada, `{"password":"battery staple","nonce":"`+nonce+`"}`), 422, "reauthentication_not_valid")
		b.Exec("update one_time_tokens set created_at = created_at + interval '2 hours'")
		require.Equal(t, 200, put(b, ada, `{"password":"battery staple","nonce":"`+nonce+`"}`).Status)
		b.Refused(put(b, ada, `{"password":"another one","nonce":"`+nonce+`"}`), 422, "reauthentication_not_valid")

		b.Exec("update users set email_confirmed_at = null where id = $1", eve.id)
		b.Refused(b.Call("GET", "/reauthenticate", eve.access, nil), 422, "email_not_confirmed")
		b.Exec("update users set email = null where id = $1", eve.id)
		b.Refused(b.Call("GET", "/reauthenticate", eve.access, nil), 422, "validation_failed")
	})
}

func TestReauthenticateByPhone(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.password_change_reauthentication": "true", "auth.sms.provider": `"twilio"`, "auth.phone.test_otps": `["31600000009=123456"]`})
		ada := signedIn(b, "ada@example.com", "")
		b.Exec("update sessions set created_at = now() - interval '25 hours'")
		b.Exec("update users set email = null, phone = '31600000001', phone_confirmed_at = now()")
		require.Equal(t, 200, b.Call("GET", "/reauthenticate", ada.access, nil).Status)
		sent := b.Sent()
		require.Equal(t, "sms", sent[0]["_kind"])
		require.Equal(t, 200, put(b, ada, `{"password":"correct horse","nonce":"`+codeOf(t, sent[0])+`"}`).Status)
		b.Exec("update users set phone = '31600000009', reauthentication_sent_at = null")
		require.Equal(t, 200, b.Call("GET", "/reauthenticate", ada.access, nil).Status)
		require.Empty(t, b.Sent())
		b.Refused(put(b, ada, `{"password":"battery staple","nonce":"654321"}`), 422, "reauthentication_not_valid")
		require.Equal(t, 200, put(b, ada, `{"password":"battery staple","nonce":"123456"}`).Status)
	})
}

func TestSecondFactorsGuardChanges(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		ada := signedIn(b, "ada@example.com", "correct horse")
		b.Exec(`insert into mfa_factors (id, user_id, factor_type, status, created_at, updated_at) values (gen_random_uuid(), $1, 'totp', 'unverified', now(), now())`, ada.id)
		require.Equal(t, 200, put(b, ada, `{"password":"battery staple"}`).Status, "an unverified factor is none")
		b.Exec(`update mfa_factors set status = 'verified'`)
		for _, body := range []string{`{"password":"another one"}`, `{"email":"other@example.com"}`, `{"phone":"31600000001"}`} {
			strict := b.With(map[string]string{"auth.phone.enabled": "true", "auth.phone.autoconfirm": "true"})
			strict.Refused(put(strict, ada, body), 401, "insufficient_aal")
		}
		require.Equal(t, 200, put(b, ada, `{"data":{"a":1},"email":"ada@example.com"}`).Status)
		b.Exec(`update sessions set aal = 'aal2'`)
		require.Equal(t, 200, put(b, ada, `{"password":"another one"}`).Status)
	})
}

func TestUsersOfSSOChangeNothingHere(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		ada := signedIn(b, "ada@example.com", "")
		b.Exec("update users set is_sso_user = true")
		for _, body := range []string{`{"password":"another one"}`, `{"email":"other@example.com"}`} {
			b.Refused(put(b, ada, body), 422, "user_sso_managed")
		}
		require.Equal(t, 200, put(b, ada, `{"data":{"a":1}}`).Status)
	})
}
