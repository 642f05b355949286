package signup_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
)

func TestSignInWithPassword(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		made := signUp(b, "ada@example.com", "correct horse")
		out := signIn(b, "ADA@example.com", "correct horse")
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, made.User()["id"], out.User()["id"])
		require.NotEqual(t, made.Str("refresh_token"), out.Str("refresh_token"))
		require.NotContains(t, out.Body, "weak_password")
		require.Equal(t, 2, b.Count("select count(*) from sessions"))

		unknown, wrong := signIn(b, "eve@example.com", "correct horse"), signIn(b, "ada@example.com", "wrong horse")
		b.Refused(unknown, 400, "invalid_credentials")
		require.Equal(t, unknown.Text, wrong.Text)
		b.Refused(signIn(b, "not an address", "correct horse"), 400, "invalid_credentials")
		b.Refused(signIn(b, "ada@example.com", ""), 400, "invalid_credentials")
		b.Refused(signIn(b, "ada@example.com", "correct horse"+string(make([]byte, 72))), 400, "invalid_credentials")
		b.Refused(b.Call("POST", "/token?grant_type=password", "", `{"password":"x"}`), 400, "validation_failed")
		b.Refused(b.Call("POST", "/token?grant_type=password", "", `{"email":"ada@example.com","phone":"31600000001","password":"x"}`), 400, "validation_failed")
		b.Refused(b.Call("POST", "/token?grant_type=password", "", `{"phone":"31600000001","password":"x"}`), 422, "phone_provider_disabled")

		for _, hash := range []any{nil, "", "not a hash", "$2a$31$" + strings.Repeat("a", 53)} {
			b.Exec("update users set encrypted_password = $1", hash)
			b.Refused(signIn(b, "ada@example.com", "correct horse"), 400, "invalid_credentials")
		}
		b.Exec("update users set is_sso_user = true")
		b.Refused(signIn(b, "ada@example.com", "correct horse"), 400, "invalid_credentials")
	})
}

func TestSignInByPhone(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.phone.enabled": "true", "auth.phone.autoconfirm": "true"})
		made := b.Call("POST", "/signup", "", `{"phone":"+31 6-0000 0001","password":"correct horse","data":{"name":"Ada"}}`)
		require.Equal(t, 200, made.Status, made.Text)
		require.Equal(t, "31600000001", made.User()["phone"])
		require.NotEmpty(t, made.User()["phone_confirmed_at"])
		require.Equal(t, map[string]any{"provider": "phone", "providers": []any{"phone"}}, made.User()["app_metadata"])
		out := b.Call("POST", "/token?grant_type=password", "", `{"phone":"+31600000001","password":"correct horse"}`)
		require.Equal(t, 200, out.Status, out.Text)
		b.Refused(b.Call("POST", "/token?grant_type=password", "", `{"phone":"+31600000001","password":"wrong horse"}`), 400, "invalid_credentials")
		b.Refused(b.Call("POST", "/signup", "", `{"phone":"31600000001","password":"correct horse"}`), 422, "user_already_exists")
		b.Refused(b.Call("POST", "/signup", "", `{"phone":"31600000002","password":"correct horse","channel":"pigeon"}`), 400, "validation_failed")
		b.Refused(b.Call("POST", "/signup", "", `{"phone":"call me","password":"correct horse"}`), 400, "validation_failed")
		b.Exec("update users set phone_confirmed_at = null")
		b.Refused(b.Call("POST", "/token?grant_type=password", "", `{"phone":"31600000001","password":"correct horse"}`), 400, "phone_not_confirmed")
	})
}

func TestABannedUserIsToldSoOnlyWithThePassword(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		made := signUp(b, "ada@example.com", "correct horse")
		b.Exec("update users set banned_until = now() + interval '1 day'")
		b.Refused(signIn(b, "ada@example.com", "correct horse"), 400, "user_banned")
		b.Refused(signIn(b, "ada@example.com", "wrong horse"), 400, "invalid_credentials")
		b.Refused(b.Call("POST", "/refresh", "", map[string]any{"refresh_token": made.Str("refresh_token")}), 400, "user_banned")
	})
}

// fromFirebase is a hash of "user1password", the published example of Firebase's scrypt.
const fromFirebase = "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==" +
	"$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="

func TestImportedHashesSignInAndAreReplaced(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b.User("ada@example.com", "")
		cheap, err := bcrypt.GenerateFromPassword([]byte("user1password"), 4)
		require.NoError(t, err)
		for _, hash := range []string{fromFirebase, string(cheap)} {
			b.Exec("update users set encrypted_password = $1", hash)
			b.Refused(signIn(b, "ada@example.com", "user2password"), 400, "invalid_credentials")
			require.Equal(t, hash, authtest.One[string](b, "select encrypted_password from users"), "a wrong password changes nothing")
			require.Equal(t, 200, signIn(b, "ada@example.com", "user1password").Status)
			replaced := authtest.One[string](b, "select encrypted_password from users")
			require.True(t, strings.HasPrefix(replaced, "$2a$10$"), replaced)
			require.Equal(t, 200, signIn(b, "ada@example.com", "user1password").Status)
			require.Equal(t, replaced, authtest.One[string](b, "select encrypted_password from users"))
		}
	})
}

func TestAWeakPasswordIsToldAtSignIn(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		signUp(b, "ada@example.com", "short1")
		b = b.With(map[string]string{"auth.password_min_length": "10"})
		out := signIn(b, "ada@example.com", "short1")
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, map[string]any{"message": "Password should be at least 10 characters.", "reasons": []any{"length"}}, out.Body["weak_password"])
		b.Refused(signIn(b, "ada@example.com", "short2"), 400, "invalid_credentials")
		refused := b.Call("POST", "/signup", "", `{"email":"b@example.com","password":"short1"}`)
		b.Refused(refused, 422, "weak_password")
		require.Equal(t, []any{"length"}, refused.Body["weak_password"].(map[string]any)["reasons"])
	})
}

func TestAUserWhoseFirstTokenIsRefusedIsNotKept(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b.Exec(`create function stop(event jsonb) returns jsonb language sql as $$ select '{"error":{"http_code":403,"message":"Not today."}}'::jsonb $$`)
		stopped := b.With(map[string]string{"auth.anonymous.enabled": "true", "auth.hook.custom_access_token.enabled": "true",
			"auth.hook.custom_access_token.uri": `"pg-functions://postgres/auth/stop"`})
		for range 2 {
			stopped.Refused(stopped.Call("POST", "/signup", "", `{}`), 403, "hook_refused")
			stopped.Refused(stopped.Call("POST", "/signup", "", `{"email":"ada@example.com","password":"correct horse"}`), 403, "hook_refused")
		}
		require.Zero(t, b.Count("select count(*) from users"))
		require.Zero(t, b.Count("select count(*) from sessions"))

		signUp(b, "eve@example.com", "correct horse")
		stopped.Refused(signIn(stopped, "eve@example.com", "correct horse"), 403, "hook_refused")
		require.Equal(t, 1, b.Count("select count(*) from users"), "who was there before stays")
		require.Equal(t, 1, b.Count("select count(*) from sessions"))
	})
}

func TestTheProjectsHookJudgesAttemptsAtPasswords(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		made := signUp(b, "ada@example.com", "correct horse")
		b.Exec(`create function judge(event jsonb) returns jsonb language sql as $$ select case
			when not (event->>'valid')::boolean then '{"decision":"reject","message":"Locked.","should_logout_user":true}'::jsonb
			when event->>'user_id' is null then '{}'::jsonb
			else '{"decision":"continue"}'::jsonb end $$`)
		b.Exec(`create function mute(event jsonb) returns jsonb language sql as $$ select '{}'::jsonb $$`)
		hooked := b.With(map[string]string{"auth.hook.password_verification_attempt.enabled": "true",
			"auth.hook.password_verification_attempt.uri": `"pg-functions://postgres/auth/judge"`})
		require.Equal(t, 200, signIn(hooked, "ada@example.com", "correct horse").Status)
		out := signIn(hooked, "ada@example.com", "wrong horse")
		b.Refused(out, 400, "invalid_credentials")
		require.Equal(t, "Locked.", out.Str("msg"))
		require.Zero(t, b.Count("select count(*) from sessions"), "the hook asked for the user to be signed out")
		b.Refused(b.Call("POST", "/refresh", "", map[string]any{"refresh_token": made.Str("refresh_token")}), 400, "refresh_token_not_found")
		out = signIn(hooked, "nobody@example.com", "wrong horse")
		b.Refused(out, 400, "invalid_credentials")

		broken := b.With(map[string]string{"auth.hook.password_verification_attempt.enabled": "true",
			"auth.hook.password_verification_attempt.uri": `"pg-functions://postgres/auth/mute"`})
		b.Refused(signIn(broken, "ada@example.com", "correct horse"), 500, "unexpected_failure")
		require.Zero(t, b.Count("select count(*) from sessions"), "a hook that does not decide lets nobody in")
	})
}

// stingy allows a few attempts for each key.
type stingy struct {
	mu   sync.Mutex
	used map[string]int
	most int
}

func (s *stingy) Allow(_ context.Context, ref, key string, _ guard.Rate) (bool, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[ref+" "+key]++
	return s.used[ref+" "+key] <= s.most, 3 * time.Second
}

func limited(limiter *stingy) func(b *authtest.Bundle) {
	return func(b *authtest.Bundle) {
		b.Guard = guard.New(guard.Deps{Limiter: limiter})
		mount(b)
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	t.Parallel()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limiter := &stingy{used: map[string]int{}, most: 2}
			b := authtest.New(t, shared)
			limited(limiter)(b)
			signIn(b.From("192.0.2.10"), "ada@example.com", "guess 1")
			signIn(b.From("192.0.2.11"), "ADA@example.com", "guess 2")
			out := signIn(b.From("192.0.2.12"), "ada@example.com", "guess 3")
			b.Refused(out, 429, "over_request_rate_limit")
			require.Equal(t, "3", out.Header.Get("Retry-After"))
			for key := range limiter.used {
				require.NotContains(t, key, "ada@", "addresses of people stay out of the limiter's keys")
			}
		})
	}
}

func TestAddressesOfOneNetworkCountTogether(t *testing.T) {
	t.Parallel()
	b := authtest.New(t, true)
	limited(&stingy{used: map[string]int{}, most: 2})(b)
	from := func(address, email string) int { return signIn(b.From(address), email, "guess").Status }
	require.Equal(t, 400, from("2001:db8:1:1::1", "a@example.com"))
	require.Equal(t, 400, from("2001:db8:1:1::2", "b@example.com"))
	require.Equal(t, 429, from("2001:db8:1:1:ffff::3", "c@example.com"))
	require.Equal(t, 400, from("2001:db8:1:2::3", "d@example.com"), "another network")
	require.Equal(t, 429, b.From("2001:db8:1:1::9").Call("POST", "/signup", "", `{"email":"e@example.com","password":"password"}`).Status, "sign-ups count with sign-ins")
}
