package mfa_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/mfa"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
)

const origin = "https://app.example.com"

// clock is what the service takes for now.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// code is what an authenticator app shows now, or some steps before or after.
func (c *clock) code(t testing.TB, secret string, steps int) string {
	t.Helper()
	out, err := totp.GenerateCode(secret, c.now().Add(time.Duration(steps)*30*time.Second))
	require.NoError(t, err)
	return out
}

// both runs a test over both isolations, in projects that allow every kind of factor.
func both(t *testing.T, test func(t *testing.T, b *authtest.Bundle, c *clock)) {
	clocks := sync.Map{}
	authtest.Both(t, func(b *authtest.Bundle) {
		c := &clock{}
		clocks.Store(b.Project.Ref, c)
		mfa.New(mfa.Deps{Sessions: b.Sessions, Messages: b.Messages, Hooks: b.Hooks, Guard: b.Guard, Now: c.now}).Routes(b.Router)
		*b = *b.With(map[string]string{"auth.site_url": `"https://app.example.com/home"`, "auth.sms.provider": `"http"`, "auth.sms.http.url": `"https://sms.example.com"`,
			"auth.mfa.phone.enroll_enabled": "true", "auth.mfa.phone.verify_enabled": "true",
			"auth.mfa.webauthn.enroll_enabled": "true", "auth.mfa.webauthn.verify_enabled": "true"})
	}, func(t *testing.T, b *authtest.Bundle) {
		c, _ := clocks.Load(b.Project.Ref)
		test(t, b, c.(*clock))
	})
}

func enroll(b *authtest.Bundle, access string, body map[string]any) authtest.Answer {
	b.T.Helper()
	out := b.Call("POST", "/factors", access, body)
	require.Equal(b.T, 200, out.Status, out.Text)
	return out
}

func challenge(b *authtest.Bundle, access, factor string) authtest.Answer {
	b.T.Helper()
	out := b.Call("POST", "/factors/"+factor+"/challenge", access, `{}`)
	require.Equal(b.T, 200, out.Status, out.Text)
	return out
}

func verify(b *authtest.Bundle, access, factor, challenge, code string) authtest.Answer {
	b.T.Helper()
	return b.Call("POST", "/factors/"+factor+"/verify", access, map[string]any{"challenge_id": challenge, "code": code})
}

// app makes a user who has an authenticator app, and has shown it in the session.
func app(b *authtest.Bundle, c *clock, email string) (grant protocol.Grant, factor, secret string, raised authtest.Answer) {
	b.T.Helper()
	grant = b.SignIn(b.User(email, ""))
	out := enroll(b, grant.AccessToken, map[string]any{"factor_type": "totp", "friendly_name": "App"})
	factor, secret = out.Str("id"), out.Body["totp"].(map[string]any)["secret"].(string)
	raised = verify(b, grant.AccessToken, factor, challenge(b, grant.AccessToken, factor).Str("id"), c.code(b.T, secret, -1))
	require.Equal(b.T, 200, raised.Status, raised.Text)
	return grant, factor, secret, raised
}

func claims(b *authtest.Bundle, access string) map[string]any {
	b.T.Helper()
	verified, err := b.Project.Verifier.Verify(access, time.Now())
	require.NoError(b.T, err)
	return verified.Claims
}

func methods(b *authtest.Bundle, access string) (out []string) {
	b.T.Helper()
	for _, m := range claims(b, access)["amr"].([]any) {
		out = append(out, m.(map[string]any)["method"].(string))
	}
	return out
}

func TestAnAuthenticatorAppRaisesTheSession(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		ada := b.User("ada@example.com", "")
		here, there := b.SignIn(ada), b.SignIn(ada)
		elsewhere := b.SignIn(b.User("eve@example.com", ""))
		require.Equal(t, "aal1", claims(b, here.AccessToken)["aal"])

		out := enroll(b, here.AccessToken, map[string]any{"factor_type": "totp", "friendly_name": "App"})
		require.Equal(t, "totp", out.Str("type"))
		require.Equal(t, "App", out.Str("friendly_name"))
		given := out.Body["totp"].(map[string]any)
		require.True(t, strings.HasPrefix(given["qr_code"].(string), "<svg ") && strings.HasSuffix(given["qr_code"].(string), "</svg>"))
		require.NotContains(t, given["qr_code"], "#")
		require.NotContains(t, given["qr_code"], "%")
		require.Contains(t, given["uri"], "otpauth://totp/app.example.com:ada@example.com?")
		require.Contains(t, given["uri"], "secret="+given["secret"].(string))
		enroll(b, here.AccessToken, map[string]any{"factor_type": "totp", "friendly_name": "Begun and left"})

		asked := challenge(b, here.AccessToken, out.Str("id"))
		require.Equal(t, "totp", asked.Str("type"))
		require.InDelta(t, time.Now().Add(5*time.Minute).Unix(), asked.Body["expires_at"], 30)
		b.Refused(verify(b, here.AccessToken, out.Str("id"), asked.Str("id"), "000000"), 422, "mfa_verification_failed")
		b.Sent()
		noisy := b.With(map[string]string{"auth.email.notice.mfa_factor_enrolled.enabled": "true", "auth.email.notice.mfa_factor_unenrolled.enabled": "true"})
		raised := verify(noisy, here.AccessToken, out.Str("id"), asked.Str("id"), c.code(t, given["secret"].(string), 0))
		require.Equal(t, 200, raised.Status, raised.Text)
		require.Equal(t, "aal2", claims(b, raised.Str("access_token"))["aal"])
		require.Equal(t, []string{"totp", "password"}, methods(b, raised.Str("access_token")))
		require.Equal(t, claims(b, here.AccessToken)["session_id"], claims(b, raised.Str("access_token"))["session_id"])
		factors := raised.User()["factors"].([]any)
		require.Len(t, factors, 1, "what was begun and left is gone")
		require.Equal(t, "verified", factors[0].(map[string]any)["status"])
		sent := b.Sent()
		require.Len(t, sent, 1)
		require.Equal(t, "mfa_factor_enrolled", sent[0]["message"].(map[string]any)["template"])

		// Whoever is signed in without the second factor is signed out.
		b.Refused(b.Call("POST", "/refresh", "", map[string]any{"refresh_token": there.RefreshToken}), 400, "refresh_token_not_found")
		require.True(t, b.Revoked.Session(uuid.MustParse(claims(b, there.AccessToken)["session_id"].(string))))
		require.False(t, b.Revoked.Session(uuid.MustParse(claims(b, here.AccessToken)["session_id"].(string))))
		require.Equal(t, 200, b.Call("POST", "/refresh", "", map[string]any{"refresh_token": elsewhere.RefreshToken}).Status)

		next := b.Call("POST", "/refresh", "", map[string]any{"refresh_token": raised.Str("refresh_token")})
		require.Equal(t, "aal2", claims(b, next.Str("access_token"))["aal"], "the level stays")
		for action, n := range map[string]int{"factor_in_progress": 2, "challenge_created": 1, "verification_attempted": 2} {
			require.Equal(t, n, b.Count("select count(*) from audit_log_entries where payload ->> 'action' = $1", action), action)
		}

		// The next sign-in begins at aal1.
		again := b.SignIn(ada)
		require.Equal(t, "aal1", claims(b, again.AccessToken)["aal"])
		c.forward(time.Minute)
		asked = challenge(b, again.AccessToken, out.Str("id"))
		raised = verify(noisy, again.AccessToken, out.Str("id"), asked.Str("id"), " "+c.code(t, given["secret"].(string), 1)+" ")
		require.Equal(t, 200, raised.Status, raised.Text)
		require.Empty(t, b.Sent(), "nothing was enrolled")
		require.Equal(t, 2, b.Count("select count(*) from sessions where user_id = $1 and aal = 'aal2'", ada), "sessions with the factor stay")
	})
}

func TestACodeIsGoodOnce(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		_, factor, secret, raised := app(b, c, "ada@example.com")
		access := raised.Str("access_token")
		b.Refused(verify(b, access, factor, challenge(b, access, factor).Str("id"), c.code(t, secret, -1)), 422, "mfa_verification_failed")
		asked := challenge(b, access, factor).Str("id")
		require.Equal(t, 200, verify(b, access, factor, asked, c.code(t, secret, 1)).Status)
		b.Refused(verify(b, access, factor, asked, c.code(t, secret, 1)), 422, "mfa_ip_address_mismatch")
		for _, step := range []int{1, 0, -1, 2, -2} {
			b.Refused(verify(b, access, factor, challenge(b, access, factor).Str("id"), c.code(t, secret, step)), 422, "mfa_verification_failed")
		}

		// Many at once: one gets through.
		c.forward(2 * time.Minute)
		var asks []string
		for range 5 {
			asks = append(asks, challenge(b, access, factor).Str("id"))
		}
		code := c.code(t, secret, 0)
		var wait sync.WaitGroup
		var good atomic.Int32
		for _, id := range asks {
			wait.Go(func() {
				if verify(b, access, factor, id, code).Status == 200 {
					good.Add(1)
				}
			})
		}
		wait.Wait()
		require.EqualValues(t, 1, good.Load())
	})
}

func TestCodesThatAreNone(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		grant, factor, secret, _ := app(b, c, "ada@example.com")
		c.forward(time.Hour)
		access := b.SignIn(uuid.MustParse(grant.User.ID)).AccessToken
		asked := challenge(b, access, factor).Str("id")
		for _, code := range []string{"", "0", "abcdef", c.code(t, secret, 0) + "0", "00" + c.code(t, secret, 0), c.code(t, secret, 2), c.code(t, secret, -2), strings.Repeat("1", 5000)} {
			out := verify(b, access, factor, asked, code)
			require.NotEqual(t, 200, out.Status, code)
		}
		require.Equal(t, 200, verify(b, access, factor, asked, c.code(t, secret, 0)).Status)
	})
}
