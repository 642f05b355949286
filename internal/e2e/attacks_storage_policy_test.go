package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// policyFileAttacks are Mal's, who may do what the policies say and tries the rest in every way that there is.
func policyFileAttacks() []fileAttack {
	var all []fileAttack
	for _, c := range []struct {
		name, method, path, body string
		statuses                 []int
	}{
		{"read another's file", "GET", "/storage/v1/object/vault/{V}/secret.txt", "", []int{400}},
		{"read another's file by the older path", "GET", "/storage/v1/object/authenticated/vault/{V}/secret.txt", "", []int{400}},
		{"ask about another's file", "GET", "/storage/v1/object/info/vault/{V}/secret.txt", "", []int{400}},
		{"ask about another's file by HEAD", "HEAD", "/storage/v1/object/vault/{V}/secret.txt", "", []int{400}},
		{"an image of another's file", "GET", "/storage/v1/render/image/authenticated/vault/{V}/pic.png?width=10", "", []int{400}},
		{"read another's file by /api/v1", "GET", "/api/v1/storage/buckets/vault/objects/{V}/secret.txt", "", []int{404}},
		{"ask about another's file by /api/v1", "GET", "/api/v1/storage/buckets/vault/metadata/{V}/secret.txt", "", []int{404}},
		{"change what another's file says of itself", "PATCH", "/api/v1/storage/buckets/vault/metadata/{V}/secret.txt", `{"mime_type":"text/html"}`, []int{404}},
		{"upload over another's file", "POST", "/storage/v1/object/vault/{V}/secret.txt", "planted", []int{400}},
		{"update another's file", "PUT", "/storage/v1/object/vault/{V}/secret.txt", "planted", []int{400}},
		{"upload into another's folder", "POST", "/storage/v1/object/vault/{V}/new.txt", "planted", []int{400}},
		{"upload by /api/v1 over another's file", "PUT", "/api/v1/storage/buckets/vault/objects/{V}/secret.txt", "planted", []int{403}},
		{"copy another's file to oneself", "POST", "/storage/v1/object/copy", `{"bucketId":"vault","sourceKey":"{V}/secret.txt","destinationKey":"{M}/stolen.txt"}`, []int{400}},
		{"copy over another's file", "POST", "/storage/v1/object/copy", `{"bucketId":"vault","sourceKey":"{M}/mine.txt","destinationKey":"{V}/secret.txt"}`, []int{400}},
		{"copy by /api/v1", "POST", "/api/v1/storage/copy", `{"from":{"bucket":"vault","name":"{V}/secret.txt"},"to":{"name":"{M}/stolen.txt"}}`, []int{404}},
		{"copy a private file into a public bucket", "POST", "/storage/v1/object/copy", `{"bucketId":"vault","sourceKey":"{V}/secret.txt","destinationBucket":"open","destinationKey":"{M}/stolen.txt"}`, []int{400}},
		{"move another's file to oneself", "POST", "/storage/v1/object/move", `{"bucketId":"vault","sourceKey":"{V}/secret.txt","destinationKey":"{M}/stolen.txt"}`, []int{400}},
		{"move one's file over another's", "POST", "/storage/v1/object/move", `{"bucketId":"vault","sourceKey":"{M}/mine.txt","destinationKey":"{V}/secret.txt"}`, []int{400}},
		{"move by /api/v1", "POST", "/api/v1/storage/move", `{"from":{"bucket":"vault","name":"{V}/secret.txt"},"to":{"name":"{M}/stolen.txt"}}`, []int{404}},
		{"delete another's file", "DELETE", "/storage/v1/object/vault/{V}/secret.txt", "", []int{400}},
		{"delete another's file by /api/v1", "DELETE", "/api/v1/storage/buckets/vault/objects/{V}/secret.txt", "", []int{404}},
		{"make a bucket", "POST", "/storage/v1/bucket", `{"id":"mals","name":"mals","public":true}`, []int{400}},
		{"make a bucket public", "PUT", "/storage/v1/bucket/vault", `{"public":true}`, []int{400}},
		{"delete a bucket", "DELETE", "/storage/v1/bucket/a", "", []int{400}},
		{"make an access key of S3's", "POST", "/storage/v1/s3-keys", `{"description":"x"}`, []int{400, 403}},
		{"list the access keys of S3's", "GET", "/storage/v1/s3-keys", "", []int{400, 403}},
		{"read the table of objects by REST", "GET", "/rest/v1/objects?select=*", "", []int{404}},
		{"call a function of storage's by REST", "POST", "/rest/v1/rpc/keep_blob", `{"blob_version":"a/b","blob_size":1}`, []int{404}},
	} {
		all = append(all, fileRequest(c.name, func(s *fileScene) request {
			r := s.asMal(request{method: c.method, path: c.path, body: c.body, headers: []string{"x-upsert: true"}})
			if c.body == "planted" {
				r.kind = "text/plain"
			}
			return r
		}, c.statuses...))
	}
	for _, schema := range []string{"storage", "{B}_storage", "auth", "extensions"} {
		for _, table := range []string{"objects", "blobs", "outbox", "s3_access_keys", "leases", "resumable_uploads"} {
			if schema != "storage" && table != "objects" {
				continue
			}
			all = append(all, fileRequest("read "+schema+"."+table+" by REST with the secret key", func(s *fileScene) request {
				return request{host: s.hostOf(s.victim), path: "/rest/v1/" + table + "?select=*", key: s.victim.secret, headers: []string{"Accept-Profile: " + schema}}
			}, 406))
		}
	}
	return append(all, quietFileAttacks()...)
}

// quietFileAttacks get an answer that looks good, and nothing more.
func quietFileAttacks() []fileAttack {
	return []fileAttack{
		{"list another's folder", func(t *testing.T, s *fileScene) string {
			for path, body := range map[string]string{
				"/storage/v1/object/list/vault": `{"prefix":"{V}"}`, "/storage/v1/object/list-v2/vault": `{"prefix":"{V}/"}`, "/storage/v1/object/list/a": `{"prefix":"b"}`,
			} {
				got := s.done(t, s.asMal(request{method: "POST", path: path, body: body}))
				require.NotContains(t, got.body, "secret.txt")
				require.NotContains(t, got.body, `"name":"c"`)
			}
			got := s.done(t, s.asMal(request{path: "/api/v1/storage/buckets/vault/objects?prefix={V}/"}))
			require.NotContains(t, got.body, "secret.txt")
			return "200, empty"
		}},
		{"list a public bucket without a policy", func(t *testing.T, s *fileScene) string {
			require.JSONEq(t, "[]", s.done(t, s.asAnon(request{method: "POST", path: "/storage/v1/object/list/open", body: `{"prefix":""}`})).body)
			return "200, empty"
		}},
		{"the secrets of access keys by listing them", func(t *testing.T, s *fileScene) string {
			got := s.done(t, request{path: "/storage/v1/s3-keys", key: s.attacker.secret})
			require.Contains(t, got.body, s.key)
			require.NotContains(t, got.body, s.secret)
			require.NotContains(t, got.body, "secret")
			return "the ids only"
		}},
		{"find another's folder by listing the root, every way to sort and search", func(t *testing.T, s *fileScene) string {
			for _, body := range []string{`{"prefix":""}`, `{"prefix":"","search":"%"}`, `{"prefix":"","sortBy":{"column":"created_at","order":"desc"}}`, `{"prefix":"","sortBy":{"column":"updated_at"}}`, `{"prefix":"","offset":0,"limit":10000}`} {
				require.NotContains(t, s.done(t, s.asMal(request{method: "POST", path: "/storage/v1/object/list/vault", body: body})).body, s.vic)
			}
			return "200, only Mal's own"
		}},
		{"delete many files, another's among them", func(t *testing.T, s *fileScene) string {
			got := s.done(t, s.asMal(request{method: "DELETE", path: "/storage/v1/object/vault", body: `{"prefixes":["{V}/secret.txt","{V}/pic.png"]}`}))
			require.JSONEq(t, "[]", got.body)
			return "200, none"
		}},
		{"empty the bucket", func(t *testing.T, s *fileScene) string {
			return fmt.Sprint(s.request(t, s.asMal(request{method: "POST", path: "/storage/v1/bucket/a/empty", body: "{}"})).status, ", only Mal's own")
		}},
		{"upload in another's name", func(t *testing.T, s *fileScene) string {
			form := "--x\r\nContent-Disposition: form-data; name=\"owner\"\r\n\r\n{V}\r\n--x\r\nContent-Disposition: form-data; name=\"owner_id\"\r\n\r\n{V}\r\n--x\r\nContent-Disposition: form-data; name=\"\"; filename=\"a\"\r\nContent-Type: text/plain\r\n\r\nx\r\n--x--\r\n"
			s.done(t, s.asMal(request{method: "POST", path: "/storage/v1/object/vault/{M}/owner.txt", kind: "multipart/form-data; boundary=x", body: form, headers: []string{"x-upsert: true", "x-owner: {V}"}}))
			got := s.done(t, s.asMal(request{method: "DELETE", path: "/storage/v1/object/vault", body: `{"prefixes":["{M}/owner.txt"]}`}))
			require.Contains(t, got.body, `"owner_id":"`+s.mal+`"`)
			return "200, Mal's own"
		}},
		{"bring claims in headers", func(t *testing.T, s *fileScene) string {
			return s.refused(t, s.asMal(request{path: "/storage/v1/object/vault/{V}/secret.txt", headers: []string{"X-User-Id: {V}", "Role: service_role", `X-Jwt-Claims: {"role":"service_role"}`, "X-Supabase-Role: service_role"}}), 400)
		}},
		{"bring a forged service role", func(t *testing.T, s *fileScene) string {
			token := signedBy(raw(`{"alg":"HS256","typ":"JWT"}`), raw(`{"role":"service_role","iss":"supabase","exp":4000000000,"ref":"`+s.victim.ref+`"}`), s.victim.publishable)
			return s.refused(t, request{host: s.hostOf(s.victim), path: "/storage/v1/object/vault/{V}/secret.txt", key: s.victim.publishable, bearer: token}, 401)
		}},
		{"what is told of a denied file is what is told of none", func(t *testing.T, s *fileScene) string {
			told := func(name string) string {
				got := s.request(t, s.asMal(request{path: "/storage/v1/object/vault/" + name}))
				require.Equal(t, http.StatusBadRequest, got.status)
				return got.body
			}
			require.Equal(t, told("{V}/nothing.txt"), told("{V}/secret.txt"))
			return "the same"
		}},
		{"a cache is not to keep another's private file", func(t *testing.T, s *fileScene) string {
			s.done(t, s.asMal(request{method: "POST", path: "/storage/v1/object/vault/{M}/cached.png", kind: "image/png", body: tinyPNG, headers: []string{"x-upsert: true", "cache-control: public, max-age=3600, s-maxage=9999"}}))
			for _, path := range []string{"/storage/v1/object/vault/{M}/cached.png", "/storage/v1/object/authenticated/vault/{M}/cached.png", "/storage/v1/render/image/authenticated/vault/{M}/cached.png?width=1", "/api/v1/storage/buckets/vault/objects/{M}/cached.png"} {
				control := s.done(t, s.asMal(request{path: path})).header.Get("Cache-Control")
				require.NotContains(t, control, "public", path)
				require.NotContains(t, control, "s-maxage", path)
				require.True(t, strings.Contains(control, "private") || strings.Contains(control, "no-"), "%s: %q", path, control)
			}
			return "private"
		}},
	}
}
