package standalone

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/internal/config"
)

const passphrase = "reallyreallyreallyreallyverysafe"

var now = time.Unix(1_800_000_000, 0)

func newTestVerifier(t *testing.T, change func(*Config)) *verifier {
	t.Helper()
	c, err := Load(Source{Environ: []string{"PGRST_JWT_SECRET=" + passphrase, "PGRST_DB_ANON_ROLE=anon"}})
	require.NoError(t, err)
	if change != nil {
		change(c)
	}
	v, err := newVerifier(c, func() time.Time { return now })
	require.NoError(t, err)
	return v
}

func sign(t *testing.T, claims string, options ...jws.SignOption) string {
	t.Helper()
	if len(options) == 0 {
		options = []jws.SignOption{jws.WithKey(jwa.HS256, []byte(passphrase))}
	}
	out, err := jws.Sign([]byte(claims), options...)
	require.NoError(t, err)
	return string(out)
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	v := newTestVerifier(t, nil)
	for _, c := range []struct{ header, role, claims string }{
		{"", "anon", `{"role":"anon"}`},
		{"Basic eDp5", "anon", `{"role":"anon"}`},
		{"Bearer " + sign(t, `{"role":"web","n":12345678901234567890,"s":"<&>"}`), "web", `{"n":12345678901234567890,"role":"web","s":"<&>"}`},
		{"bearer   " + sign(t, `{"id":1}`), "anon", `{"id":1,"role":"anon"}`},
		{"BEARER " + sign(t, `{"role":"web","exp":1799999970,"nbf":1800000030,"iat":1800000030}`), "web", `{"exp":1799999970,"iat":1800000030,"nbf":1800000030,"role":"web"}`},
	} {
		for range 2 { // the second from memory
			got, err := v.identify(c.header)
			require.NoError(t, err, c.header)
			require.Equal(t, c.role, got.role)
			require.Equal(t, c.claims, string(got.claims))
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	foreign := sign(t, `{}`, jws.WithKey(jwa.HS256, []byte(strings.Repeat("x", 32))))
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"role":"web"}`)) + "."
	for _, c := range []struct{ token, code, message string }{
		{"", "PGRST301", "Empty JWT is sent in Authorization header"},
		{"a.b", "PGRST301", "Expected 3 parts in JWT; got 2"},
		{"a.b.c.d", "PGRST301", "Expected 3 parts in JWT; got 4"},
		{"a.b.c", "PGRST301", "JWT couldn't be decoded"},
		{strings.Repeat("a", 40_000) + ".b.c", "PGRST301", "JWT couldn't be decoded"},
		{foreign, "PGRST301", "No suitable key or wrong key type"},
		{none, "PGRST301", "Wrong or unsupported encoding algorithm"},
		{sign(t, `{}`, jws.WithKey(jwa.HS512, []byte(passphrase))), "PGRST301", "No suitable key or wrong key type"},
		{sign(t, `[]`), "PGRST303", "Parsing claims failed"},
		{sign(t, `{"exp":1799999969}`), "PGRST303", "JWT expired"},
		{sign(t, `{"nbf":1800000031}`), "PGRST303", "JWT not yet valid"},
		{sign(t, `{"iat":1800000031}`), "PGRST303", "JWT issued at future"},
		{sign(t, `{"iat":"x"}`), "PGRST303", "The JWT 'iat' claim must be a number"},
		{sign(t, `{"aud":"other"}`), "PGRST303", "JWT not in audience"},
		{sign(t, `{"aud":["other","third"]}`), "PGRST303", "JWT not in audience"},
		{sign(t, `{"aud":1}`), "PGRST303", "The JWT 'aud' claim must be a string or an array of strings"},
		{sign(t, `{"aud":["me",1]}`), "PGRST303", "The JWT 'aud' claim must be a string or an array of strings"},
	} {
		v := newTestVerifier(t, func(c *Config) { c.Audience = "me" })
		for range 2 {
			_, err := v.identify("Bearer " + c.token)
			var refused *query.Error
			require.ErrorAs(t, err, &refused, c.message)
			require.Equal(t, c.code, refused.Code)
			require.Equal(t, c.message, refused.Message)
			require.Equal(t, 401, refused.Status)
			require.Equal(t, `Bearer error="invalid_token", error_description="`+c.message+`"`, refused.Header.Get("WWW-Authenticate"))
		}
	}
	var refused *query.Error
	_, err := newTestVerifier(t, nil).identify("Bearer " + sign(t, `{"aud":{}}`))
	require.ErrorAs(t, err, &refused, "of the right type even when nobody looks at it")
	_, err = newTestVerifier(t, nil).identify("Bearer " + foreign)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "None of the keys was able to decode the JWT", refused.Details)
	_, err = newTestVerifier(t, func(c *Config) { c.AnonRole = "" }).identify("")
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "PGRST302", refused.Code)
	require.Equal(t, "Bearer", refused.Header.Get("WWW-Authenticate"))
	_, err = newTestVerifier(t, func(c *Config) { c.JWTSecret = "" }).identify("Bearer a.b.c")
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 500, refused.Status)
	require.Equal(t, "PGRST300", refused.Code)
	_, err = newTestVerifier(t, nil).identify("Bearer " + sign(t, `{"role":"none"}`))
	require.ErrorAs(t, err, &refused, `"none" would be the login itself`)
}

func TestAudienceOfTokens(t *testing.T) {
	t.Parallel()
	v := newTestVerifier(t, func(c *Config) { c.Audience = "me" })
	for _, aud := range []string{`null`, `[]`, `"me"`, `["you","me"]`} {
		_, err := v.identify("Bearer " + sign(t, `{"aud":`+aud+`}`))
		require.NoError(t, err, aud)
	}
}

// TestKeySets checks that a token is only opened by the key that it names, with the algorithm that is that key's.
func TestKeySets(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	set := jwk.NewSet()
	for id, raw := range map[string]any{"ec": private.Public(), "oct": []byte(passphrase)} {
		key, err := jwk.FromRaw(raw)
		require.NoError(t, err)
		require.NoError(t, key.Set(jwk.KeyIDKey, id))
		require.NoError(t, set.AddKey(key))
	}
	text, err := json.Marshal(set)
	require.NoError(t, err)
	v := newTestVerifier(t, func(c *Config) { c.JWTSecret = config.Secret(text) })
	named := func(id string) jws.Headers {
		h := jws.NewHeaders()
		require.NoError(t, h.Set(jws.KeyIDKey, id))
		return h
	}
	for name, c := range map[string]struct {
		option jws.SignOption
		ok     bool
	}{
		"ec":          {jws.WithKey(jwa.ES256, private, jws.WithProtectedHeaders(named("ec"))), true},
		"ec, no id":   {jws.WithKey(jwa.ES256, private), true},
		"ec as other": {jws.WithKey(jwa.ES256, private, jws.WithProtectedHeaders(named("oct"))), false},
		"unknown id":  {jws.WithKey(jwa.ES256, private, jws.WithProtectedHeaders(named("x"))), false},
		"oct 512":     {jws.WithKey(jwa.HS512, []byte(passphrase)), true},
	} {
		_, err := v.identify("Bearer " + sign(t, `{"role":"web"}`, c.option))
		require.Equal(t, c.ok, err == nil, name)
	}
}

func TestBase64Secret(t *testing.T) {
	t.Parallel()
	v := newTestVerifier(t, func(c *Config) {
		c.JWTSecret, c.JWTBase64 = config.Secret(base64.StdEncoding.EncodeToString([]byte(passphrase))), true
	})
	_, err := v.identify("Bearer " + sign(t, `{}`))
	require.NoError(t, err)
}

func TestClaimPaths(t *testing.T) {
	t.Parallel()
	var claims map[string]any
	d := json.NewDecoder(strings.NewReader(`{"role":"web","a":{"roles":["other","author",7]},"https://x.com/role":{"key":"k"},"g":["/groupa","/groupb/"],
		"o":[{"n":"x","v":"1"},{"n":"y","v":"2"}],"empty":"","nothing":null,"yes":true}`))
	d.UseNumber()
	require.NoError(t, d.Decode(&claims))
	for path, want := range map[string]string{
		"$.role": "web", "$['role']": "web", "$.a.roles[1]": "author", "$.a.roles[-2]": "author", "$.a.roles[2]": "7", "$.a.roles[9]": "", "$['https://x.com/role'].key": "k",
		"$.a.roles[?(@ == 'author')]": "author", `$.a.roles[?@ != "other"]`: "author", "$.a.roles[?search(@, '^au')]": "author", "$.a.roles[1:]": "author",
		"$.o[?(@.n == 'y' && @.v)].v": "2", "$.o[?(@.n == 'z' || !(@.n == 'x'))].v": "2", "$..n": "x", "$.o[*].v": "1", "$.none.at": "", "$.empty": "", "$.nothing": "", "$.yes": "true",
		"$.a.roles[?(@ > 6)]": "7", "$ .role ": "web",
		".role": "web", ".a.roles[1]": "author", `."https://x.com/role".key`: "k", `.a.roles[?(@ == "author")]`: "author", `.a.roles[?(@ != "other")]`: "author",
		`.a.roles[?(@ ^== "aut")]`: "author", `.a.roles[?(@ ==^ "hor")]`: "author", `.a.roles[?(@ *== "utho")]`: "author", ".g[0][1:]": "groupa", ".g[1][1:-1]": "groupb", ".g[0][11:2]": "",
	} {
		p, err := parseClaimPath(path)
		require.NoError(t, err, path)
		got, ok := p.find(claims)
		require.Equal(t, want, got, path)
		require.Equal(t, want != "", ok, path)
	}
	for _, path := range []string{"", "role", "$.", "$.a[", "$.a[x]", "$.a b", "$.a[?(@ ^== 'x')]", "$.a[?search(@)]", "$.a[?search(@, '(')]", "$.a['x]", "$.a[?(@ == )]"} {
		_, err := parseClaimPath(path)
		require.ErrorContains(t, err, "failed to parse role-claim-key value", path)
	}
}

func FuzzClaimPath(f *testing.F) {
	f.Add("$.a[?(@.b == 'x' && search(@, 'y'))][1:2]..c")
	f.Add(`."a"[?(@ ^== "x")][:-1]`)
	f.Fuzz(func(t *testing.T, path string) {
		if p, err := parseClaimPath(path); err == nil {
			p.find(map[string]any{"a": []any{"x", json.Number("1"), map[string]any{"b": nil}}})
		}
	})
}

func FuzzIdentify(f *testing.F) {
	f.Add("Bearer a.b.c")
	c, err := Load(Source{Environ: []string{"PGRST_JWT_SECRET=" + passphrase, "PGRST_DB_ANON_ROLE=anon"}})
	require.NoError(f, err)
	v, err := newVerifier(c, nil)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, header string) {
		if who, err := v.identify(header); err == nil {
			require.Equal(t, "anon", who.role, "nobody can guess the secret")
		}
	})
}
