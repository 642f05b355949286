package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/token"
)

// claimsOf reads a token without looking at its signature, as attackers do.
func claimsOf(t testing.TB, compact string) (out object) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

func part(v any) string {
	raw, _ := json.Marshal(v) // strings, numbers and lists
	return base64.RawURLEncoding.EncodeToString(raw)
}

// forge makes a JWT of a header and claims.
func forge(header, claims object, sign func(input string) []byte) string {
	input := part(header) + "." + part(claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
}

func unsigned(string) []byte { return nil }

func hs256(secret []byte) func(string) []byte {
	return func(input string) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		return mac.Sum(nil)
	}
}

func es256(key *ecdsa.PrivateKey) func(string) []byte {
	return func(input string) []byte {
		sum := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			return nil
		}
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out
	}
}

func (s *scene) ownKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(s, err)
	return key
}

// bearing shows a forged token wherever tokens are looked at: the user, their change, the admin API, and REST.
func (s *scene) bearing(forged string) {
	s.Helper()
	s.refused(ask{path: "/auth/v1/user", bearer: forged}, 403, "bad_jwt")
	s.refused(ask{method: "PUT", path: "/auth/v1/user", bearer: forged, body: object{"data": object{"owned": true}}}, 403, "bad_jwt")
	s.refused(ask{path: "/auth/v1/admin/users", bearer: forged}, 403, "bad_jwt")
}

// published is the victim's public key, as everyone can read it.
func (s *scene) published() (kid string, jwk, pemText []byte) {
	s.Helper()
	out := s.must(200, ask{path: "/auth/v1/.well-known/jwks.json"})
	var set struct{ Keys []json.RawMessage }
	require.NoError(s, json.Unmarshal([]byte(out.text), &set))
	var key struct{ Kid string }
	require.NoError(s, json.Unmarshal(set.Keys[0], &key))
	der, err := x509.MarshalPKIXPublicKey(s.victim.SigningKey.Private.(*ecdsa.PrivateKey).Public())
	require.NoError(s, err)
	return key.Kid, set.Keys[0], pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// forgery is an attack by a token for a user who exists, with claims that are all right but for what the row changes.
func forgery(group, name string, build func(s *scene, claims object, kid string) string) attack {
	return attack{group, name, func(s *scene) {
		u := s.person()
		kid, _, _ := s.published()
		s.bearing(build(s, claimsOf(s, u.access), kid))
		service := claimsOf(s, u.access)
		service["role"] = "service_role"
		s.bearing(build(s, service, kid))
		s.works(u)
	}}
}

func algorithmAttacks() []attack {
	const group = "algorithm confusion"
	row := func(name string, build func(s *scene, claims object, kid string) string) attack {
		return forgery(group, name, build)
	}
	return []attack{
		row("the algorithm none", func(_ *scene, c object, _ string) string { return forge(object{"alg": "none"}, c, unsigned) }),
		row("the algorithm nOnE, with the victim's kid", func(_ *scene, c object, kid string) string {
			return forge(object{"alg": "nOnE", "kid": kid}, c, unsigned)
		}),
		row("HS256 with the published JWK as the secret", func(s *scene, c object, kid string) string {
			_, jwk, _ := s.published()
			return forge(object{"alg": "HS256", "kid": kid}, c, hs256(jwk))
		}),
		row("HS256 with the public key in PEM as the secret", func(s *scene, c object, kid string) string {
			_, _, text := s.published()
			return forge(object{"alg": "HS256", "kid": kid}, c, hs256(text))
		}),
		row("HS256 with the public key as the legacy secret, without a kid", func(s *scene, c object, _ string) string {
			_, _, text := s.published()
			return forge(object{"alg": "HS256"}, c, hs256(text))
		}),
		row("HS256 with an empty secret", func(_ *scene, c object, _ string) string { return forge(object{"alg": "HS256"}, c, hs256(nil)) }),
		row("RS256 under the kid of an ES256 key", func(s *scene, c object, kid string) string {
			return forge(object{"alg": "RS256", "kid": kid}, c, es256(s.ownKey()))
		}),
		row("EdDSA under the kid of an ES256 key", func(_ *scene, c object, kid string) string {
			return forge(object{"alg": "EdDSA", "kid": kid}, c, func(string) []byte { return make([]byte, 64) })
		}),
		row("a signature of zeros", func(_ *scene, c object, kid string) string {
			return forge(object{"alg": "ES256", "kid": kid}, c, func(string) []byte { return make([]byte, 64) })
		}),
		row("other claims under a signature of the project's", func(s *scene, c object, _ string) string {
			parts := strings.Split(s.person().access, ".")
			return parts[0] + "." + part(c) + "." + parts[2]
		}),
		row("a signature that is cut off", func(s *scene, c object, kid string) string {
			return part(object{"alg": "ES256", "kid": kid}) + "." + part(c) + "."
		}),
		row("two signatures in one, as JSON", func(s *scene, c object, kid string) string {
			good := strings.Split(s.person().access, ".")
			raw, _ := json.Marshal(object{"payload": part(c), "signatures": []object{{"protected": good[0], "signature": good[2]}, {"protected": part(object{"alg": "none"}), "signature": ""}}})
			return base64.RawURLEncoding.EncodeToString(raw)
		}),
		row("five parts, as of an encrypted token", func(_ *scene, c object, kid string) string {
			return part(object{"alg": "dir", "enc": "A256GCM", "kid": kid}) + ".." + part("iv") + "." + part(c) + "." + part("tag")
		}),
	}
}

func keyAttacks() []attack {
	const group = "kid injection"
	named := func(name string, kid any, secret []byte) attack {
		return forgery(group, name, func(_ *scene, c object, _ string) string {
			return forge(object{"alg": "HS256", "kid": kid}, c, hs256(secret))
		})
	}
	return []attack{
		named("a kid that is a path to an empty file", "../../../../dev/null", nil),
		named("a kid that is SQL", "x' union select 'secret'--", []byte("secret")),
		named("a kid that is an address", "https://evil.example/key", []byte("key")),
		named("a kid that is empty", "", []byte("x")),
		named("a kid with NUL", "a\x00b", []byte("x")),
		named("a kid that is no text", []string{"a"}, []byte("x")),
		forgery(group, "the kid of the neighbour's key, which signs", func(s *scene, c object, _ string) string {
			signed, err := s.neighbour.SigningKey.Sign(c)
			require.NoError(s, err)
			return signed
		}),
		forgery(group, "the victim's kid over a key of one's own", func(s *scene, c object, kid string) string {
			return forge(object{"alg": "ES256", "kid": kid}, c, es256(s.ownKey()))
		}),
		forgery(group, "a key of one's own in the header (jwk)", func(s *scene, c object, kid string) string {
			key, err := token.NewKey(kid)
			require.NoError(s, err)
			set, err := token.JWKS([]token.Key{key})
			require.NoError(s, err)
			var parsed struct{ Keys []any }
			require.NoError(s, json.Unmarshal(set, &parsed))
			return forge(object{"alg": "ES256", "kid": kid, "jwk": parsed.Keys[0]}, c, es256(key.Private.(*ecdsa.PrivateKey)))
		}),
		forgery(group, "addresses of one's own keys in the header (jku, x5u)", func(s *scene, c object, kid string) string {
			return forge(object{"alg": "ES256", "kid": kid, "jku": s.in.inside.url + "/keys", "x5u": s.in.inside.url + "/chain"}, c, es256(s.ownKey()))
		}),
		forgery(group, "an extension that must be understood (crit)", func(s *scene, c object, kid string) string {
			return forge(object{"alg": "ES256", "kid": kid, "crit": []string{"exp"}}, c, es256(s.victim.SigningKey.Private.(*ecdsa.PrivateKey)))
		}),
	}
}

// signed is an attack by a token that the project's own key signed, as if the attacker could have one made, with claims changed; nil takes one out.
func signed(name, code string, change object) attack {
	return attack{"expired and future tokens", name, func(s *scene) {
		u := s.person()
		claims := claimsOf(s, u.access)
		for key, value := range change {
			if at, ok := value.(time.Duration); ok {
				value = time.Now().Add(at).Unix()
			}
			if claims[key] = value; value == nil {
				delete(claims, key)
			}
		}
		made, err := s.victim.SigningKey.Sign(claims)
		require.NoError(s, err)
		s.refused(ask{path: "/auth/v1/user", bearer: made}, 403, code)
		s.refused(ask{method: "PUT", path: "/auth/v1/user", bearer: made, body: object{"password": "the attacker's"}}, 403, code)
		s.works(u)
	}}
}

func timeAttacks() []attack {
	const group = "expired and future tokens"
	return []attack{
		signed("a token that has expired", "bad_jwt", object{"exp": -time.Second * 61}),
		{group, "a token whose end was taken out, or put off, under its old signature", func(s *scene) {
			u := s.person()
			parts := strings.Split(u.access, ".")
			for _, end := range []any{nil, time.Now().AddDate(1, 0, 0).Unix()} {
				claims := claimsOf(s, u.access)
				if claims["exp"] = end; end == nil {
					delete(claims, "exp")
				}
				s.bearing(parts[0] + "." + part(claims) + "." + parts[2])
			}
			s.works(u)
		}},
		signed("an end that is a text", "bad_jwt", object{"exp": "9999999999"}),
		signed("a token issued in the future", "bad_jwt", object{"iat": time.Hour}),
		signed("a token that is good from tomorrow", "bad_jwt", object{"nbf": 24 * time.Hour}),
		signed("a token for another audience", "bad_jwt", object{"aud": "another-app", "role": nil}),
		signed("a token of a session that never was", "session_not_found", object{"session_id": uuid.NewString()}),
		signed("a token without a user", "bad_jwt", object{"sub": nil}),
		signed("a token of a user that never was", "user_not_found", object{"sub": uuid.NewString()}),
		signed("a token whose user is no UUID", "bad_jwt", object{"sub": "' or true--"}),
		{group, "one's own session under another user's name", func(s *scene) {
			u, mallory := s.person(), s.person()
			claims := claimsOf(s, mallory.access)
			claims["sub"] = u.id
			made, err := s.victim.SigningKey.Sign(claims)
			require.NoError(s, err)
			s.refused(ask{path: "/auth/v1/user", bearer: made}, 403, "session_not_found")
		}},
		stopped("who signed out", func(s *scene, u *person) { s.must(204, ask{method: "POST", path: "/auth/v1/logout", bearer: u.access}) }),
		stopped("who signed out everywhere, on another device", func(s *scene, u *person) {
			other := *u
			s.signIn(&other)
			s.must(204, ask{method: "POST", path: "/auth/v1/logout?scope=global", bearer: other.access})
		}),
		stopped("who was banned", func(s *scene, u *person) { s.must(200, s.admin("PUT", "/users/"+u.id, object{"ban_duration": "24h"})) }),
		stopped("who was deleted", func(s *scene, u *person) { s.must(200, s.admin("DELETE", "/users/"+u.id, nil)) }),
		stopped("who was deleted softly", func(s *scene, u *person) {
			s.must(200, s.admin("DELETE", "/users/"+u.id, object{"should_soft_delete": true}))
		}),
		{group, "the access token that a password reset was to shut out", func(s *scene) {
			u := s.person()
			thief := *u
			s.signIn(u)
			s.must(200, ask{method: "PUT", path: "/auth/v1/user", bearer: u.access, body: object{"password": "a new and better one"}})
			s.ends(&thief)
		}},
	}
}

// stopped is an attack by what a user had before something happened to them: their access token, at REST too, and their refresh token.
func stopped(who string, happens func(s *scene, u *person)) attack {
	return attack{"expired and future tokens", "the tokens of " + who, func(s *scene) {
		u := s.person()
		s.must(200, ask{path: "/rest/v1/", bearer: u.access, key: s.victim.keys.Secret})
		happens(s, u)
		s.ends(u)
	}}
}

// ends requires that tokens are refused within two seconds, everywhere.
func (s *scene) ends(u *person) {
	s.Helper()
	require.Eventually(s, func() bool {
		out := s.do(ask{path: "/rest/v1/", bearer: u.access})
		return out.status == 401 && out.code() == "PGRST301"
	}, 2*time.Second, 20*time.Millisecond, "REST takes the token still")
	out := s.do(ask{path: "/auth/v1/user", bearer: u.access})
	s.refused(ask{path: "/auth/v1/user", bearer: u.access}, 403, out.code())
	require.Contains(s, []string{"session_not_found", "user_not_found", "user_banned"}, out.code())
	again := s.do(s.post("/token?grant_type=refresh_token", object{"refresh_token": u.refresh}))
	s.refused(s.post("/token?grant_type=refresh_token", object{"refresh_token": u.refresh}), 400, again.code())
	require.Contains(s, []string{"refresh_token_not_found", "user_banned", "refresh_token_already_used"}, again.code())
}
