package remote

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

func memory(t *testing.T, now *time.Time) *Issuers {
	t.Helper()
	guard := egress.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	return NewIssuers(New(guard, nil, 5*time.Second), func() time.Time { return *now })
}

func TestWhatAProjectChoseIsRememberedForItAlone(t *testing.T) {
	t.Parallel()
	now := time.Now()
	i, p := memory(t, &now), oidc.New(t)
	for range 3 {
		for _, ref := range []string{"a", "b"} {
			doc, err := i.Discover(t.Context(), ref, p.URL, "")
			require.NoError(t, err)
			require.Equal(t, p.URL+"/token", doc.Token)
		}
	}
	require.Equal(t, 2, p.Calls("/.well-known/openid-configuration"), "one for each project")
	require.NotSame(t, i.KeySet("a", p.URL+"/keys"), i.KeySet("b", p.URL+"/keys"))
	first := i.KeySet("a", p.URL+"/keys")
	require.Same(t, first, i.KeySet("a", p.URL+"/keys"))
	// The same issuer by another document is another entry.
	_, err := i.Discover(t.Context(), "a", p.URL, p.URL+"/.well-known/openid-configuration?other")
	require.NoError(t, err)
	require.Equal(t, 3, p.Calls("/.well-known/openid-configuration"))
	now = now.Add(issuerLife)
	_, err = i.Discover(t.Context(), "a", p.URL, "")
	require.NoError(t, err)
	require.Equal(t, 4, p.Calls("/.well-known/openid-configuration"))
}

func TestTheMemoryIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	i := memory(t, &now)
	quiet := i.KeySet("quiet", "https://quiet.example/keys")
	for n := range 3 * maxIssuersEach {
		now = now.Add(time.Second)
		i.KeySet("greedy", fmt.Sprintf("https://x.example/%d", n))
	}
	require.Len(t, i.kept, maxIssuersEach+1)
	require.Same(t, quiet, i.KeySet("quiet", "https://quiet.example/keys"), "one project's do not push out another's")
	require.NotNil(t, i.find(key{"greedy", fmt.Sprintf("keys https://x.example/%d", 3*maxIssuersEach-1)}), "the newest stays")
	for n := range 2 * maxIssuers {
		now = now.Add(time.Millisecond)
		i.KeySet(fmt.Sprint("project", n), "https://x.example/keys")
	}
	require.Len(t, i.kept, maxIssuers)
}

func TestKeysAreAskedForAtAPace(t *testing.T) {
	t.Parallel()
	now := time.Now()
	asked := 0
	p := &paced{now: func() time.Time { return now }, next: roundTrip(func(*http.Request) (*http.Response, error) { asked++; return nil, nil })} //nolint:nilnil // a test's
	ask := func(r *http.Request) { _, _ = p.RoundTrip(r) }
	for range 10 {
		ask(&http.Request{})
	}
	require.Equal(t, 1, asked)
	ask(&http.Request{Response: &http.Response{}})
	require.Equal(t, 2, asked, "where the request was sent on to")
	now = now.Add(keysPause)
	ask(&http.Request{})
	require.Equal(t, 3, asked)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAnswersAreCutOff(t *testing.T) {
	t.Parallel()
	now := time.Now()
	i, p := memory(t, &now), oidc.New(t)
	p.Behave(oidc.Behaviour{Padding: maxAnswer})
	_, err := i.Discover(t.Context(), "a", p.URL, "")
	require.ErrorIs(t, err, egress.ErrTooLarge)
	require.Equal(t, "it cannot be fetched", Tell(err))
	p.Behave(oidc.Behaviour{})
	_, err = i.Discover(t.Context(), "a", p.URL, "")
	require.NoError(t, err, "a failure is not remembered")
}
