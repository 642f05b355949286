package auth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func TestSignInWithPassword(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		made := b.signUp("ada@example.com", "correct horse")
		out := b.signIn("ADA@example.com", "correct horse")
		require.Equal(t, 200, out.status, out.text)
		require.Equal(t, made.user()["id"], out.user()["id"])
		require.NotEqual(t, made.str("refresh_token"), out.str("refresh_token"))
		require.Equal(t, 2, b.count("select count(*) from sessions"))

		unknown, wrong := b.signIn("eve@example.com", "correct horse"), b.signIn("ada@example.com", "wrong horse")
		b.refused(unknown, 400, "invalid_credentials")
		require.Equal(t, unknown.text, wrong.text)
		b.refused(b.signIn("not an address", "correct horse"), 400, "invalid_credentials")
		b.refused(b.signIn("ada@example.com", "correct horse"+string(make([]byte, 72))), 400, "invalid_credentials")
		b.refused(b.call("POST", "/token?grant_type=password", "", `{"password":"x"}`), 400, "validation_failed")
		b.refused(b.call("POST", "/token?grant_type=magic", "", `{}`), 400, "invalid_credentials")
		b.refused(b.call("POST", "/token", "", `{}`), 400, "invalid_credentials")

		b.exec("update users set encrypted_password = null")
		b.refused(b.signIn("ada@example.com", "correct horse"), 400, "invalid_credentials")
	})
}

func TestABannedUserIsToldSoOnlyWithThePassword(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		made := b.signUp("ada@example.com", "correct horse")
		b.exec("update users set banned_until = now() + interval '1 day'")
		b.refused(b.signIn("ada@example.com", "correct horse"), 400, "user_banned")
		b.refused(b.signIn("ada@example.com", "wrong horse"), 400, "invalid_credentials")
		b.refused(b.refresh(made.str("refresh_token")), 400, "user_banned")
		b.refused(b.call("GET", "/user", made.str("access_token"), nil), 400, "user_banned")
	})
}

func TestRefreshRotates(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		first := b.signUp("ada@example.com", "correct horse")
		second := b.refresh(first.str("refresh_token"))
		require.Equal(t, 200, second.status, second.text)
		require.NotEqual(t, first.str("refresh_token"), second.str("refresh_token"))
		before, err := b.project.Verifier.Verify(first.str("access_token"), time.Now())
		require.NoError(t, err)
		after, err := b.project.Verifier.Verify(second.str("access_token"), time.Now())
		require.NoError(t, err)
		require.Equal(t, before.SessionID, after.SessionID)
		require.Equal(t, before.Claims["amr"], after.Claims["amr"])
		require.Equal(t, 1, b.count("select count(*) from refresh_tokens where not revoked"))
		require.Equal(t, 1, b.count("select count(*) from refresh_tokens where parent = $1", first.str("refresh_token")))
		require.Equal(t, 1, b.count("select count(*) from sessions where refreshed_at is not null"))

		b.refused(b.refresh("nosuchtoken"), 400, "refresh_token_not_found")
		b.refused(b.refresh("x\x00y"), 400, "refresh_token_not_found")
		b.refused(b.refresh(""), 400, "validation_failed")
		b.refused(b.refresh(first.str("access_token")), 400, "refresh_token_not_found")
		b.exec("update sessions set not_after = now() - interval '1 second'")
		b.refused(b.refresh(second.str("refresh_token")), 400, "session_expired")
		b.refused(b.call("GET", "/user", second.str("access_token"), nil), 403, "session_not_found")
	})
}

func TestReuseOfARefreshToken(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		first := b.signUp("ada@example.com", "correct horse").str("refresh_token")
		second := b.refresh(first).str("refresh_token")
		require.Equal(t, second, b.refresh(first).str("refresh_token"), "the parent of the token in use gets that one again")
		b.exec("update refresh_tokens set updated_at = updated_at - interval '1 hour'")
		require.Equal(t, second, b.refresh(first).str("refresh_token"), "however late: the client never saw the answer")

		third := b.refresh(second).str("refresh_token")
		require.NotEqual(t, second, third)
		b.exec("update refresh_tokens set updated_at = now() - interval '5 seconds' where token = $1", first)
		require.Equal(t, third, b.refresh(first).str("refresh_token"), "an older one within the interval gets the one in use")

		b.exec("update refresh_tokens set updated_at = now() - interval '11 seconds' where token = $1", first)
		b.refused(b.refresh(first), 400, "refresh_token_already_used")
		b.refused(b.refresh(third), 400, "refresh_token_already_used")
		b.refused(b.refresh(second), 400, "refresh_token_already_used")
		require.Zero(t, b.count("select count(*) from refresh_tokens where not revoked"))

		other := b.signIn("ada@example.com", "correct horse")
		require.Equal(t, 200, b.refresh(other.str("refresh_token")).status, "another session of the user is not touched")
	})
}

func TestConcurrentRefreshesOfOneClientAgree(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		first := b.signUp("ada@example.com", "correct horse").str("refresh_token")
		var wait sync.WaitGroup
		got := make([]string, 8)
		for i := range got {
			wait.Go(func() { got[i] = b.refresh(first).str("refresh_token") })
		}
		wait.Wait()
		require.NotEmpty(t, got[0])
		for _, token := range got {
			require.Equal(t, got[0], token)
		}
		require.Equal(t, 1, b.count("select count(*) from refresh_tokens where not revoked"))
		require.Equal(t, 2, b.count("select count(*) from refresh_tokens"))
	})
}

// stingy allows a few attempts for each key.
type stingy struct {
	mu   sync.Mutex
	used map[string]int
	most int
}

func (s *stingy) Allow(_ context.Context, ref, key string, _ auth.Rate) (bool, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[ref+" "+key]++
	return s.used[ref+" "+key] <= s.most, 3 * time.Second
}

func TestGuessingIsSlowedDown(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		limiter := &stingy{used: map[string]int{}, most: 2}
		b.service = auth.New(auth.Deps{Log: testkit.Logger(t), Limiter: limiter})
		b.signIn("ada@example.com", "guess 1")
		b.signIn("ADA@example.com", "guess 2")
		out := b.signIn("ada@example.com", "guess 3")
		b.refused(out, 429, "over_request_rate_limit")
		require.Equal(t, "3", out.header.Get("Retry-After"))
		for key := range limiter.used {
			require.NotContains(t, key, "ada@", "addresses of people stay out of the limiter's keys")
		}
	})
}

func TestAddressesOfOneNetworkCountTogether(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.service = auth.New(auth.Deps{Log: testkit.Logger(t), Limiter: &stingy{used: map[string]int{}, most: 2}})
		from := func(address, email string) int {
			r := httptest.NewRequest(http.MethodPost, "/token?grant_type=password", strings.NewReader(`{"email":"`+email+`","password":"guess"}`))
			r.RemoteAddr = address
			r = r.WithContext(projectdb.NewContext(t.Context(), b.door.Bind(b.project, projectdb.Caller{Role: "anon"})))
			w := httptest.NewRecorder()
			b.service.ServeHTTP(w, r)
			return w.Code
		}
		require.Equal(t, 400, from("[2001:db8:1:1::1]:0", "a@example.com"))
		require.Equal(t, 400, from("[2001:db8:1:1::2]:0", "b@example.com"))
		require.Equal(t, 429, from("[2001:db8:1:1:ffff::3]:0", "c@example.com"))
		require.Equal(t, 400, from("[2001:db8:1:2::3]:0", "d@example.com"), "another network")
	})
}
