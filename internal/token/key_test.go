package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/token"
)

var algorithms = []string{token.ES256, token.RS256, token.HS256, token.EdDSA}

func generate(t testing.TB, id, algorithm string) token.Key {
	t.Helper()
	key, err := token.Generate(id, algorithm)
	require.NoError(t, err)
	return key
}

// publicOf is a pair's public half, as DER and as PEM.
func publicOf(t *testing.T, k token.Key) (der, text []byte) {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.Private.(crypto.Signer).Public())
	require.NoError(t, err)
	return der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestKeysOfEveryAlgorithm(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			key, stranger := generate(t, "k1", algorithm), generate(t, "k1", algorithm)
			stored, err := key.MarshalPrivate()
			require.NoError(t, err)
			again, err := token.ParseKey("k1", algorithm, stored)
			require.NoError(t, err)
			signed, err := again.Sign(map[string]any{"sub": "u"})
			require.NoError(t, err)
			got, err := token.NewVerifier([]token.Key{key}, nil).Verify(signed, now)
			require.NoError(t, err)
			require.Equal(t, "u", got.Subject)
			require.Equal(t, "k1", got.KeyID)
			_, err = token.NewVerifier([]token.Key{stranger}, nil).Verify(signed, now)
			require.ErrorIs(t, err, token.ErrSignature)
			_, err = token.NewVerifier(nil, []byte("a legacy secret")).Verify(signed, now)
			require.ErrorIs(t, err, token.ErrKey)
			for _, other := range algorithms {
				if other != algorithm {
					_, err = token.ParseKey("k1", other, stored)
					require.Equal(t, other == token.HS256, err == nil, "any bytes may be an HS256 secret: %v", err)
				}
			}
			require.Equal(t, "k1 k1 k1", fmt.Sprintf("%v %+v %#v", key, key, key), "a key prints as its id")
			require.Equal(t, "k1", slog.AnyValue(key).Resolve().String())
		})
	}
}

func TestTheKeyPinsTheAlgorithm(t *testing.T) {
	t.Parallel()
	var keys []token.Key
	for _, algorithm := range algorithms {
		keys = append(keys, generate(t, algorithm, algorithm))
	}
	legacy := []byte("the legacy secret of the project")
	verifier := token.NewVerifier(keys, legacy)
	e := base64.RawURLEncoding.EncodeToString
	for _, key := range keys {
		good, err := key.Sign(map[string]any{"sub": "u"})
		require.NoError(t, err)
		_, err = verifier.Verify(good, now)
		require.NoError(t, err)
		rest := good[strings.IndexByte(good, '.'):]
		for _, claimed := range append(algorithms, "none", "RS512", "PS256", "HS512", "ES256K", "") {
			if claimed == key.Algorithm {
				continue
			}
			_, err = verifier.Verify(e([]byte(`{"alg":"`+claimed+`","kid":"`+key.ID+`"}`))+rest, now)
			require.Error(t, err, "%s as %s", key.Algorithm, claimed)
		}
		_, err = verifier.Verify(e([]byte(`{"alg":"`+key.Algorithm+`"}`))+rest, now)
		require.Error(t, err, "without a kid it is the legacy secret's")
	}
	// A public key is no secret.
	for _, key := range keys {
		if key.Algorithm == token.HS256 {
			continue
		}
		der, text := publicOf(t, key)
		set, err := token.JWKS([]token.Key{key})
		require.NoError(t, err)
		for _, secret := range [][]byte{der, text, set} {
			forged, err := token.Key{ID: key.ID, Algorithm: token.HS256, Private: secret}.Sign(map[string]any{"role": "service_role"})
			require.NoError(t, err)
			_, err = verifier.Verify(forged, now)
			require.ErrorIs(t, err, token.ErrAlgorithm)
		}
	}
	// The legacy secret signs under no kid, and an HS256 key not without its own.
	for _, kid := range []string{token.HS256, token.ES256, "unknown", "../../dev/null", "' or '1'='1"} {
		forged, err := token.Key{ID: kid, Algorithm: token.HS256, Private: legacy}.Sign(map[string]any{"role": "service_role"})
		require.NoError(t, err)
		_, err = verifier.Verify(forged, now)
		require.Error(t, err, kid)
	}
	signed, err := token.SignLegacy(keys[2].Private.([]byte), map[string]any{"role": "service_role"})
	require.NoError(t, err)
	_, err = verifier.Verify(signed, now)
	require.ErrorIs(t, err, token.ErrSignature)
}

func TestWeakAndForeignKeysAreRefused(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	for algorithm, private := range map[string]any{token.RS256: small, token.ES256: curve} {
		der, err := x509.MarshalPKCS8PrivateKey(private)
		require.NoError(t, err)
		_, err = token.ParseKey("k1", algorithm, der)
		require.Error(t, err)
	}
	_, err = token.ParseKey("k1", token.HS256, make([]byte, 31))
	require.Error(t, err)
	_, err = token.ParseKey("k1", token.ES256, []byte("no key"))
	require.Error(t, err)
	stored, err := newKey(t, "k1").MarshalPrivate()
	require.NoError(t, err)
	_, err = token.ParseKey("", token.ES256, stored)
	require.Error(t, err, "without an id no token could name it")
	for _, algorithm := range []string{"", "none", "HS512", "es256"} {
		_, err = token.Generate("k1", algorithm)
		require.Error(t, err)
	}
}

func TestJWKSHoldsPublicHalvesOnly(t *testing.T) {
	t.Parallel()
	var keys []token.Key
	for _, algorithm := range algorithms {
		keys = append(keys, generate(t, "id of "+algorithm, algorithm))
	}
	raw, err := token.JWKS(keys)
	require.NoError(t, err)
	var set struct{ Keys []map[string]any }
	require.NoError(t, json.Unmarshal(raw, &set))
	members := map[string][]string{
		token.ES256: {"kty", "crv", "x", "y"}, token.RS256: {"kty", "n", "e"}, token.EdDSA: {"kty", "crv", "x"},
	}
	require.Len(t, set.Keys, len(members), "HS256 keys never appear")
	for _, k := range set.Keys {
		algorithm := k["alg"].(string)
		require.Equal(t, "id of "+algorithm, k["kid"])
		require.Equal(t, "sig", k["use"])
		require.Equal(t, []any{"verify"}, k["key_ops"])
		names := make([]string, 0, len(k))
		for name := range k {
			names = append(names, name)
		}
		require.ElementsMatch(t, append(members[algorithm], "kid", "alg", "use", "key_ops"), names)
	}
	raw, err = token.JWKS(nil)
	require.NoError(t, err)
	require.JSONEq(t, `{"keys":[]}`, string(raw))
}

func BenchmarkVerifyByAlgorithm(b *testing.B) {
	for _, algorithm := range algorithms {
		b.Run(algorithm, func(b *testing.B) {
			key := generate(b, "k1", algorithm)
			signed, err := key.Sign(map[string]any{"sub": "u", "role": "authenticated"})
			require.NoError(b, err)
			verifier := token.NewVerifier([]token.Key{key}, nil)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = verifier.Verify(signed, now)
			}
		})
	}
}
