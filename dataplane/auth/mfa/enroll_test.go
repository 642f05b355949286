package mfa_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
)

func TestEnrolmentsThatAreRefused(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		ada := b.User("ada@example.com", "")
		access := b.SignIn(ada).AccessToken
		b.Refused(b.Call("POST", "/factors", "", `{"factor_type":"totp"}`), 401, "no_authorization")
		for body, code := range map[string]string{
			`{}`:                      "validation_failed",
			`{"factor_type":"email"}`: "validation_failed",
			`{"factor_type":"totp","friendly_name":"a\u0000"}`:                          "validation_failed",
			`{"factor_type":"totp","friendly_name":"` + strings.Repeat("a", 256) + `"}`: "validation_failed",
			`{"factor_type":"totp","issuer":"a\nb"}`:                                    "validation_failed",
			`{"factor_type":"phone"}`:                                                   "validation_failed",
			`{"factor_type":"phone","phone":"+1"}`:                                      "validation_failed",
			`{"factor_type":1}`:                                                         "bad_json",
			`not json`:                                                                  "bad_json",
		} {
			b.Refused(b.Call("POST", "/factors", access, body), 400, code)
		}
		for kind, code := range map[string]string{"totp": "mfa_totp_enroll_not_enabled", "phone": "mfa_phone_enroll_not_enabled", "webauthn": "mfa_webauthn_enroll_not_enabled"} {
			off := b.With(map[string]string{"auth.mfa." + kind + ".enroll_enabled": "false"})
			b.Refused(off.Call("POST", "/factors", access, map[string]any{"factor_type": kind, "phone": "+31600000000"}), 422, code)
		}
		enroll(b, access, map[string]any{"factor_type": "totp", "friendly_name": "App"})
		b.Refused(b.Call("POST", "/factors", access, `{"factor_type":"webauthn","friendly_name":"App"}`), 422, "mfa_factor_name_conflict")
		b.Exec("update users set is_anonymous = true")
		b.Refused(b.Call("POST", "/factors", access, `{"factor_type":"totp"}`), 403, "no_authorization")
		b.Exec("update users set is_anonymous = false")
		b.Exec("update sessions set oauth_client_id = gen_random_uuid()")
		b.Refused(b.Call("POST", "/factors", access, `{"factor_type":"totp"}`), 403, "insufficient_scope")
		b.Exec("update sessions set oauth_client_id = null")
		b.Exec("update mfa_amr_claims set authentication_method = 'impersonation'")
		b.Refused(b.Call("POST", "/factors", access, `{"factor_type":"totp"}`), 403, "no_authorization")
	})
}

func TestFactorsAreCounted(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, _ *clock) {
		b = b.With(map[string]string{"auth.mfa.max_enrolled_factors": "3"})
		access := b.SignIn(b.User("ada@example.com", "")).AccessToken
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() { b.Call("POST", "/factors", access, `{"factor_type":"totp"}`) })
		}
		wait.Wait()
		require.Equal(t, 3, b.Count("select count(*) from mfa_factors"), "however many ask at once")
		b.Refused(b.Call("POST", "/factors", access, `{"factor_type":"totp"}`), 422, "too_many_enrolled_mfa_factors")
		b.Exec("update mfa_factors set created_at = now() - interval '6 minutes'")
		enroll(b, access, map[string]any{"factor_type": "totp"})
		require.Equal(t, 1, b.Count("select count(*) from mfa_factors"), "what was begun and left gives way")
	})
}

func TestASecondFactorIsNeededToChangeFactors(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		grant, factor, _, raised := app(b, c, "ada@example.com")
		low := b.SignIn(uuid.MustParse(grant.User.ID)).AccessToken
		b.Refused(b.Call("POST", "/factors", low, `{"factor_type":"totp"}`), 403, "insufficient_aal")
		b.Refused(b.Call("DELETE", "/factors/"+factor, low, nil), 422, "insufficient_aal")
		require.Equal(t, 1, b.Count("select count(*) from mfa_factors"))
		second := enroll(b, raised.Str("access_token"), map[string]any{"factor_type": "totp", "friendly_name": "Spare"}).Str("id")
		require.Equal(t, 200, b.Call("DELETE", "/factors/"+second, low, nil).Status, "one that does not count yet is anyone's of the user to remove")
	})
}

// Whoever knew the password before there was a second factor has no factor of their own to show afterwards.
func TestAnEnrolmentBegunBeforeIsNoSecondFactor(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		ada := b.User("ada@example.com", "")
		eve := b.SignIn(ada).AccessToken
		begun := enroll(b, eve, map[string]any{"factor_type": "phone", "phone": "+15550100"}).Str("id")
		asked := challenge(b, eve, begun).Str("id")
		code, _ := text(b)

		here := b.SignIn(ada).AccessToken
		own := enroll(b, here, map[string]any{"factor_type": "totp"})
		shown := verify(b, here, own.Str("id"), challenge(b, here, own.Str("id")).Str("id"), c.code(t, own.Body["totp"].(map[string]any)["secret"].(string), 0))
		require.Equal(t, 200, shown.Status, shown.Text)

		again := b.SignIn(ada).AccessToken // with the password alone
		b.Refused(verify(b, again, begun, asked, code), 403, "insufficient_aal")
		b.Refused(b.Call("POST", "/factors/"+begun+"/challenge", again, `{}`), 403, "insufficient_aal")
		require.Equal(t, 1, b.Count("select count(*) from mfa_factors where status = 'verified'"))
		require.Zero(t, b.Count("select count(*) from sessions where aal = 'aal2' and factor_id = $1", begun))
	})
}

func TestUnenroll(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		grant, factor, secret, raised := app(b, c, "ada@example.com")
		_, _, _, eve := app(b, c, "eve@example.com")
		access := raised.Str("access_token")
		c.forward(time.Minute)
		other := b.SignIn(uuid.MustParse(grant.User.ID))
		there := verify(b, other.AccessToken, factor, challenge(b, other.AccessToken, factor).Str("id"), c.code(t, secret, 0))
		require.Equal(t, 200, there.Status, there.Text)

		for _, path := range []string{"/factors/" + factor, "/factors/" + uuid.NewString()} {
			b.Refused(b.Call("DELETE", path, eve.Str("access_token"), nil), 404, "mfa_factor_not_found")
		}
		b.Refused(b.Call("DELETE", "/factors/x", access, nil), 404, "validation_failed")
		noisy := b.With(map[string]string{"auth.email.notice.mfa_factor_unenrolled.enabled": "true"})
		out := noisy.Call("DELETE", "/factors/"+factor, access, nil)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, factor, out.Str("id"))
		sent := b.Sent()
		require.Len(t, sent, 1)
		require.Equal(t, "mfa_factor_unenrolled", sent[0]["message"].(map[string]any)["template"])

		for _, token := range []string{raised.Str("refresh_token"), there.Str("refresh_token")} {
			next := b.Call("POST", "/refresh", "", map[string]any{"refresh_token": token})
			require.Equal(t, 200, next.Status, next.Text)
			require.Equal(t, "aal1", claims(b, next.Str("access_token"))["aal"])
			require.Equal(t, []string{"password"}, methods(b, next.Str("access_token")))
		}
		require.Equal(t, "aal2", claims(b, b.Call("POST", "/refresh", "", map[string]any{"refresh_token": eve.Str("refresh_token")}).Str("access_token"))["aal"])
		require.Equal(t, 1, b.Count("select count(*) from audit_log_entries where payload ->> 'action' = 'factor_unenrolled'"))
	})
}

// An administrator removes a factor of who has lost it.
func TestFactorsAreRemovedAndNamedFromOutside(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		grant, factor, _, raised := app(b, c, "ada@example.com")
		ada, id := uuid.MustParse(grant.User.ID), uuid.MustParse(factor)
		name, phone := "Lost", "31600000000"
		b.InTx(func(tx *store.Tx) error {
			found, taken, err := store.UpdateFactor(t.Context(), tx, ada, id, &name, &phone)
			require.True(t, found)
			require.False(t, taken)
			require.NoError(t, err)
			found, _, err = store.UpdateFactor(t.Context(), tx, uuid.New(), id, &name, nil)
			require.False(t, found)
			require.NoError(t, err)
			removed, err := store.DeleteFactor(t.Context(), tx, uuid.New(), id)
			require.Nil(t, removed)
			require.NoError(t, err)
			removed, err = store.DeleteFactor(t.Context(), tx, ada, id)
			require.Equal(t, &store.RemovedFactor{Kind: "totp", Verified: true}, removed)
			return err
		})
		next := b.Call("POST", "/refresh", "", map[string]any{"refresh_token": raised.Str("refresh_token")})
		require.Equal(t, "aal1", claims(b, next.Str("access_token"))["aal"])
	})
}

// Secrets that GoTrue kept are good here.
func TestImportedFactors(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		ada := b.User("ada@example.com", "")
		access, factor := b.SignIn(ada).AccessToken, uuid.NewString()
		b.Exec(`insert into mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret)
			values ($1, $2, 'Old', 'totp', 'verified', now(), now(), 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP')`, factor, ada)
		out := verify(b, access, factor, challenge(b, access, factor).Str("id"), c.code(t, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", 0))
		require.Equal(t, 200, out.Status, out.Text)
		b.Exec(`update mfa_factors set secret = '{"key_id":"k","alg":"aes-gcm-hkdf","data":"x","nonce":"x"}'`)
		out = verify(b, out.Str("access_token"), factor, challenge(b, out.Str("access_token"), factor).Str("id"), "123456")
		b.Refused(out, 500, "unexpected_failure")
	})
}
