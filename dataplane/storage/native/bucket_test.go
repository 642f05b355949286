package native_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

func TestBuckets(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		a := ok(t, s.Call("POST", "/bucket", storagetest.Secret, map[string]any{
			"id": "avatars", "name": "avatars", "public": true, "file_size_limit": "2MB", "allowed_mime_types": []string{"image/*", ""},
		}))
		require.JSONEq(t, `{"name":"avatars"}`, a.Text)
		a = ok(t, s.Call("GET", "/bucket/avatars", storagetest.Secret, nil))
		require.NotEmpty(t, a.Str("created_at"))
		require.NotEmpty(t, a.Str("updated_at"))
		delete(a.Body, "created_at")
		delete(a.Body, "updated_at")
		require.Equal(t, map[string]any{"id": "avatars", "name": "avatars", "owner": "", "public": true, "type": "STANDARD", "file_size_limit": 2e6,
			"allowed_mime_types": []any{"image/*"}}, a.Body)
		a = ok(t, s.Call("PUT", "/bucket/avatars", storagetest.Secret, map[string]any{"id": "avatars", "public": false, "file_size_limit": nil, "allowed_mime_types": nil}))
		require.JSONEq(t, `{"message":"Successfully updated"}`, a.Text)
		a = ok(t, s.Call("GET", "/bucket/avatars", storagetest.Secret, nil))
		require.Equal(t, false, a.Body["public"])
		require.Nil(t, a.Body["file_size_limit"])
		require.Nil(t, a.Body["allowed_mime_types"])

		require.Equal(t, "avatars private public", names(t, s.Call("GET", "/bucket", storagetest.Secret, nil)))
		require.Equal(t, "public private", names(t, s.Call("GET", "/bucket/?search=P&sortColumn=name&sortOrder=desc&limit=10&offset=0", storagetest.Secret, nil)))
		require.Equal(t, "private", names(t, s.Call("GET", "/bucket?limit=1&offset=1&sortColumn=created_at&sortOrder=desc&search=p", storagetest.Secret, nil)))
		require.Empty(t, rows(t, s.Call("GET", "/bucket", s.mine, nil)), "no policy shows buckets to users")

		s.Put("avatars", "a.png", "x")
		s.Put("avatars", "b/c.png", "x")
		refuses(t, s.Call("DELETE", "/bucket/avatars", storagetest.Secret, "{}"), 400, "409", "ResourceNotEmpty", "The bucket you tried to delete is not empty")
		require.JSONEq(t, `{"message":"Successfully emptied"}`, ok(t, s.Call("POST", "/bucket/avatars/empty", storagetest.Secret, "{}")).Text)
		require.Equal(t, "[]", s.Call("POST", "/object/list/avatars", storagetest.Secret, `{"prefix":""}`).Text)
		require.JSONEq(t, `{"message":"Successfully deleted"}`, ok(t, s.Call("DELETE", "/bucket/avatars", storagetest.Secret, nil)).Text)
	})
}

func TestBucketsAreRefused(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		for name, c := range map[string]struct {
			method, path, bearer string
			body                 any
			status, code         string
		}{
			"a name that is taken":          {"POST", "/bucket", storagetest.Secret, `{"name":"private"}`, "409", "BucketAlreadyExists"},
			"no name":                       {"POST", "/bucket", storagetest.Secret, `{}`, "400", "MissingParameter"},
			"a path":                        {"POST", "/bucket", storagetest.Secret, `{"name":"a/b"}`, "400", "InvalidBucketName"},
			"a size that is none":           {"POST", "/bucket", storagetest.Secret, `{"name":"x","file_size_limit":"2 parsecs"}`, "400", "InvalidRequest"},
			"a size of another type":        {"POST", "/bucket", storagetest.Secret, `{"name":"x","file_size_limit":{}}`, "400", "InvalidRequest"},
			"a size beyond the project's":   {"POST", "/bucket", storagetest.Secret, `{"name":"x","file_size_limit":"900GB"}`, "413", "EntityTooLarge"},
			"types that are no list":        {"POST", "/bucket", storagetest.Secret, `{"name":"x","allowed_mime_types":"image/png"}`, "400", "InvalidParameter"},
			"a type that is none":           {"POST", "/bucket", storagetest.Secret, `{"name":"x","allowed_mime_types":["png"]}`, "415", "InvalidMimeType"},
			"another kind of bucket":        {"POST", "/bucket", storagetest.Secret, `{"name":"x","type":"ANALYTICS"}`, "409", "FeatureNotEnabled"},
			"no JSON":                       {"POST", "/bucket", storagetest.Secret, `{"name":`, "400", "InvalidRequest"},
			"a list":                        {"POST", "/bucket", storagetest.Secret, `[]`, "400", "InvalidParameter"},
			"a name of another type":        {"POST", "/bucket", storagetest.Secret, `{"name":7}`, "400", "InvalidParameter"},
			"a user without a policy":       {"POST", "/bucket", s.mine, `{"name":"x"}`, "403", "AccessDenied"},
			"nobody":                        {"POST", "/bucket", "", `{"name":"x"}`, "403", "AccessDenied"},
			"one that is not there":         {"GET", "/bucket/nothing", storagetest.Secret, nil, "404", "NoSuchBucket"},
			"one that the caller sees not":  {"GET", "/bucket/private", s.mine, nil, "404", "NoSuchBucket"},
			"nor changes":                   {"PUT", "/bucket/private", s.mine, `{"public":true}`, "404", "NoSuchBucket"},
			"nor deletes":                   {"DELETE", "/bucket/private", s.mine, nil, "404", "NoSuchBucket"},
			"nor empties":                   {"POST", "/bucket/private/empty", s.mine, nil, "404", "NoSuchBucket"},
			"a public one too":              {"PUT", "/bucket/public", "", `{"public":false}`, "404", "NoSuchBucket"},
			"an order that is none":         {"GET", "/bucket?sortOrder=up", storagetest.Secret, nil, "400", "InvalidParameter"},
			"a column that is none":         {"GET", "/bucket?sortColumn=owner", storagetest.Secret, nil, "400", "InvalidParameter"},
			"a limit of nothing":            {"GET", "/bucket?limit=0", storagetest.Secret, nil, "400", "InvalidParameter"},
			"a page before the first":       {"GET", "/bucket?offset=-1", storagetest.Secret, nil, "400", "InvalidParameter"},
			"an escaped slash in the name":  {"GET", "/bucket/a%2Fb", storagetest.Secret, nil, "400", "InvalidBucketName"},
			"a name with a zero character":  {"GET", "/bucket/a%00", storagetest.Secret, nil, "400", "InvalidBucketName"},
			"a name that is not characters": {"GET", "/bucket/%FF%FE", storagetest.Secret, nil, "400", "InvalidBucketName"},
		} {
			a := s.Call(c.method, c.path, c.bearer, c.body)
			require.Equal(t, 400, a.Status, name+a.Text)
			require.Equal(t, c.status, a.Str("statusCode"), name+a.Text)
			require.Equal(t, c.code, a.Str("code"), name+a.Text)
		}
		require.Equal(t, "private public", names(t, s.Call("GET", "/bucket", storagetest.Secret, nil)))
	})
}
