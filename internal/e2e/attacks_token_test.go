package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/token"
)

// keyAttacks show the attacker's own credentials to the victim.
func keyAttacks() []attack {
	vault := func(name string, change func(s *scene, r *request), statuses ...int) attack {
		return byRequest(name, func(s *scene) request {
			r := readVault(s)
			change(s, &r)
			return r
		}, statuses...)
	}
	return []attack{
		vault("no key at all", func(*scene, *request) {}, 401),
		vault("one's publishable key at the victim's host", func(s *scene, r *request) { r.key = s.attacker.publishable }, 401),
		vault("one's secret key at the victim's host", func(s *scene, r *request) { r.key = s.attacker.secret }, 401),
		vault("one's secret key as a bearer token", func(s *scene, r *request) { r.bearer = s.attacker.secret }, 401),
		vault("one's secret key in the query", func(s *scene, r *request) { r.path += "&apikey=" + s.attacker.secret }, 401),
		vault("one's JWT anon", func(s *scene, r *request) { r.key = s.attacker.anon }, 401),
		vault("one's JWT service_role", func(s *scene, r *request) { r.key, r.bearer = s.attacker.serviceRole, s.attacker.serviceRole }, 401),
		vault("two of one's keys at once", func(s *scene, r *request) {
			r.key = s.attacker.secret
			r.headers = []string{"apikey: " + s.attacker.publishable}
		}, 400, 401),
		vault("one's user beside the victim's publishable key", func(s *scene, r *request) { r.key, r.bearer = s.victim.publishable, s.attackerUser }, 401),
		vault("one's user alone", func(s *scene, r *request) { r.bearer = s.attackerUser }, 401),
		vault("a console account's token", func(s *scene, r *request) { r.key, r.bearer = s.victim.publishable, s.attacker.owner.token }, 401),
		vault("the console's publishable key", func(s *scene, r *request) { r.key = s.in.platform.Key }, 401),
		vault("a guess at the workers' service token", func(s *scene, r *request) { r.bearer = "fluxbase" }, 401),
		byRequest("one's user at the victim's /auth/v1/user", func(s *scene) request {
			return request{host: s.hostOf(s.victim), path: "/auth/v1/user", key: s.victim.publishable, bearer: s.attackerUser}
		}, 401, 403),
		byRequest("one's refresh token at the victim", func(s *scene) request {
			return request{method: "POST", host: s.hostOf(s.victim), path: "/auth/v1/token?grant_type=refresh_token", key: s.victim.publishable,
				body: `{"refresh_token":"` + s.attackerRefresh + `"}`}
		}, 400),
		byRequest("one's password at the victim", func(s *scene) request {
			return request{method: "POST", host: s.hostOf(s.victim), path: "/auth/v1/token?grant_type=password", key: s.victim.publishable,
				body: `{"email":"mallory@example.com","password":"` + password + `"}`}
		}, 400),
		byRequest("one's developer token at the victim's /meta/v1", func(s *scene) request {
			return request{method: "POST", host: s.hostOf(s.victim), path: "/meta/v1/query", bearer: s.developer, body: `{"query":"select secret from vault"}`}
		}, 401, 403),
		byRequest("one's developer token at the victim's list of tables", func(s *scene) request {
			return request{host: s.hostOf(s.victim), path: "/meta/v1/tables", bearer: s.developer}
		}, 401, 403),
		byRequest("one's developer token at the victim's migrations", func(s *scene) request {
			return request{method: "POST", host: s.hostOf(s.victim), path: "/meta/v1/migrations", bearer: s.developer, body: `{"name":"planted","sql":"drop table vault"}`}
		}, 401, 403),
		byRequest("one's developer token at the victim's imports", func(s *scene) request {
			return request{method: "POST", host: s.hostOf(s.victim), path: "/meta/v1/import", bearer: s.developer, body: `{"schema":"public","table":"vault","columns":["secret"],"rows":[["planted"]]}`}
		}, 401, 403),
		byRequest("one's developer token at the victim's exports", func(s *scene) request {
			return request{method: "POST", host: s.hostOf(s.victim), path: "/meta/v1/export", bearer: s.developer, body: `{"query":"select secret from vault","format":"csv"}`}
		}, 401, 403),
		byRequest("one's developer token at the victim's failures", func(s *scene) request {
			return request{host: s.hostOf(s.victim), path: "/meta/v1/errors", bearer: s.developer}
		}, 401, 403),
		byRequest("one's developer token as a user of the victim", func(s *scene) request {
			r := readVault(s)
			r.key, r.bearer = s.victim.publishable, s.developer
			return r
		}, 401, 403),
		byRequest("one's developer token outside /meta/v1", func(s *scene) request {
			return request{path: "/rest/v1/own", key: s.attacker.publishable, bearer: s.developer}
		}, 401, 403),
		byRequest("a secret key at /meta/v1", func(s *scene) request {
			return request{method: "POST", path: "/meta/v1/query", key: s.attacker.secret, bearer: s.attacker.secret, body: `{"query":"select 1"}`}
		}, 401, 403),
	}
}

// forge makes a JWT of a header and claims, signed by sign.
func forge(header, claims map[string]any, sign func(input string) []byte) string {
	part := func(v any) string {
		raw, _ := json.Marshal(v) // maps of strings and numbers
		return base64.RawURLEncoding.EncodeToString(raw)
	}
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

func claimsOf(role string) map[string]any {
	return map[string]any{"role": role, "sub": "b8a3e0f2-6f0c-4c58-8a3b-0d5c1d7c4f11", "aud": "authenticated", "exp": time.Now().Add(time.Hour).Unix()}
}

// tokenAttacks forge tokens: for the victim, whose public keys all can read, and with the attacker's own legacy secret for roles
// that would lead out of its project.
func tokenAttacks() []attack {
	return append([]attack{
		forged("a token of the algorithm none", func(_ *testing.T, _ *scene, _ publicKey) string {
			return forge(map[string]any{"alg": "none", "typ": "JWT"}, claimsOf("service_role"), unsigned)
		}),
		forged("a token of the algorithm None with a signature", func(_ *testing.T, s *scene, _ publicKey) string {
			return forge(map[string]any{"alg": "None"}, claimsOf("service_role"), hs256([]byte(s.attacker.jwtSecret)))
		}),
		forged("HS256 with the public key as the secret", func(_ *testing.T, _ *scene, k publicKey) string {
			return forge(map[string]any{"alg": "HS256", "kid": k.Kid}, claimsOf("service_role"), hs256(k.raw))
		}),
		forged("HS256 with an empty secret", func(_ *testing.T, _ *scene, _ publicKey) string {
			return forge(map[string]any{"alg": "HS256"}, claimsOf("service_role"), hs256(nil))
		}),
		forged("HS256 with one's own secret", func(_ *testing.T, s *scene, _ publicKey) string {
			return forge(map[string]any{"alg": "HS256"}, claimsOf("service_role"), hs256([]byte(s.attacker.jwtSecret)))
		}),
		forged("ES256 with one's own key under the victim's kid", func(t *testing.T, _ *scene, k publicKey) string {
			return forge(map[string]any{"alg": "ES256", "kid": k.Kid}, claimsOf("service_role"), es256(newKey(t)))
		}),
		forged("ES256 with the key in the header", func(t *testing.T, _ *scene, k publicKey) string {
			key, err := token.NewKey(k.Kid)
			require.NoError(t, err)
			set, err := token.JWKS([]token.Key{key})
			require.NoError(t, err)
			var parsed struct {
				Keys []any `json:"keys"`
			}
			require.NoError(t, json.Unmarshal(set, &parsed))
			return forge(map[string]any{"alg": "ES256", "kid": k.Kid, "jwk": parsed.Keys[0]}, claimsOf("service_role"), es256(key.Private.(*ecdsa.PrivateKey)))
		}),
		forged("a kid that is a path", func(t *testing.T, _ *scene, _ publicKey) string {
			return forge(map[string]any{"alg": "ES256", "kid": "../../../dev/null"}, claimsOf("service_role"), es256(newKey(t)))
		}),
		forged("a kid that is SQL", func(t *testing.T, _ *scene, _ publicKey) string {
			return forge(map[string]any{"alg": "HS256", "kid": "' union select 'x"}, claimsOf("service_role"), hs256([]byte("x")))
		}),
		forged("a jku that names one's own keys", func(t *testing.T, s *scene, k publicKey) string {
			return forge(map[string]any{"alg": "ES256", "kid": k.Kid, "jku": s.attacker.pathURL + "/auth/v1/.well-known/jwks.json"}, claimsOf("service_role"), es256(newKey(t)))
		}),
		forged("ES256 with a signature of zeros", func(_ *testing.T, _ *scene, k publicKey) string {
			return forge(map[string]any{"alg": "ES256", "kid": k.Kid}, claimsOf("service_role"), func(string) []byte { return make([]byte, 64) })
		}),
		forged("one's own token with other claims under the old signature", func(_ *testing.T, s *scene, _ publicKey) string {
			parts := strings.Split(s.attackerUser, ".")
			raw, _ := json.Marshal(claimsOf("service_role"))
			return parts[0] + "." + base64.RawURLEncoding.EncodeToString(raw) + "." + parts[2]
		}),
		forged("an extension that must be understood", func(t *testing.T, _ *scene, k publicKey) string {
			return forge(map[string]any{"alg": "ES256", "kid": k.Kid, "crit": []string{"exp"}}, claimsOf("service_role"), es256(newKey(t)))
		}),
		forged("another algorithm than the kid's key has", func(_ *testing.T, _ *scene, k publicKey) string {
			return forge(map[string]any{"alg": "EdDSA", "kid": k.Kid}, claimsOf("service_role"), hs256(k.raw))
		}),
		byRequest("one's own token, issued tomorrow", func(s *scene) request {
			claims := claimsOf("service_role")
			claims["iat"] = time.Now().Add(time.Hour).Unix()
			return request{path: "/rest/v1/own", key: s.attacker.publishable, bearer: forge(map[string]any{"alg": "HS256"}, claims, hs256([]byte(s.attacker.jwtSecret)))}
		}, 401),
		byRequest("one's own token under the kid of one's signing key", func(s *scene) request {
			return request{path: "/rest/v1/own", key: s.attacker.publishable,
				bearer: forge(map[string]any{"alg": "HS256", "kid": kidOf(s.attackerUser)}, claimsOf("service_role"), hs256([]byte(s.attacker.jwtSecret)))}
		}, 401),
		byRequest("a developer token that the project's legacy secret signed", func(s *scene) request {
			claims := claimsOf("developer")
			claims["aud"] = "meta"
			return request{method: "POST", path: "/meta/v1/query", body: `{"query":"select 1"}`,
				bearer: forge(map[string]any{"alg": "HS256"}, claims, hs256([]byte(s.attacker.jwtSecret)))}
		}, 401, 403),
	}, roleAttacks()...)
}

// kidOf is the kid in a token's header.
func kidOf(token string) string {
	raw, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	var header struct{ Kid string }
	_ = json.Unmarshal(raw, &header) // a token that auth made
	return header.Kid
}

// roleAttacks name roles in tokens that the attacker signs rightly, for its own project.
func roleAttacks() []attack {
	var all []attack
	for _, role := range []string{"postgres", "{A}_admin", "{A}_owner", "{A}_authenticator", "{B}_owner", "{B}_authenticator", "{B}_service_role", "{B}_anon",
		"developer", "fluxbase_owner", "pg_read_all_data", "none", "service_role; set role postgres", `service_role" `, "SERVICE_ROLE"} {
		all = append(all, byRequest("one's own token with the role "+role, func(s *scene) request {
			return request{path: "/rest/v1/own", key: s.attacker.publishable,
				bearer: forge(map[string]any{"alg": "HS256"}, claimsOf(s.fill(role)), hs256([]byte(s.attacker.jwtSecret)))}
		}, 401, 403))
	}
	return all
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// publicKey is a key of the victim as it publishes it.
type publicKey struct {
	Kid, X, Y string
	raw       []byte
}

// forged shows a token to the victim's REST, beside its publishable key.
func forged(name string, build func(t *testing.T, s *scene, k publicKey) string) attack {
	return attack{name, func(t *testing.T, s *scene) string {
		got := s.send(t, request{host: s.hostOf(s.victim), path: "/auth/v1/.well-known/jwks.json"})
		require.Equal(t, http.StatusOK, got.status, got.body)
		var set struct{ Keys []json.RawMessage }
		require.NoError(t, json.Unmarshal([]byte(got.body), &set))
		var k publicKey
		require.NoError(t, json.Unmarshal(set.Keys[0], &k))
		k.raw = set.Keys[0]
		r := readVault(s)
		r.key, r.bearer = s.victim.publishable, build(t, s, k)
		with := s.turnedAway(t, r, 401)
		r.key, r.bearer = r.bearer, "" // and as a key
		return fmt.Sprint(with, ", ", s.turnedAway(t, r, 401))
	}}
}
