package session_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// mount adds a route that tells who the bearer is.
func mount(b *authtest.Bundle) {
	b.Router.Handle(http.MethodGet, "/who", func(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
		var user *store.User
		err := store.InTx(r.Context(), bound, func(tx *store.Tx) (err error) {
			user, _, err = b.Sessions.SignedIn(r, tx, bound)
			return err
		})
		if err != nil {
			return err
		}
		protocol.WriteJSON(w, http.StatusOK, protocol.NewUser(user))
		return nil
	})
}

func who(b *authtest.Bundle, access string) authtest.Answer {
	b.T.Helper()
	return b.Call("GET", "/who", access, nil)
}

func refresh(b *authtest.Bundle, token string) authtest.Answer {
	b.T.Helper()
	return b.Call("POST", "/refresh", "", map[string]any{"refresh_token": token})
}

func TestRefreshRotates(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		first := b.SignIn(b.User("ada@example.com", ""))
		second := refresh(b, first.RefreshToken)
		require.Equal(t, 200, second.Status, second.Text)
		require.NotEqual(t, first.RefreshToken, second.Str("refresh_token"))
		before, err := b.Project.Verifier.Verify(first.AccessToken, time.Now())
		require.NoError(t, err)
		after, err := b.Project.Verifier.Verify(second.Str("access_token"), time.Now())
		require.NoError(t, err)
		require.Equal(t, before.SessionID, after.SessionID)
		require.Equal(t, before.Claims["amr"], after.Claims["amr"])
		require.Equal(t, 1, b.Count("select count(*) from refresh_tokens where not revoked"))
		require.Equal(t, 1, b.Count("select count(*) from refresh_tokens where parent = $1", first.RefreshToken))
		require.Equal(t, 1, b.Count("select count(*) from sessions where refreshed_at is not null"))

		b.Refused(refresh(b, "nosuchtoken"), 400, "refresh_token_not_found")
		b.Refused(refresh(b, "x\x00y"), 400, "refresh_token_not_found")
		b.Refused(refresh(b, ""), 400, "validation_failed")
		b.Refused(refresh(b, first.AccessToken), 400, "refresh_token_not_found")
		b.Exec("update sessions set not_after = now() - interval '1 second'")
		b.Refused(refresh(b, second.Str("refresh_token")), 400, "session_expired")
		b.Refused(who(b, second.Str("access_token")), 403, "session_not_found")
	})
}

func TestReuseOfARefreshToken(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		id := b.User("ada@example.com", "")
		first := b.SignIn(id).RefreshToken
		second := refresh(b, first).Str("refresh_token")
		require.Equal(t, second, refresh(b, first).Str("refresh_token"), "the parent of the token in use gets that one again")
		b.Exec("update refresh_tokens set updated_at = updated_at - interval '1 hour'")
		require.Equal(t, second, refresh(b, first).Str("refresh_token"), "however late: the client never saw the answer")

		third := refresh(b, second).Str("refresh_token")
		require.NotEqual(t, second, third)
		b.Exec("update refresh_tokens set updated_at = now() - interval '5 seconds' where token = $1", first)
		require.Equal(t, third, refresh(b, first).Str("refresh_token"), "an older one within the interval gets the one in use")

		b.Exec("update refresh_tokens set updated_at = now() - interval '11 seconds' where token = $1", first)
		b.Refused(refresh(b, first), 400, "refresh_token_already_used")
		b.Refused(refresh(b, third), 400, "refresh_token_already_used")
		b.Refused(refresh(b, second), 400, "refresh_token_already_used")
		require.Zero(t, b.Count("select count(*) from refresh_tokens where not revoked"))

		other := b.SignIn(id)
		require.Equal(t, 200, refresh(b, other.RefreshToken).Status, "another session of the user is not touched")
	})
}

func TestConcurrentRefreshesOfOneClientAgree(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		first := b.SignIn(b.User("ada@example.com", "")).RefreshToken
		var wait sync.WaitGroup
		got := make([]string, 8)
		for i := range got {
			wait.Go(func() { got[i] = refresh(b, first).Str("refresh_token") })
		}
		wait.Wait()
		require.NotEmpty(t, got[0])
		for _, token := range got {
			require.Equal(t, got[0], token)
		}
		require.Equal(t, 1, b.Count("select count(*) from refresh_tokens where not revoked"))
		require.Equal(t, 2, b.Count("select count(*) from refresh_tokens"))
	})
}

func TestABannedUsersTokensAreRefused(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		granted := b.SignIn(b.User("ada@example.com", ""))
		b.Exec("update users set banned_until = now() + interval '1 day'")
		b.Refused(refresh(b, granted.RefreshToken), 400, "user_banned")
		b.Refused(who(b, granted.AccessToken), 403, "user_banned")
		b.Exec("update users set banned_until = now() - interval '1 second'")
		require.Equal(t, 200, refresh(b, granted.RefreshToken).Status)
	})
}

// lives keeps for how long a user's tokens are refused.
type lives struct{ user time.Duration }

func (*lives) Sessions(context.Context, string, []uuid.UUID, time.Duration) {}

func (l *lives) User(_ context.Context, _ string, _ uuid.UUID, life time.Duration) { l.user = life }

// A project that shortens the life of tokens as it bans somebody shortens not that of those which there are.
func TestABanOutlivesEveryToken(t *testing.T) {
	t.Parallel()
	b, l := authtest.New(t, true).With(map[string]string{"auth.jwt_expiry": "60"}), &lives{}
	b.InTx(func(tx *store.Tx) error {
		session.New(session.Deps{Revoker: l}).Lock(tx, b.Project, uuid.New())
		return nil
	})
	require.Equal(t, 7*24*time.Hour, l.user)
}

func TestLogout(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		id := b.User("ada@example.com", "")
		one, two, three := b.SignIn(id), b.SignIn(id), b.SignIn(id)
		eve := b.SignIn(b.User("eve@example.com", ""))
		revoked := func(access string) bool {
			verified, err := b.Project.Verifier.Verify(access, time.Now())
			require.NoError(t, err)
			return b.Revoked.Session(uuid.MustParse(verified.SessionID))
		}
		b.Refused(b.Call("POST", "/logout?scope=everyone", one.AccessToken, nil), 400, "validation_failed")
		b.Refused(b.Call("POST", "/logout", "", nil), 401, "no_authorization")

		require.Equal(t, 204, b.Call("POST", "/logout?scope=local", one.AccessToken, nil).Status)
		require.True(t, revoked(one.AccessToken))
		b.Refused(refresh(b, one.RefreshToken), 400, "refresh_token_not_found")
		b.Refused(who(b, one.AccessToken), 403, "session_not_found")
		b.Refused(b.Call("POST", "/logout", one.AccessToken, nil), 403, "session_not_found")
		require.Equal(t, 200, who(b, two.AccessToken).Status)

		require.Equal(t, 204, b.Call("POST", "/logout?scope=others", two.AccessToken, nil).Status)
		require.True(t, revoked(three.AccessToken))
		require.False(t, revoked(two.AccessToken))
		b.Refused(who(b, three.AccessToken), 403, "session_not_found")
		require.Equal(t, 200, who(b, two.AccessToken).Status)

		require.Equal(t, 204, b.Call("POST", "/logout", two.AccessToken, nil).Status)
		b.Refused(refresh(b, two.RefreshToken), 400, "refresh_token_not_found")
		require.Equal(t, 200, refresh(b, eve.RefreshToken).Status)
		require.False(t, revoked(eve.AccessToken))
		require.Zero(t, b.Count("select count(*) from refresh_tokens where user_id = $1", id.String()))
	})
}
