package onetime_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
)

const ann = "ann@example.com"

func mount(*authtest.Bundle) {}

func issue(b *authtest.Bundle, id uuid.UUID, kind onetime.Kind, to string, flow bool) (out onetime.Issued) {
	b.T.Helper()
	b.InTx(func(tx *store.Tx) (err error) {
		out, err = onetime.Issue(b.T.Context(), tx, id, kind, to, 6, flow)
		return err
	})
	return out
}

func find(b *authtest.Bundle, link string, of ...onetime.Kind) (out *onetime.Found) {
	b.T.Helper()
	b.InTx(func(tx *store.Tx) (err error) {
		out, err = onetime.Find(b.T.Context(), tx, link, of...)
		return err
	})
	return out
}

func findCode(b *authtest.Bundle, to, code string, of ...onetime.Kind) (out *onetime.Found) {
	b.T.Helper()
	b.InTx(func(tx *store.Tx) (err error) {
		out, err = onetime.FindCode(b.T.Context(), tx, to, code, of...)
		return err
	})
	return out
}

func TestCodes(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 200 {
		for _, digits := range []int{6, 8, 10} {
			code := onetime.Code(digits)
			require.Regexp(t, `^[0-9]+$`, code)
			require.Len(t, code, digits)
			seen[code] = true
		}
	}
	require.Greater(t, len(seen), 590)
	require.Equal(t, "14430f867bf6cd519848fe112e9b20dfa81c634f830777807737dc24", onetime.Hash(ann, "123456"))
}

func TestTokensAreFoundByLinkOrByCode(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		id := b.User(ann, "")
		first := issue(b, id, onetime.Recovery, ann, false)
		second := issue(b, id, onetime.Recovery, ann, true)
		require.Len(t, first.Link, 56)
		require.Equal(t, "pkce_", second.Link[:5])
		require.NotEqual(t, onetime.Hash(ann, first.Code), first.Link, "a link cannot be computed from its code")
		require.Nil(t, find(b, first.Link, onetime.Recovery), "a newer one takes its place")
		found := find(b, second.Link, onetime.Confirmation, onetime.Recovery)
		require.NotNil(t, found)
		require.Equal(t, id, found.User.ID)
		require.Equal(t, onetime.Recovery, found.Kind)
		require.True(t, found.Flow)
		require.True(t, found.ForOwn())
		require.WithinDuration(t, time.Now(), found.Sent, time.Minute)
		require.False(t, found.Expired(time.Hour, time.Now()))
		require.True(t, found.Expired(time.Hour, time.Now().Add(2*time.Hour)))
		require.NotNil(t, findCode(b, ann, second.Code, onetime.Recovery))

		for name, out := range map[string]*onetime.Found{
			"another kind":            find(b, second.Link, onetime.Confirmation),
			"without the flow's mark": find(b, second.Link[5:], onetime.Recovery),
			"with another mark":       find(b, "pkce_"+second.Link, onetime.Recovery),
			"what is stored of codes": find(b, onetime.Hash(ann, second.Code), onetime.Recovery),
			"what is too long":        find(b, strings.Repeat("a", 300), onetime.Recovery),
			"NUL":                     find(b, "a\x00", onetime.Recovery),
			"nothing":                 find(b, "", onetime.Recovery),
			"another kind by code":    findCode(b, ann, second.Code, onetime.Confirmation),
			"another address by code": findCode(b, "ann@example.co", "m"+second.Code, onetime.Recovery),
			"the older code":          orNil(first.Code == second.Code, func() *onetime.Found { return findCode(b, ann, first.Code, onetime.Recovery) }),
			"the link for a code":     findCode(b, ann, second.Link, onetime.Recovery),
			"no code":                 findCode(b, ann, "", onetime.Recovery),
		} {
			require.Nil(t, out, name)
		}
		b.Exec("update users set email = 'moved@example.com' where id = $1", id)
		require.False(t, find(b, second.Link, onetime.Recovery).ForOwn())
		b.Exec("update users set deleted_at = now() where id = $1", id)
		require.Nil(t, find(b, second.Link, onetime.Recovery))
	})
}

func orNil(skip bool, fn func() *onetime.Found) *onetime.Found {
	if skip {
		return nil
	}
	return fn()
}

// GoTrue keeps one hash for the link and the code, in both tables.
func TestTokensThatGoTrueSentAreGood(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		id := b.User(ann, "")
		for _, prefix := range []string{"", "pkce_"} {
			hash := prefix + onetime.Hash(ann, "123456")
			b.Exec("update users set recovery_token = $2, recovery_sent_at = now() where id = $1", id, hash)
			b.Exec("delete from one_time_tokens")
			b.Exec(`insert into one_time_tokens (id, user_id, token_type, token_hash, relates_to) values (gen_random_uuid(), $1, 'recovery_token', $2, $3)`, id, hash, ann)
			require.NotNil(t, find(b, hash, onetime.Recovery))
			require.NotNil(t, findCode(b, ann, "123456", onetime.Recovery))
		}
	})
}

func TestTokensAreTakenOnce(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		id := b.User(ann, "")
		for _, kind := range []onetime.Kind{onetime.Confirmation, onetime.Recovery, onetime.Reauthentication, onetime.EmailChangeNew, onetime.EmailChangeCurrent, onetime.PhoneChange} {
			issue(b, id, kind, ann, false)
		}
		take := func(of ...onetime.Kind) (n int64) {
			b.InTx(func(tx *store.Tx) (err error) {
				n, err = onetime.Take(t.Context(), tx, id, of...)
				return err
			})
			return n
		}
		require.EqualValues(t, 2, take(onetime.Confirmation, onetime.Recovery))
		require.Zero(t, take(onetime.Confirmation, onetime.Recovery))
		require.EqualValues(t, 4, take())
		require.Equal(t, 1, b.Count(`select count(*) from users where confirmation_token = '' and recovery_token = '' and reauthentication_token = ''
			and email_change_token_new = '' and email_change_token_current = '' and phone_change_token = ''`))
	})
}

func TestFlows(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		id := b.User(ann, "")
		start := func(f onetime.Flow) uuid.UUID {
			f.Challenge, f.ChallengeMethod = strings.Repeat("a", 43), "plain"
			b.InTx(func(tx *store.Tx) error { return onetime.Start(t.Context(), tx, &f) })
			return f.ID
		}
		forgotten := start(onetime.Flow{Provider: "google", Method: "oauth"})
		b.Exec("update flow_state set created_at = now() - interval '3 days'")
		start(onetime.Flow{Provider: "email", Method: "magiclink", UserID: &id})
		require.Zero(t, b.Count("select count(*) from flow_state where id = $1", forgotten))
		newest := start(onetime.Flow{Provider: "email", Method: "magiclink", UserID: &id})
		require.Equal(t, 1, b.Count("select count(*) from flow_state"))
		start(onetime.Flow{Provider: "email", Method: "recovery", UserID: &id})

		var code string
		b.InTx(func(tx *store.Tx) (err error) {
			code, err = onetime.Finish(t.Context(), tx, id, "magiclink")
			return err
		})
		exchange := func(code, verifier string) (flow *onetime.Flow, refused error) {
			b.InTx(func(tx *store.Tx) (err error) {
				flow, refused, err = onetime.Exchange(t.Context(), tx, code, verifier)
				return err
			})
			return flow, refused
		}
		for _, wrong := range []string{"", "a\x00b", uuid.NewString(), strings.Repeat("a", 300), code[1:]} {
			_, refused := exchange(wrong, strings.Repeat("a", 43))
			require.Error(t, refused)
		}
		flow, refused := exchange(code, strings.Repeat("a", 43))
		require.NoError(t, refused)
		require.Equal(t, newest, flow.ID)
		_, refused = exchange(code, strings.Repeat("a", 43))
		require.Error(t, refused)
		require.Error(t, store.InTx(t.Context(), b.Session(), func(tx *store.Tx) error {
			_, err := onetime.Finish(t.Context(), tx, id, "magiclink")
			return err
		}), "there is no flow any more")
	})
}

func TestChallenges(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("aZ9-", 10) + "._~"
	for _, method := range []string{"s256", "S256", "plain", "PLAIN"} {
		out, err := onetime.CheckChallenge(good, method)
		require.NoError(t, err)
		require.Equal(t, strings.ToLower(method), out)
	}
	_, err := onetime.CheckChallenge("", "")
	require.NoError(t, err)
	for name, c := range map[string][2]string{"no method": {good, ""}, "no challenge": {"", "s256"}, "short": {good[1:], "s256"}, "long": {strings.Repeat("a", 129), "s256"},
		"another method": {good, "md5"}, "other characters": {good + "=", "s256"}, "beyond ASCII": {good + "é", "s256"}} {
		_, err := onetime.CheckChallenge(c[0], c[1])
		require.Error(t, err, name)
	}
}
