package gateway

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/token"
)

const (
	rest    = "/rest/v1/notes"
	authAPI = "/auth/v1/token"
	storage = "/storage/v1/object/a"
	meta    = "/meta/v1/tables"
)

// access is one row: what is shown on a path, and who that makes the caller, or how it is refused.
type accessCase struct {
	name, path, apikey, query, bearer string
	role, subject                     string
	status                            int
	code                              string
}

func (c accessCase) run(t *testing.T, b *bundle, s *sample) {
	t.Helper()
	q := request{host: s.project.Ref + ".example.test", path: c.path, header: map[string]string{}}
	if c.apikey != "" {
		q.header["apikey"] = c.apikey
	}
	if c.query != "" {
		q.path += "?a=eq.1&apikey=" + url.QueryEscape(c.query) + "&b=2"
	}
	if c.bearer != "" {
		q.header["Authorization"] = "Bearer " + c.bearer
	}
	got := b.do(t, q)
	if c.status != 0 {
		require.Equal(t, c.status, got.status, got.body)
		require.Contains(t, got.body, c.code)
		require.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"), "browsers must be able to read refusals")
		return
	}
	seen := got.seen(t)
	require.Equal(t, c.role, seen.Role)
	require.Equal(t, c.subject, seen.Subject)
	require.NotContains(t, seen.Query, "apikey")
	if c.query != "" {
		require.Equal(t, "a=eq.1&b=2", seen.Query)
	}
}

func TestKeysAndBearersByRoute(t *testing.T) {
	t.Parallel()
	s, other := newSample(t, nil), newSample(t, nil)
	b := setup(t, nil, s, other)
	unknown := id.NewSecret(id.PrefixSecret)
	expired := s.sign(t, map[string]any{"sub": "u", "role": roleAuthenticated, "exp": time.Now().Add(-time.Minute).Unix()})
	cases := slices.Concat(keyCases(t, s, other, unknown), bearerCases(t, s, other, expired), openCases(s, other, unknown, expired), metaCases(t, s, other))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, b, s)
			c.run(t, b, s) // from the memory of tokens the answer is the same
		})
	}
}

func keyCases(t *testing.T, s, other *sample, unknown string) []accessCase {
	own := func(claims map[string]any) string { return s.sign(t, claims) }
	return []accessCase{
		{name: "publishable key is anon", path: rest, apikey: s.publishable, role: roleAnon},
		{name: "secret key is service_role", path: rest, apikey: s.secret, role: roleService},
		{name: "legacy anon", path: rest, apikey: s.anon, role: roleAnon},
		{name: "legacy service_role", path: rest, apikey: s.service, role: roleService},
		{name: "key in the query", path: rest, query: s.publishable, role: roleAnon},
		{name: "legacy key in the query", path: rest, query: s.anon, role: roleAnon},
		{name: "the header's key counts before the query's", path: rest, apikey: s.publishable, query: s.secret, role: roleAnon},
		{name: "key as bearer alone", path: rest, bearer: s.publishable, role: roleAnon},
		{name: "secret key as bearer alone", path: rest, bearer: s.secret, role: roleService},
		{name: "legacy key as bearer alone", path: rest, bearer: s.anon, role: roleAnon},
		{name: "legacy service key as bearer alone", path: rest, bearer: s.service, role: roleService},
		{name: "the same key twice, as supabase-js sends it", path: rest, apikey: s.publishable, bearer: s.publishable, role: roleAnon},
		{name: "the same legacy key twice", path: rest, apikey: s.anon, bearer: s.anon, role: roleAnon},
		{name: "a bearer that is a key counts as that key", path: rest, apikey: s.publishable, bearer: s.secret, role: roleService},
		{name: "a legacy bearer with a publishable key", path: rest, apikey: s.publishable, bearer: s.service, role: roleService},
		{name: "user with publishable key", path: rest, apikey: s.publishable, bearer: s.user, role: roleAuthenticated, subject: s.userID},
		{name: "user with legacy key", path: rest, apikey: s.anon, bearer: s.user, role: roleAuthenticated, subject: s.userID},
		{name: "user with secret key stays that user", path: rest, apikey: s.secret, bearer: s.user, role: roleAuthenticated, subject: s.userID},
		{name: "user of the legacy secret", path: rest, apikey: s.anon,
			bearer: s.signLegacy(t, map[string]any{"sub": "x", "role": roleAuthenticated}), role: roleAuthenticated, subject: "x"},

		{name: "nothing", path: rest, status: 401, code: `"API_KEY_MISSING"`},
		{name: "user without key", path: rest, bearer: s.user, status: 401, code: `"API_KEY_MISSING"`},
		{name: "unknown key", path: rest, apikey: unknown, status: 401, code: `"API_KEY_INVALID"`},
		{name: "unknown key in the query", path: rest, query: unknown, status: 401, code: `"API_KEY_INVALID"`},
		{name: "unknown key as bearer", path: rest, apikey: s.publishable, bearer: unknown, status: 401, code: `"API_KEY_INVALID"`},
		{name: "expired key", path: rest, apikey: s.expired, status: 401, code: `"API_KEY_EXPIRED"`},
		{name: "key of another project", path: rest, apikey: other.publishable, status: 401, code: `"API_KEY_INVALID"`},
		{name: "legacy key of another project", path: rest, apikey: other.service, status: 401, code: `"API_KEY_INVALID"`},
		{name: "user token as key", path: rest, apikey: s.user, status: 401, code: `"API_KEY_INVALID"`},
		{name: "developer token as key", path: rest, apikey: s.developer, status: 401, code: `"API_KEY_INVALID"`},
		{name: "service_role of the project's own key is no key", path: rest, apikey: own(map[string]any{"role": roleService}), status: 401, code: `"API_KEY_INVALID"`},
		{name: "key with another's", path: rest, apikey: s.publishable, bearer: other.publishable, status: 401, code: `"API_KEY_INVALID"`},
		{name: "garbage key", path: rest, apikey: "garbage", status: 401, code: `"API_KEY_INVALID"`},
	}
}

func bearerCases(t *testing.T, s, other *sample, expired string) []accessCase {
	own := func(claims map[string]any) string { return s.sign(t, claims) }
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + strings.Split(s.user, ".")[1] + "."
	confused, err := token.SignLegacy([]byte(s.signing.ID), map[string]any{"role": roleService})
	require.NoError(t, err)
	return []accessCase{
		{name: "user of another project", path: rest, apikey: s.publishable, bearer: other.user, status: 401, code: `"PGRST301"`},
		{name: "legacy token of another project", path: rest, apikey: s.publishable, bearer: other.service, status: 401, code: `"PGRST301"`},
		{name: "expired bearer", path: rest, apikey: s.publishable, bearer: expired, status: 401,
			code: `{"code":"PGRST303","details":null,"hint":null,"message":"JWT expired"}`},
		{name: "expired bearer with a secret key", path: rest, apikey: s.secret, bearer: expired, status: 401, code: "JWT expired"},
		{name: "bearer without signature", path: rest, apikey: s.publishable, bearer: none, status: 401, code: `"PGRST301"`},
		{name: "bearer with a public value for a secret", path: rest, apikey: s.publishable, bearer: confused, status: 401, code: `"PGRST301"`},
		{name: "bearer cut off", path: rest, apikey: s.publishable, bearer: s.user[:len(s.user)-5], status: 401, code: `"PGRST301"`},
		{name: "garbage bearer", path: rest, apikey: s.publishable, bearer: "undefined", status: 401, code: `"PGRST301"`},
		{name: "bearer of a database role", path: rest, apikey: s.publishable, bearer: own(map[string]any{"role": "postgres"}), status: 401, code: "role"},
		{name: "bearer without a role", path: rest, apikey: s.publishable, bearer: own(map[string]any{"sub": "u"}), role: roleAnon, subject: "u"},
		{name: "bearer with an empty role", path: rest, apikey: s.secret, bearer: own(map[string]any{"sub": "u", "role": ""}), role: roleAnon, subject: "u"},
		{name: "developer token elsewhere", path: rest, apikey: s.publishable, bearer: s.developer, status: 401, code: "role"},
		{name: "developer token of the legacy secret elsewhere", path: rest, apikey: s.publishable,
			bearer: s.signLegacy(t, map[string]any{"sub": "x", "role": roleDeveloper, "aud": audMeta}), status: 401, code: "role"},
	}
}

func openCases(s, other *sample, unknown, expired string) []accessCase {
	return []accessCase{
		{name: "auth needs a key", path: authAPI, status: 401, code: `"API_KEY_MISSING"`},
		{name: "auth with a key", path: authAPI, apikey: s.publishable, role: roleAnon},
		{name: "auth with a user", path: "/auth/v1/user", apikey: s.anon, bearer: s.user, role: roleAuthenticated, subject: s.userID},
		{name: "auth answers a bad bearer as GoTrue does", path: "/auth/v1/user", apikey: s.anon, bearer: expired, status: 403, code: `"error_code":"bad_jwt"`},
		{name: "verify is open", path: "/auth/v1/verify", role: roleAnon},
		{name: "callback is open", path: "/auth/v1/callback", role: roleAnon},
		{name: "callback of a provider is open", path: "/auth/v1/callback/x", role: roleAnon},
		{name: "authorize is open", path: "/auth/v1/authorize", role: roleAnon},
		{name: "SAML is open", path: "/auth/v1/sso/saml/acs", role: roleAnon},
		{name: "the rest of sso is not", path: "/auth/v1/sso", status: 401, code: `"API_KEY_MISSING"`},
		{name: "JWKS is open", path: "/auth/v1/.well-known/jwks.json", role: roleAnon},
		{name: "a longer name is not open", path: "/auth/v1/verifyx", status: 401, code: `"API_KEY_MISSING"`},
		{name: "dots do not open", path: "/auth/v1/verify/../token", status: 404, code: `"ROUTE_NOT_FOUND"`},
		{name: "escaped dots do not open", path: "/auth/v1/verify/%2e%2e/token", status: 404, code: `"ROUTE_NOT_FOUND"`},
		{name: "a bad key on an open route is refused", path: "/auth/v1/verify", apikey: unknown, status: 401, code: `"API_KEY_INVALID"`},

		{name: "storage without anything", path: storage, status: 401, code: `"API_KEY_MISSING"`},
		{name: "storage by bearer alone", path: storage, bearer: s.user, role: roleAuthenticated, subject: s.userID},
		{name: "storage by secret key as bearer", path: storage, bearer: s.secret, role: roleService},
		{name: "storage by key", path: storage, apikey: s.secret, role: roleService},
		{name: "storage with a bad bearer", path: storage, bearer: other.user, status: 401, code: `"TOKEN_INVALID"`},
		{name: "storage with an expired bearer", path: storage, bearer: expired, status: 401, code: `"TOKEN_EXPIRED"`},
	}
}

func metaCases(t *testing.T, s, other *sample) []accessCase {
	own := func(claims map[string]any) string { return s.sign(t, claims) }
	return []accessCase{
		{name: "meta by developer token", path: meta, bearer: s.developer, role: roleService, subject: s.userID},
		{name: "meta by developer token and key", path: meta, apikey: s.publishable, bearer: s.developer, role: roleService, subject: s.userID},
		{name: "meta by secret key", path: meta, apikey: s.secret, status: 401, code: `"DEVELOPER_TOKEN_REQUIRED"`},
		{name: "meta by secret key as bearer", path: meta, bearer: s.secret, status: 401, code: `"DEVELOPER_TOKEN_REQUIRED"`},
		{name: "meta by user", path: meta, apikey: s.secret, bearer: s.user, status: 401, code: `"DEVELOPER_TOKEN_REQUIRED"`},
		{name: "meta by legacy service_role", path: meta, bearer: s.service, status: 401, code: `"DEVELOPER_TOKEN_REQUIRED"`},
		{name: "meta by a developer token of the legacy secret", path: meta,
			bearer: s.signLegacy(t, map[string]any{"sub": "x", "role": roleDeveloper, "aud": audMeta}), status: 401, code: `"DEVELOPER_TOKEN_REQUIRED"`},
		{name: "meta by another audience", path: meta, bearer: own(map[string]any{"sub": "x", "role": roleDeveloper, "aud": "authenticated"}), status: 401, code: `"DEVELOPER_TOKEN_REQUIRED"`},
		{name: "meta by an audience's user", path: meta, bearer: own(map[string]any{"sub": "x", "role": roleAuthenticated, "aud": audMeta}), status: 401, code: `"DEVELOPER_TOKEN_REQUIRED"`},
		{name: "meta by nobody in particular", path: meta, bearer: own(map[string]any{"role": roleDeveloper, "aud": audMeta}), status: 401, code: `"DEVELOPER_TOKEN_REQUIRED"`},
		{name: "meta by another project's developer", path: meta, bearer: other.developer, status: 401, code: `"TOKEN_INVALID"`},
		{name: "meta by nothing", path: meta, status: 401, code: `"DEVELOPER_TOKEN_REQUIRED"`},

		{name: "no service", path: "/nothing/v1/x", apikey: s.secret, status: 404, code: `"ROUTE_NOT_FOUND"`},
		{name: "no service at a longer name", path: "/rest/v10", apikey: s.secret, status: 404, code: `"ROUTE_NOT_FOUND"`},
		{name: "no path", path: "/", status: 404, code: `"ROUTE_NOT_FOUND"`},
	}
}

func TestOtherSchemesAreForTheServices(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	b := setup(t, nil, s)
	for _, header := range []string{"Basic dXNlcjpwYXNz", "AWS4-HMAC-SHA256 Credential=x", "Bearer", "Bearer "} {
		got := b.do(t, request{host: s.project.Ref + ".example.test", path: rest, header: map[string]string{"apikey": s.publishable, "Authorization": header}})
		require.Equal(t, roleAnon, got.seen(t).Role, header)
	}
	got := b.do(t, request{host: s.project.Ref + ".example.test", path: rest, header: map[string]string{"apikey": s.publishable, "Authorization": "bEaReR " + s.user}})
	require.Equal(t, roleAuthenticated, got.seen(t).Role)
}

func TestTokensAreForgottenWithTheProjectsRevision(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	cache := newTokens()
	_, err := cache.verify(s.project, s.user, time.Now())
	require.NoError(t, err)
	_, err = cache.verify(s.project, s.user, time.Now().Add(2*time.Hour))
	require.ErrorIs(t, err, token.ErrExpired)
	rotated := *s.project
	rotated.Revision++
	rotated.Verifier = token.NewVerifier(nil, nil)
	_, err = cache.verify(&rotated, s.user, time.Now())
	require.ErrorIs(t, err, token.ErrKey)
	twin := *s.project
	twin.Ref = id.NewRef()
	twin.Verifier = token.NewVerifier(nil, nil)
	_, err = cache.verify(&twin, s.user, time.Now())
	require.ErrorIs(t, err, token.ErrKey)
}

func FuzzCutParameter(f *testing.F) {
	f.Add("a=1&apikey=x&b=2")
	f.Add("apikey=%zz&apikey=2&&")
	f.Fuzz(func(t *testing.T, query string) {
		_, rest := cutParameter(query, "apikey")
		for part := range strings.SplitSeq(rest, "&") {
			key, _, _ := strings.Cut(part, "=")
			require.NotEqual(t, "apikey", key)
		}
		_, again := cutParameter(rest, "apikey")
		require.Equal(t, rest, again)
	})
}
