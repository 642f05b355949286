package mfa_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/mfa"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// text returns the code of the only message in the outbox.
func text(b *authtest.Bundle) (code string, message map[string]any) {
	b.T.Helper()
	sent := b.Sent()
	require.Len(b.T, sent, 1)
	require.Equal(b.T, "sms", sent[0]["_kind"])
	return sent[0]["secret"].(map[string]any)["token"].(string), sent[0]["message"].(map[string]any)
}

func TestAPhoneRaisesTheSession(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		access := b.SignIn(b.User("ada@example.com", "")).AccessToken
		out := enroll(b, access, map[string]any{"factor_type": "phone", "friendly_name": "Phone", "phone": "+31 6 0000 0000"})
		require.Equal(t, "phone", out.Str("type"))
		require.Equal(t, "+31 6 0000 0000", out.Str("phone"))
		require.Empty(t, b.Sent(), "a code is sent when it is asked for")
		factor := out.Str("id")
		asked := challenge(b, access, factor)
		code, message := text(b)
		require.Len(t, code, 6)
		require.Equal(t, "31600000000", message["to"])
		require.Equal(t, "auth.mfa.phone.template", message["template"])
		require.NotContains(t, authtest.One[string](b, "select otp_code from mfa_challenges"), code)

		soon := b.Call("POST", "/factors/"+factor+"/challenge", access, `{}`)
		b.Refused(soon, 429, "over_sms_send_rate_limit")
		require.NotEmpty(t, soon.Header.Get("Retry-After"))
		b.Refused(b.Call("POST", "/factors/"+factor+"/challenge", access, `{"channel":"pigeon"}`), 400, "validation_failed")

		wrong := "000000"
		if code == wrong {
			wrong = "111111"
		}
		b.Refused(verify(b, access, factor, asked.Str("id"), wrong), 422, "mfa_verification_failed")
		raised := verify(b, access, factor, asked.Str("id"), code)
		require.Equal(t, 200, raised.Status, raised.Text)
		require.Equal(t, []string{"mfa/phone", "password"}, methods(b, raised.Str("access_token")))
		b.Refused(verify(b, raised.Str("access_token"), factor, asked.Str("id"), code), 422, "mfa_ip_address_mismatch")
		b.Refused(b.Call("POST", "/factors", raised.Str("access_token"), `{"factor_type":"phone","phone":"31600000000"}`), 422, "mfa_verified_factor_exists")

		c.forward(2 * time.Minute)
		next := challenge(b, raised.Str("access_token"), factor)
		again, _ := text(b)
		if code != again {
			b.Refused(verify(b, raised.Str("access_token"), factor, next.Str("id"), code), 422, "mfa_verification_failed")
		}
		require.Equal(t, 200, verify(b, raised.Str("access_token"), factor, next.Str("id"), again).Status)
	})
}

func TestEnrollingAgainSendsNoMoreMessages(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, _ *clock) {
		access := b.SignIn(b.User("ada@example.com", "")).AccessToken
		first := enroll(b, access, map[string]any{"factor_type": "phone", "friendly_name": "Phone", "phone": "+31600000000"}).Str("id")
		challenge(b, access, first)
		second := enroll(b, access, map[string]any{"factor_type": "phone", "friendly_name": "Phone", "phone": "31600000000"}).Str("id")
		require.Equal(t, 1, b.Count("select count(*) from mfa_factors"))
		b.Refused(b.Call("POST", "/factors/"+first+"/challenge", access, `{}`), 404, "mfa_factor_not_found")
		b.Refused(b.Call("POST", "/factors/"+second+"/challenge", access, `{}`), 429, "over_sms_send_rate_limit")
		require.Len(t, b.Sent(), 1)
	})
}

func TestNumbersForReviewersGetNoMessage(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, _ *clock) {
		b = b.With(map[string]string{"auth.phone.test_otps": `["31600000000=123456"]`, "auth.sms.provider": `"none"`})
		access := b.SignIn(b.User("ada@example.com", "")).AccessToken
		factor := enroll(b, access, map[string]any{"factor_type": "phone", "phone": "31600000000"}).Str("id")
		require.Equal(t, 200, verify(b, access, factor, challenge(b, access, factor).Str("id"), "123456").Status)
		require.Empty(t, b.Sent())
		other := b.SignIn(b.User("eve@example.com", "")).AccessToken
		factor = enroll(b, other, map[string]any{"factor_type": "phone", "phone": "31600000001"}).Str("id")
		b.Refused(b.Call("POST", "/factors/"+factor+"/challenge", other, `{}`), 422, "sms_send_failed")
	})
}

func TestChallengesThatAreRefused(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		_, factor, secret, raised := app(b, c, "ada@example.com")
		_, _, _, eve := app(b, c, "eve@example.com")
		access := raised.Str("access_token")
		c.forward(time.Minute)
		b.Refused(b.Call("POST", "/factors/"+factor+"/challenge", "", `{}`), 401, "no_authorization")
		b.Refused(b.Call("POST", "/factors/"+factor+"/verify", "", `{}`), 401, "no_authorization")
		b.Refused(b.Call("POST", "/factors/x/challenge", access, `{}`), 404, "validation_failed")
		b.Refused(b.Call("POST", "/factors/"+uuid.NewString()+"/challenge", access, `{}`), 404, "mfa_factor_not_found")
		b.Refused(b.Call("POST", "/factors/"+factor+"/challenge", eve.Str("access_token"), `{}`), 404, "mfa_factor_not_found")

		asked := challenge(b, access, factor).Str("id")
		code := c.code(t, secret, 0)
		b.Refused(verify(b, eve.Str("access_token"), factor, asked, code), 404, "mfa_factor_not_found")
		b.Refused(verify(b, access, factor, uuid.NewString(), code), 422, "mfa_factor_not_found")
		b.Refused(verify(b, access, factor, uuid.Nil.String(), code), 422, "mfa_factor_not_found")
		b.Refused(verify(b, access, factor, "x", code), 400, "bad_json")
		b.Refused(verify(b, access, factor, asked, ""), 400, "validation_failed")
		b.Refused(verify(b.From("198.51.100.7"), access, factor, asked, code), 422, "mfa_ip_address_mismatch")
		second := enroll(b, access, map[string]any{"factor_type": "totp", "friendly_name": "Spare"}).Str("id")
		b.Refused(verify(b, access, second, asked, code), 422, "mfa_factor_not_found")
		for _, kind := range []string{"totp", "phone", "webauthn"} {
			off := b.With(map[string]string{"auth.mfa." + kind + ".verify_enabled": "false"})
			b.Exec("update mfa_factors set factor_type = $1::text::factor_type where id = $2", kind, factor)
			b.Refused(off.Call("POST", "/factors/"+factor+"/challenge", access, `{}`), 422, "mfa_"+kind+"_verify_not_enabled")
			b.Refused(verify(off, access, factor, asked, code), 422, "mfa_"+kind+"_verify_not_enabled")
		}
		b.Exec("update mfa_factors set factor_type = 'totp'")
		b.Exec("update mfa_challenges set created_at = now() - interval '6 minutes' where id = $1", asked)
		b.Refused(verify(b, access, factor, asked, code), 422, "mfa_challenge_expired")
		require.Equal(t, 200, verify(b, access, factor, challenge(b, access, factor).Str("id"), code).Status)

		b.Exec("update mfa_challenges set created_at = now() - interval '3 hours'")
		challenge(b, access, factor)
		require.Equal(t, 1, b.Count("select count(*) from mfa_challenges"), "what is long over is cleared away")

		b.Exec("update users set banned_until = now() + interval '1 hour'")
		b.Refused(b.Call("POST", "/factors/"+factor+"/challenge", access, `{}`), 403, "user_banned")
	})
}

func TestTheProjectsHookDecides(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		grant, factor, secret, raised := app(b, c, "ada@example.com")
		ada, access := uuid.MustParse(grant.User.ID), raised.Str("access_token")
		c.forward(time.Minute)
		b.Exec(`create table asked (event jsonb)`)
		b.Exec(`create function check_attempt(event jsonb) returns jsonb language plpgsql as $$ begin
			if event ->> 'user_id' is null or event ->> 'factor_id' is null or event ->> 'factor_type' <> 'totp' then return '{"decision":"unsure"}'; end if;
			if (event ->> 'valid')::boolean then return '{"decision":"continue"}'; end if;
			return '{"decision":"reject","message":"Not you."}'; end $$`)
		hooked := b.With(map[string]string{"auth.hook.mfa_verification_attempt.enabled": "true", "auth.hook.mfa_verification_attempt.uri": `"pg-functions://postgres/auth/check_attempt"`})
		asked := challenge(b, access, factor).Str("id")
		good := verify(hooked, access, factor, asked, c.code(t, secret, 0))
		require.Equal(t, 200, good.Status, good.Text)
		b.SignIn(ada)
		bad := verify(hooked, good.Str("access_token"), factor, challenge(b, access, factor).Str("id"), "000000")
		b.Refused(bad, 403, "mfa_verification_rejected")
		require.Equal(t, "Not you.", bad.Str("msg"))
		require.Zero(t, b.Count("select count(*) from sessions where user_id = $1", ada), "the user is signed out everywhere")
		require.Equal(t, 1, b.Count("select count(*) from audit_log_entries where payload -> 'traits' ->> 'valid' = 'false'"))

		access = b.SignIn(ada).AccessToken
		b.Exec(`create or replace function check_attempt(event jsonb) returns jsonb language sql as $$ select '{"decision":"maybe"}'::jsonb $$`)
		b.Refused(verify(hooked, access, factor, challenge(b, access, factor).Str("id"), c.code(t, secret, 1)), 500, "unexpected_failure")
		require.Equal(t, "aal1", authtest.One[string](b, "select aal::text from sessions where user_id = $1", ada), "nothing is decided by accident")
	})
}

// Two sessions show two factors at once: the first to be done ends the other, and neither waits for the other forever.
func TestFactorsOfOneUserTakeTurns(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		grant, first, secret, raised := app(b, c, "ada@example.com")
		second := enroll(b, raised.Str("access_token"), map[string]any{"factor_type": "totp", "friendly_name": "Spare"})
		spare := second.Body["totp"].(map[string]any)["secret"].(string)
		out := verify(b, raised.Str("access_token"), second.Str("id"), challenge(b, raised.Str("access_token"), second.Str("id")).Str("id"), c.code(t, spare, 0))
		require.Equal(t, 200, out.Status, out.Text)
		for range 5 {
			c.forward(2 * time.Minute)
			var wait sync.WaitGroup
			var statuses [2]int
			var answers [2]func() int
			for i, f := range [2][2]string{{first, secret}, {second.Str("id"), spare}} {
				access := b.SignIn(uuid.MustParse(grant.User.ID)).AccessToken
				asked, code := challenge(b, access, f[0]).Str("id"), c.code(t, f[1], 0)
				answers[i] = func() int { return verify(b, access, f[0], asked, code).Status }
			}
			for i, answer := range answers {
				wait.Go(func() { statuses[i] = answer() })
			}
			wait.Wait()
			require.ElementsMatch(t, []int{200, 403}, statuses[:])
		}
	})
}

// stingy allows a few of each.
type stingy struct {
	mu   sync.Mutex
	used map[string]int
}

func (s *stingy) Allow(_ context.Context, ref, key string, rate guard.Rate) (bool, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[ref+key]++
	return s.used[ref+key] <= min(rate.Burst, 20), time.Minute
}

func TestGuessingIsSlowedDown(t *testing.T) {
	both(t, func(t *testing.T, b *authtest.Bundle, c *clock) {
		grant, factor, secret, _ := app(b, c, "ada@example.com")
		c.forward(time.Minute)
		limited := *b
		limited.Guard = guard.New(guard.Deps{Limiter: &stingy{used: map[string]int{}}})
		limited.Router = newRouter(t, &limited, c)
		access := b.SignIn(uuid.MustParse(grant.User.ID)).AccessToken
		asked := challenge(b, access, factor).Str("id")
		tries := 0
		for ; tries < 30; tries++ {
			// Another address and another session each time: it is the user's secret that is guessed at.
			from := limited.From("192.0.2." + strings.Repeat("1", 1+tries%3))
			if out := verify(from, b.SignIn(uuid.MustParse(grant.User.ID)).AccessToken, factor, asked, "000000"); out.Status == 429 {
				b.Refused(out, 429, "over_request_rate_limit")
				break
			}
		}
		require.Equal(t, 15, tries)
		b.Refused(verify(&limited, access, factor, asked, c.code(t, secret, 0)), 429, "over_request_rate_limit")
	})
}

func newRouter(t *testing.T, b *authtest.Bundle, c *clock) *protocol.Router {
	t.Helper()
	rt := protocol.NewRouter(testkit.Logger(t))
	mfa.New(mfa.Deps{Sessions: b.Sessions, Messages: b.Messages, Hooks: b.Hooks, Guard: b.Guard, Now: c.now}).Routes(rt)
	return rt
}
