package token_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/token"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newKey(t testing.TB, id string) token.Key {
	t.Helper()
	key, err := token.NewKey(id)
	require.NoError(t, err)
	return key
}

func TestVerify(t *testing.T) {
	t.Parallel()
	key, stranger, secret := newKey(t, "k1"), newKey(t, "k1"), []byte("the legacy secret of the project")
	verifier := token.NewVerifier([]token.Key{key}, secret)
	sign := func(k token.Key, claims map[string]any) string {
		signed, err := k.Sign(claims)
		require.NoError(t, err)
		return signed
	}
	legacy := func(secret []byte, claims map[string]any) string {
		signed, err := token.SignLegacy(secret, claims)
		require.NoError(t, err)
		return signed
	}
	raw := func(header, payload, signature string) string {
		e := base64.RawURLEncoding.EncodeToString
		return e([]byte(header)) + "." + e([]byte(payload)) + "." + e([]byte(signature))
	}
	public, publicPEM := publicOf(t, key)
	good := sign(key, map[string]any{"sub": "u"})
	cut := strings.LastIndexByte(good, '.')

	cases := []struct {
		name, token string
		want        error
	}{
		{"of the project's key", good, nil},
		{"of the legacy secret", legacy(secret, map[string]any{"role": "anon"}), nil},
		{"that expires later", sign(key, map[string]any{"exp": now.Unix() + 1}), nil},
		{"that expires now", sign(key, map[string]any{"exp": now.Unix()}), token.ErrExpired},
		{"that begins within the leeway", sign(key, map[string]any{"nbf": now.Unix() + 29}), nil},
		{"that begins later", sign(key, map[string]any{"nbf": now.Unix() + 31}), token.ErrNotYet},
		{"of another key with the same id", sign(stranger, map[string]any{}), token.ErrSignature},
		{"of an unknown key", sign(newKey(t, "k2"), map[string]any{}), token.ErrKey},
		{"of another secret", legacy([]byte("some other secret that is long"), map[string]any{}), token.ErrSignature},
		{"with the public key as secret", legacy(publicPEM, map[string]any{}), token.ErrSignature},
		{"with the public key's DER as secret", legacy(public, map[string]any{}), token.ErrSignature},
		{"without algorithm", raw(`{"alg":"none"}`, `{"role":"service_role"}`, ""), token.ErrAlgorithm},
		{"with an algorithm that is not accepted", raw(`{"alg":"RS256","kid":"k1"}`, `{}`, "x"), token.ErrAlgorithm},
		{"with its own key in the header", raw(`{"alg":"ES256","jwk":{"kty":"EC"}}`, `{}`, "x"), token.ErrAlgorithm},
		{"that was issued within the leeway", sign(key, map[string]any{"iat": now.Unix() + 29}), nil},
		{"that was issued later", sign(key, map[string]any{"iat": now.Unix() + 31}), token.ErrFuture},
		{"that begins at no time that can be", sign(key, map[string]any{"nbf": 1e300}), token.ErrNotYet},
		{"that expired at no time that can be", sign(key, map[string]any{"exp": -1e300}), token.ErrExpired},
		{"of the algorithm None", raw(`{"alg":"None"}`, `{}`, "x"), token.ErrUnsigned},
		{"without an algorithm's name", raw(`{"kid":"k1"}`, `{}`, "x"), token.ErrMalformed},
		{"whose algorithm is a number", raw(`{"alg":1}`, `{}`, "x"), token.ErrMalformed},
		{"whose kid is a list", raw(`{"alg":"ES256","kid":["k1"]}`, `{}`, "x"), token.ErrMalformed},
		{"with an extension that must be understood", raw(`{"alg":"ES256","kid":"k1","crit":["exp"]}`, `{}`, "x"), token.ErrMalformed},
		{"whose payload is not encoded", raw(`{"alg":"ES256","kid":"k1","b64":false}`, `{}`, "x"), token.ErrMalformed},
		{"as JSON", `{"payload":"e30","signatures":[{"protected":"eyJhbGciOiJIUzI1NiJ9","signature":"x"}]}`, token.ErrMalformed},
		{"of four parts", good + ".x", token.ErrMalformed},
		{"with an audience that is a number", sign(key, map[string]any{"aud": 1}), token.ErrClaims},
		{"with an audience of numbers", sign(key, map[string]any{"aud": []int{1}}), token.ErrClaims},
		{"with an algorithm that no key has", raw(`{"alg":"PS256","kid":"k1"}`, `{}`, "x"), token.ErrAlgorithm},
		{"whose signature is cut off", good[:cut+1], token.ErrSignature},
		{"whose claims were changed", good[:strings.IndexByte(good, '.')] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"v"}`)) + good[cut:], token.ErrSignature},
		{"whose role is a number", sign(key, map[string]any{"role": 1}), token.ErrClaims},
		{"whose expiry is a string", sign(key, map[string]any{"exp": "never"}), token.ErrClaims},
		{"that is empty", "", token.ErrMalformed},
		{"that is no JWT", "a.b", token.ErrMalformed},
	}
	for _, c := range cases {
		t.Run("a token "+c.name, func(t *testing.T) {
			t.Parallel()
			got, err := verifier.Verify(c.token, now)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				require.Nil(t, got)
				return
			}
			require.NoError(t, err)
		})
	}
}

func TestVerifyWithoutLegacySecretRefusesHS256(t *testing.T) {
	t.Parallel()
	signed, err := token.SignLegacy([]byte("x"), map[string]any{"role": "service_role"})
	require.NoError(t, err)
	_, err = token.NewVerifier(nil, nil).Verify(signed, now)
	require.ErrorIs(t, err, token.ErrKey)
}

func TestVerifiedClaims(t *testing.T) {
	t.Parallel()
	key := newKey(t, "k1")
	signed, err := key.Sign(map[string]any{"sub": "u", "role": "authenticated", "session_id": "s", "aud": "authenticated", "exp": now.Unix() + 60})
	require.NoError(t, err)
	got, err := token.NewVerifier([]token.Key{key}, nil).Verify(signed, now)
	require.NoError(t, err)
	require.Equal(t, "u", got.Subject)
	require.Equal(t, "authenticated", got.Role)
	require.Equal(t, "s", got.SessionID)
	require.Equal(t, []string{"authenticated"}, got.Audience)
	require.Equal(t, "k1", got.KeyID)
	require.Equal(t, now.Unix()+60, got.Expires.Unix())
	require.Zero(t, got.IssuedAt)
	signed, err = key.Sign(map[string]any{"iat": float64(now.UnixMicro()) / 1e6, "aud": []string{"a", "b"}, "Role": "service_role", "SUB": "v"})
	require.NoError(t, err)
	got, err = token.NewVerifier([]token.Key{key}, nil).Verify(signed, now)
	require.NoError(t, err)
	require.Equal(t, now.UnixMicro(), got.IssuedAt.UnixMicro())
	require.Equal(t, []string{"a", "b"}, got.Audience)
	require.Empty(t, got.Role, "a claim counts by its exact name")
	require.Empty(t, got.Subject)
}

func FuzzVerify(f *testing.F) {
	key := newKey(f, "k1")
	good, err := key.Sign(map[string]any{"sub": "u"})
	require.NoError(f, err)
	f.Add(good)
	f.Add("a.b.c")
	f.Add(`eyJhbGciOiJub25lIn0.e30.`)
	verifier := token.NewVerifier([]token.Key{key}, []byte("a secret that nobody guesses"))
	f.Fuzz(func(t *testing.T, compact string) {
		got, err := verifier.Verify(compact, now)
		if (got == nil) == (err == nil) {
			t.Fatalf("%q: got %v and %v", compact, got, err)
		}
		if err == nil && got.Subject != "u" {
			t.Fatalf("%q verifies as somebody else", compact)
		}
	})
}
