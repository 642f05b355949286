package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// raw is base64 as tokens have it.
func raw(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// signedBy is a token that is signed as whoever has the secret.
func signedBy(head, claims, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(head + "." + claims))
	return head + "." + claims + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// withToken is an attempt to read Vic's file by a token that is made of Mal's own.
func withToken(name string, forge func(t *testing.T, s *fileScene, token string) string) fileAttack {
	return fileAttack{"a signed URL whose token " + name, func(t *testing.T, s *fileScene) string {
		s.done(t, s.asMal(request{method: "POST", path: "/storage/v1/object/vault/{M}/mine.txt", kind: "text/plain", body: "mine", headers: []string{"x-upsert: true"}}))
		token := tokenOf(t, s.signed(t, s.asMal(request{}), "vault/{M}/mine.txt", 3600))
		return s.refused(t, request{host: s.hostOf(s.victim), path: "/storage/v1/object/sign/vault/{V}/secret.txt?token=" + forge(t, s, token)}, 400)
	}}
}

// tokenFileAttacks forge, change and reuse signed URLs.
func tokenFileAttacks() []fileAttack {
	victims := map[string]any{"url": "vault/{V}/secret.txt"}
	claims := func(t *testing.T, s *fileScene, token string) string {
		return changedClaims(t, token, map[string]any{"url": s.names(victims["url"].(string))})
	}
	return []fileAttack{
		withToken("is for another file", func(_ *testing.T, _ *fileScene, token string) string { return token }),
		withToken("was changed to name the file", func(t *testing.T, s *fileScene, token string) string {
			parts := strings.Split(token, ".")
			return parts[0] + "." + claims(t, s, token) + "." + parts[2]
		}),
		withToken("is signed by nobody (alg none)", func(t *testing.T, s *fileScene, token string) string {
			return raw(`{"alg":"none","typ":"JWT"}`) + "." + claims(t, s, token) + "."
		}),
		withToken("is signed with the publishable key", func(t *testing.T, s *fileScene, token string) string {
			return signedBy(strings.Split(token, ".")[0], claims(t, s, token), s.victim.publishable)
		}),
		withToken("is signed with nothing", func(t *testing.T, s *fileScene, token string) string {
			return signedBy(strings.Split(token, ".")[0], claims(t, s, token), "")
		}),
		withToken("is signed with another project's JWT secret", func(t *testing.T, s *fileScene, token string) string {
			return signedBy(raw(`{"alg":"HS256","typ":"JWT"}`), claims(t, s, token), s.attacker.jwtSecret)
		}),
		withToken("names the key by a path (kid)", func(t *testing.T, s *fileScene, token string) string {
			return signedBy(raw(`{"alg":"HS256","typ":"JWT","kid":"../../../../dev/null"}`), claims(t, s, token), "")
		}),
		withToken("brings its own key (jwk)", func(t *testing.T, s *fileScene, token string) string {
			return signedBy(raw(`{"alg":"HS256","typ":"JWT","jwk":{"kty":"oct","k":"YQ"}}`), claims(t, s, token), "a")
		}),
		withToken("is another project's for the same file", func(t *testing.T, s *fileScene, _ string) string {
			s.done(t, request{method: "POST", path: "/storage/v1/object/vault/{V}/secret.txt", key: s.attacker.secret, kind: "text/plain", body: "x", headers: []string{"x-upsert: true"}})
			return tokenOf(t, s.signed(t, request{key: s.attacker.secret}, "vault/{V}/secret.txt", 3600))
		}),
		withToken("is a user's access token", func(_ *testing.T, s *fileScene, _ string) string { return s.malToken }),
		withToken("is another project's service role", func(_ *testing.T, s *fileScene, _ string) string { return s.attacker.serviceRole }),
		withToken("is there twice", func(_ *testing.T, s *fileScene, token string) string {
			return token + "&token=" + tokenFromURL(s.victimSigned) + "x"
		}),
		withToken("is for uploading", func(t *testing.T, s *fileScene, _ string) string {
			return s.uploadToken(t, s.asMal(request{}), "vault/{M}/upload.txt")
		}),
		withToken("is empty", func(*testing.T, *fileScene, string) string { return "" }),
		withToken("is a megabyte", func(*testing.T, *fileScene, string) string { return strings.Repeat("a", 20_000) }),
	}
}

func tokenFromURL(address string) string {
	return address[strings.Index(address, "token=")+len("token="):]
}

// usedTokenAttacks use tokens that are good for something else.
func usedTokenAttacks() []fileAttack {
	return []fileAttack{
		{"a signed URL after its time, as it was and with another time", func(t *testing.T, s *fileScene) string {
			address := s.signed(t, s.asVic(request{}), "vault/{V}/secret.txt", 1)
			token := tokenOf(t, address)
			var got answer
			require.Eventually(t, func() bool {
				got = s.request(t, request{host: s.hostOf(s.victim), path: "/storage/v1" + address})
				return got.status == http.StatusBadRequest
			}, waitFor, tick)
			require.NotContains(t, got.body, s.mark)
			parts := strings.Split(token, ".")
			longer := parts[0] + "." + changedClaims(t, token, map[string]any{"exp": 4_000_000_000}) + "." + parts[2]
			s.refused(t, request{host: s.hostOf(s.victim), path: "/storage/v1/object/sign/vault/{V}/secret.txt?token=" + longer}, 400)
			s.refused(t, request{host: s.hostOf(s.victim), path: "/storage/v1" + address, headers: []string{"Range: bytes=0-1", "If-None-Match: *"}}, 400)
			return fmt.Sprint(got.status, " ", got.code())
		}},
		{"a signed URL of a file at another bucket, and another way in", func(t *testing.T, s *fileScene) string {
			token := tokenFromURL(s.victimSigned)
			for _, path := range []string{"/object/sign/open/{V}/secret.txt", "/object/sign/vault/{V}/pic.png", "/render/image/sign/vault/{V}/secret.txt", "/object/sign/vault/{V}/secret.txt/..%2fpic.png", "/object/sign/VAULT/{V}/secret.txt"} {
				s.refused(t, request{host: s.hostOf(s.victim), path: "/storage/v1" + path + "?token=" + token}, 400, 404)
			}
			return "400"
		}},
		{"a signed URL's token as a bearer token", func(t *testing.T, s *fileScene) string {
			token := tokenFromURL(s.victimSigned)
			for _, path := range []string{"/storage/v1/object/vault/{V}/secret.txt", "/storage/v1/bucket", "/rest/v1/vault?select=*", "/auth/v1/user"} {
				s.refused(t, request{host: s.hostOf(s.victim), path: path, key: s.victim.publishable, bearer: token}, 401, 403)
				s.refused(t, request{host: s.hostOf(s.victim), path: path, key: token}, 401, 403)
			}
			return "401"
		}},
		{"a signed URL to write, delete or overwrite", func(t *testing.T, s *fileScene) string {
			for _, method := range []string{"PUT", "POST", "DELETE", "PATCH"} {
				got := s.request(t, request{host: s.hostOf(s.victim), method: method, path: "/storage/v1" + s.victimSigned, kind: "text/plain", body: "planted", headers: []string{"x-upsert: true"}})
				require.GreaterOrEqual(t, got.status, 400, got.body)
			}
			got := s.refused(t, request{host: s.hostOf(s.victim), method: "PUT", path: "/storage/v1/object/upload/sign/vault/{V}/secret.txt?token=" + tokenFromURL(s.victimSigned), kind: "text/plain", body: "planted"}, 400)
			return got
		}},
	}
}

// uploadTokenAttacks use tokens of uploads, and ask for tokens that are nobody's to have.
func uploadTokenAttacks() []fileAttack {
	return []fileAttack{
		{"an upload's token for another name, bucket, or to replace", func(t *testing.T, s *fileScene) string {
			token := s.uploadToken(t, s.asMal(request{}), "vault/{M}/once.txt")
			put := func(path string, headers ...string) string {
				return s.refused(t, request{host: s.hostOf(s.victim), method: "PUT", path: "/storage/v1/object/upload/sign/" + path + "?token=" + token, kind: "text/plain", body: "planted", headers: headers}, 400, 404)
			}
			put("vault/{V}/secret.txt")
			put("vault/{V}/secret.txt", "x-upsert: true")
			put("open/{M}/once.txt")
			put("vault/{M}/once.txt%2f..%2f..%2f{V}%2fsecret.txt")
			put("vault/{M}/other.txt")
			s.done(t, request{host: s.hostOf(s.victim), method: "PUT", path: "/storage/v1/object/upload/sign/vault/{M}/once.txt?token=" + token, kind: "text/plain", body: "once"})
			put("vault/{M}/once.txt")
			return put("vault/{M}/once.txt", "x-upsert: true")
		}},
		{"an upload's token for TUS: another file, to replace", func(t *testing.T, s *fileScene) string {
			token := s.uploadToken(t, s.asMal(request{}), "vault/{M}/tus-once.txt")
			begin := func(bucket, name string, headers ...string) string {
				return s.refused(t, request{host: s.hostOf(s.victim), method: "POST", path: "/storage/v1/upload/resumable/sign", headers: append([]string{"Tus-Resumable: 1.0.0", "Upload-Length: 5", "x-signature: " + token,
					"Upload-Metadata: bucketName " + b64(bucket) + ",objectName " + b64(s.names(name))}, headers...)}, 400, 409)
			}
			begin("vault", "{V}/secret.txt")
			begin("open", "{M}/tus-once.txt")
			return begin("vault", "{V}/secret.txt", "x-upsert: true")
		}},
		{"a token to upload over another's file", func(t *testing.T, s *fileScene) string {
			return s.refused(t, s.asMal(request{method: "POST", path: "/storage/v1/object/upload/sign/vault/{V}/secret.txt", body: "{}", headers: []string{"x-upsert: true"}}), 400)
		}},
		{"a signed URL of another's file", func(t *testing.T, s *fileScene) string {
			s.refused(t, s.asMal(request{method: "POST", path: "/storage/v1/object/sign/vault/{V}/secret.txt", body: `{"expiresIn":60}`}), 400)
			got := s.request(t, s.asMal(request{method: "POST", path: "/storage/v1/object/sign/vault", body: `{"expiresIn":60,"paths":["{V}/secret.txt"]}`}))
			require.Contains(t, got.body, `"signedURL":null`)
			s.refused(t, s.asMal(request{method: "POST", path: "/api/v1/storage/buckets/vault/sign", body: `{"name":"{V}/secret.txt","expires_in":60}`}), 404)
			return s.refused(t, s.asMal(request{method: "POST", path: "/storage/v1/object/sign/vault/{V}/pic.png", body: `{"expiresIn":60,"transform":{"width":10}}`}), 400)
		}},
		{"a signed URL that never ends, or ended long ago", func(t *testing.T, s *fileScene) string {
			for _, seconds := range []string{"0", "-1", "1e400", "9223372036854775807", `"60; drop"`, "null"} {
				s.refused(t, s.asVic(request{method: "POST", path: "/storage/v1/object/sign/vault/{V}/secret.txt", body: `{"expiresIn":` + seconds + `}`}), 400)
			}
			return "400 InvalidRequest"
		}},
	}
}

func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
