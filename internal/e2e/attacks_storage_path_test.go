package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fileRequest is an attack by one request.
func fileRequest(name string, build func(s *fileScene) request, statuses ...int) fileAttack {
	return fileAttack{name, func(t *testing.T, s *fileScene) string { return s.refused(t, build(s), statuses...) }}
}

// pathFileAttacks leave the public bucket, or Mal's own folder, by the path of a request.
func pathFileAttacks() []fileAttack {
	var all []fileAttack
	for _, climb := range []string{
		"../vault/{V}/secret.txt", "%2e%2e/vault/{V}/secret.txt", "..%2fvault%2f{V}%2fsecret.txt", "%2e%2e%2fvault%2f{V}%2fsecret.txt", "%252e%252e%252fvault%252f{V}%252fsecret.txt",
		"{V}/../../vault/{V}/secret.txt", "..%5cvault%5c{V}%5csecret.txt", "%c0%ae%c0%ae%c0%afvault/{V}/secret.txt", "%uff0e%uff0e/vault/{V}/secret.txt", "..;/vault/{V}/secret.txt",
		"./../vault/{V}/secret.txt", "/vault/{V}/secret.txt", "..%00/vault/{V}/secret.txt", "%EF%BC%8E%EF%BC%8E/vault/{V}/secret.txt",
	} {
		all = append(all, fileRequest("climb out of a public bucket by "+climb, func(s *fileScene) request {
			return request{host: s.hostOf(s.victim), path: "/storage/v1/object/public/open/" + climb}
		}, 400, 404))
	}
	for _, where := range []string{"/storage/v1/render/image/public/open/", "/storage/v1/object/info/public/open/", "/api/v1/storage/public/open/"} {
		all = append(all, fileRequest("climb out of a public bucket at "+where, func(s *fileScene) request {
			return request{host: s.hostOf(s.victim), path: where + "..%2f..%2fvault%2f{V}%2fpic.png"}
		}, 400, 404))
	}
	for _, confused := range []string{"/object/public/vault/{V}/secret.txt", "/object/public/open/vault/{V}/secret.txt", "/object/public//vault/{V}/secret.txt", "/object/public/open%2f..%2fvault/{V}/secret.txt",
		"/object/public/a%2Fb/c", "/object/public/a/b/c", "/object/public/open%00vault/{V}/secret.txt", "/object/public/VAULT/{V}/secret.txt", "/object//public/vault/{V}/secret.txt",
		"/render/image/public/vault/{V}/pic.png", "/object/info/public/vault/{V}/secret.txt"} {
		all = append(all, fileRequest("take a private bucket for a public one: "+confused, func(s *fileScene) request {
			return request{host: s.hostOf(s.victim), path: "/storage/v1" + confused, key: s.victim.publishable}
		}, 400, 404))
	}
	for _, confused := range []string{"a%2Fb/c", "a%2Fb%2Fc", "a//b/c", "a/b%2F%2Fc", "a/./b/c"} {
		all = append(all, fileRequest("take bucket and name apart otherwise: "+confused, func(s *fileScene) request {
			return s.asMal(request{path: "/storage/v1/object/" + confused})
		}, 400, 404, 405))
	}
	for _, climb := range []string{"{M}/../{V}/secret.txt", "{M}%2f..%2f{V}%2fsecret.txt", "{M}/%2e%2e/{V}/new.txt", "{M}//../{V}/new.txt", "{M}%5c..%5c{V}%5cnew.txt", "{M}%00/../{V}/new.txt", "{M}/a%0d%0ab", "{M}/a%e2%80%aeb"} {
		all = append(all, fileRequest("upload out of one's own folder by "+climb, func(s *fileScene) request {
			return s.asMal(request{method: "POST", path: "/storage/v1/object/vault/" + climb, kind: "text/plain", body: "planted", headers: []string{"x-upsert: true"}})
		}, 400, 404))
	}
	return all
}

// bodyFileAttacks do so by what bodies name.
func bodyFileAttacks() []fileAttack {
	var all []fileAttack
	for _, c := range []struct{ name, method, path, body string }{
		{"copy from another's folder by ..", "POST", "/object/copy", `{"bucketId":"vault","sourceKey":"{M}/../{V}/secret.txt","destinationKey":"{M}/stolen.txt"}`},
		{"copy into another's folder by ..", "POST", "/object/copy", `{"bucketId":"open","sourceKey":"{M}/mine.txt","destinationBucket":"vault","destinationKey":"{M}/../{V}/secret.txt"}`},
		{"copy from a bucket that is a path", "POST", "/object/copy", `{"bucketId":"open/../vault","sourceKey":"{V}/secret.txt","destinationBucket":"vault","destinationKey":"{M}/stolen.txt"}`},
		{"copy with an encoded slash", "POST", "/object/copy", `{"bucketId":"vault","sourceKey":"{M}%2F..%2F{V}%2Fsecret.txt","destinationKey":"{M}/stolen.txt"}`},
		{"move from another's folder by ..", "POST", "/object/move", `{"bucketId":"vault","sourceKey":"{M}/../{V}/secret.txt","destinationKey":"{M}/stolen.txt"}`},
		{"move with a zero character", "POST", "/object/move", `{"bucketId":"vault","sourceKey":"{V}/secret.txt\u0000","destinationKey":"{M}/stolen.txt"}`},
		{"sign by ..", "POST", "/object/sign/vault", `{"expiresIn":60,"paths":["{M}/../{V}/secret.txt","/{V}/secret.txt","{V}//secret.txt"]}`},
		{"list a parent folder", "POST", "/object/list/vault", `{"prefix":"{M}/../{V}"}`},
		{"list a parent folder by pages", "POST", "/object/list-v2/vault", `{"prefix":"{M}/../{V}/"}`},
		{"list by a search that climbs", "POST", "/object/list/vault", `{"prefix":"{M}","search":"../{V}/"}`},
		{"list by a forged cursor", "POST", "/object/list-v2/vault", `{"prefix":"{M}/","cursor":"eyJhIjoiLi4vIn0"}`},
		{"delete by ..", "DELETE", "/object/vault", `{"prefixes":["{M}/../{V}/secret.txt"]}`},
	} {
		all = append(all, fileAttack{c.name, func(t *testing.T, s *fileScene) string {
			got := s.request(t, s.asMal(request{method: c.method, path: "/storage/v1" + c.path, body: c.body}))
			require.NotContains(t, got.body, s.mark)
			require.NotContains(t, got.body, "token=")
			if strings.HasPrefix(c.name, "sign by") {
				require.Equal(t, http.StatusOK, got.status, got.body)
				require.Equal(t, 3, strings.Count(got.body, `"signedURL":null`), got.body)
				return "200, each with an error"
			}
			require.Equal(t, 400, got.status, got.body)
			return fmt.Sprint(got.status, " ", got.code())
		}})
	}
	form := func(name string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"\"; filename=\"" + name + "\"\r\nContent-Type: text/plain\r\n\r\nplanted\r\n--x--\r\n"
	}
	return append(all,
		fileAttack{"a form whose file is named ../../vault/{V}/secret.txt", func(t *testing.T, s *fileScene) string {
			got := s.done(t, s.asMal(request{method: "POST", path: "/storage/v1/object/vault/{M}/form.txt", kind: "multipart/form-data; boundary=x", body: form("../../vault/{V}/secret.txt"), headers: []string{"x-upsert: true"}}))
			require.Contains(t, got.body, "form.txt")
			return "the file's own name is not looked at"
		}},
		fileRequest("an archive of a parent folder", func(s *fileScene) request {
			return s.asMal(request{method: "POST", path: "/api/v1/storage/buckets/vault/archive", body: `{"prefix":"{M}/../{V}/"}`})
		}, 400, 404),
		fileRequest("an archive of another's file", func(s *fileScene) request {
			return s.asMal(request{method: "POST", path: "/api/v1/storage/buckets/vault/archive", body: `{"names":["{V}/secret.txt"]}`})
		}, 404),
		fileAttack{"an archive of the whole bucket", func(t *testing.T, s *fileScene) string {
			got := s.request(t, s.asMal(request{method: "POST", path: "/api/v1/storage/buckets/vault/archive", body: `{"prefix":""}`}))
			require.NotContains(t, got.body, s.mark)
			require.NotContains(t, got.body, "secret.txt")
			return fmt.Sprint(got.status, ", only Mal's own")
		}},
		fileRequest("an archive whose name breaks the header", func(s *fileScene) request {
			return s.asMal(request{method: "POST", path: "/api/v1/storage/buckets/vault/archive", body: `{"names":["{V}/secret.txt"],"filename":"a\r\nSet-Cookie: x=1"}`})
		}, 400, 404),
	)
}

// projectFileAttacks come with keys of another project, or through its host or path.
func projectFileAttacks() []fileAttack {
	secret := "/storage/v1/object/vault/{V}/secret.txt"
	return []fileAttack{
		fileRequest("another project's secret key at the victim's host", func(s *fileScene) request {
			return request{host: s.hostOf(s.victim), path: secret, key: s.attacker.secret}
		}, 401),
		fileRequest("another project's service role at the victim's host", func(s *fileScene) request {
			return request{host: s.hostOf(s.victim), path: secret, key: s.attacker.serviceRole, bearer: s.attacker.serviceRole}
		}, 401),
		fileRequest("another project's service role as the bearer beside the victim's publishable key", func(s *fileScene) request {
			return request{host: s.hostOf(s.victim), path: secret, key: s.victim.publishable, bearer: s.attacker.serviceRole}
		}, 401),
		fileRequest("a user of another project beside the victim's publishable key", func(s *fileScene) request {
			return request{host: s.hostOf(s.victim), path: secret, key: s.victim.publishable, bearer: s.attackerUser}
		}, 401),
		fileRequest("another project's secret key at the victim's path", func(s *fileScene) request {
			return request{host: "127.0.0.1", path: "/p/{B}" + secret, key: s.attacker.secret}
		}, 401),
		fileRequest("from the attacker's path to the victim's", func(s *fileScene) request {
			return request{host: "127.0.0.1", path: "/p/{A}/storage/v1/object/../../../../{B}" + secret, key: s.attacker.secret}
		}, 301, 307, 308, 400, 401, 404),
		fileRequest("the victim's file by its path at the attacker's project", func(s *fileScene) request {
			return request{path: secret, key: s.attacker.secret}
		}, 400),
		fileRequest("the victim's file by the bucket's name in the object store", func(s *fileScene) request {
			return request{path: "/storage/v1/object/" + s.in.store.prefix + "{B}/objects/x", key: s.attacker.secret}
		}, 400),
		fileRequest("a header that names the victim's path", func(s *fileScene) request {
			return request{path: secret, key: s.attacker.secret, headers: []string{"X-Forwarded-Prefix: /p/{B}", "X-Forwarded-Host: {B}.localhost"}}
		}, 400),
		fileRequest("the object store itself through the worker", func(s *fileScene) request {
			return request{host: strings.TrimPrefix(s.in.store.url, "http://"), path: "/" + s.in.store.prefix + "{B}?list-type=2", key: s.attacker.secret}
		}, 404),
	}
}
