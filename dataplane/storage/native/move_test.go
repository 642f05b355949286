package native_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

func TestCopy(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		ok(t, s.Call("POST", "/object/private/"+s.folder+"a", s.mine, "content", "Content-Type", "text/plain", "X-Metadata", "eyJhIjoxfQ=="))
		order := func(to string, more map[string]any) map[string]any {
			out := map[string]any{"bucketId": "private", "sourceKey": s.folder + "a", "destinationKey": to}
			for k, v := range more {
				out[k] = v
			}
			return out
		}
		a := ok(t, s.Call("POST", "/object/copy", s.mine, order(s.folder+"b", nil)))
		require.Equal(t, "private/"+s.folder+"b", a.Str("Key"))
		require.Equal(t, a.Str("Id"), a.Str("id"))
		require.Equal(t, s.folder+"b", a.Str("name"))
		require.Equal(t, "private", a.Str("bucket_id"))
		require.Equal(t, s.me, a.Str("owner_id"))
		require.Equal(t, "content", s.Read("private", s.folder+"b"))
		info := s.Call("GET", "/object/info/private/"+s.folder+"b", s.mine, nil)
		require.Equal(t, map[string]any{"a": 1.0}, info.Body["metadata"])
		require.Equal(t, "text/plain", info.Str("content_type"))

		refuses(t, s.Call("POST", "/object/copy", s.mine, order(s.folder+"b", nil)), 400, "409", "KeyAlreadyExists")
		ok(t, s.Call("POST", "/object/copy", s.mine, order(s.folder+"b", map[string]any{"copyMetadata": false, "metadata": map[string]any{"mimetype": "text/css", "cacheControl": "max-age=9"}}),
			"X-Upsert", "true"))
		info = s.Call("GET", "/object/info/private/"+s.folder+"b", s.mine, nil)
		require.Nil(t, info.Body["metadata"])
		require.Equal(t, "text/css", info.Str("content_type"))
		require.Equal(t, "max-age=9", info.Str("cache_control"))
		ok(t, s.Call("POST", "/object/copy", s.mine, order(s.folder+"b", nil), "X-Upsert", "true", "X-Metadata", "eyJiIjoyfQ=="))
		require.Equal(t, map[string]any{"b": 2.0}, s.Call("GET", "/object/info/private/"+s.folder+"b", s.mine, nil).Body["metadata"])

		refuses(t, s.Call("POST", "/object/copy", s.mine, order("a", map[string]any{"destinationBucket": "public"})), 400, "403", "AccessDenied")
		ok(t, s.Call("POST", "/object/copy", storagetest.Secret, order("a", map[string]any{"destinationBucket": "public"})))
		require.Equal(t, "content", ok(t, s.Call("GET", "/object/public/public/a", "", nil)).Text)
		refuses(t, s.Call("POST", "/object/copy", s.other, order(s.folder+"c", nil)), 400, "404", "NoSuchKey")
		refuses(t, s.Call("POST", "/object/copy", storagetest.Secret, order("a", map[string]any{"destinationBucket": "nothing"})), 400, "404", "NoSuchBucket")
		refuses(t, s.Call("POST", "/object/copy", s.mine, order(s.folder+"../x", nil)), 400, "400", "InvalidKey")
		refuses(t, s.Call("POST", "/object/copy", s.mine, order("", nil)), 400, "400", "MissingParameter", "destinationKey")
		s.Owner(`update {storage}.buckets set allowed_mime_types = '{image/*}' where id = 'public'`)
		refuses(t, s.Call("POST", "/object/copy", storagetest.Secret, order("b", map[string]any{"destinationBucket": "public"})), 400, "415", "InvalidMimeType")
	})
}

func TestMove(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		s.Put("private", s.folder+"a", "content")
		s.Put("private", s.folder+"taken", "x")
		move := func(bearer, from, toBucket, to string) storagetest.Answer {
			return s.Call("POST", "/object/move", bearer, map[string]any{"bucketId": "private", "sourceKey": from, "destinationKey": to, "destinationBucket": toBucket})
		}
		a := ok(t, move(s.mine, s.folder+"a", "", s.folder+"new/a"))
		require.Equal(t, "Successfully moved", a.Str("message"))
		require.Equal(t, s.folder+"new/a", a.Str("Key"))
		require.NotEmpty(t, a.Str("Id"))
		refuses(t, s.Call("GET", "/object/private/"+s.folder+"a", s.mine, nil), 400, "404", "NoSuchKey")
		require.Equal(t, "content", s.Read("private", s.folder+"new/a"))
		refuses(t, move(s.mine, s.folder+"new/a", "", s.folder+"taken"), 400, "409", "KeyAlreadyExists")
		refuses(t, move(s.mine, s.folder+"nothing", "", s.folder+"b"), 400, "404", "NoSuchKey")
		refuses(t, move(s.mine, s.folder+"new/a", "public", "a"), 400, "403", "AccessDenied")
		refuses(t, move(s.mine, s.folder+"new/a", "", "elsewhere/a"), 400, "403", "AccessDenied")
		refuses(t, move(s.other, s.folder+"new/a", "", "b"), 400, "404", "NoSuchKey")
		refuses(t, move(s.mine, s.folder+"new/a", "", s.folder+"/../a"), 400, "400", "InvalidKey")
		refuses(t, s.Call("POST", "/object/move", s.mine, `{"bucketId":"private","sourceKey":"a"}`), 400, "400", "MissingParameter")
		ok(t, move(storagetest.Secret, s.folder+"new/a", "public", "a"))
		require.Equal(t, "content", ok(t, s.Call("GET", "/object/public/public/a", "", nil)).Text)
		require.Equal(t, "x", s.Read("private", s.folder+"taken"))
	})
}

func TestDelete(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		for _, name := range []string{"a", "b", "c", "50%"} {
			s.Put("private", s.folder+name, name)
		}
		s.Put("private", "elsewhere", "x")
		for _, bearer := range []string{"", s.other} {
			refuses(t, s.Call("DELETE", "/object/private/"+s.folder+"a", bearer, nil), 400, "404", "NoSuchKey")
			require.Equal(t, "[]", ok(t, s.Call("DELETE", "/object/private", bearer, map[string]any{"prefixes": []string{s.folder + "a"}})).Text)
		}
		require.JSONEq(t, `{"message":"Successfully deleted"}`, ok(t, s.Call("DELETE", "/object/private/"+s.folder+"50%25", s.mine, nil)).Text)
		refuses(t, s.Call("DELETE", "/object/private/"+s.folder+"50%25", s.mine, nil), 400, "404", "NoSuchKey")
		gone := rows(t, s.Call("DELETE", "/object/private", s.mine, map[string]any{"prefixes": []string{s.folder + "a", s.folder + "b", s.folder + "nothing", "elsewhere"}}))
		require.Len(t, gone, 2)
		for _, field := range []string{"id", "name", "bucket_id", "version", "created_at", "updated_at", "last_accessed_at", "metadata"} {
			require.NotEmpty(t, gone[0][field], field)
		}
		require.Equal(t, "c", names(t, s.Call("POST", "/object/list/private", s.mine, `{"prefix":"`+s.me+`"}`)))
		require.Equal(t, "x", s.Read("private", "elsewhere"))
		refuses(t, s.Call("DELETE", "/object/private", s.mine, `{}`), 400, "400", "MissingParameter")
		refuses(t, s.Call("DELETE", "/object/private", s.mine, map[string]any{"prefixes": []string{"../elsewhere"}}), 400, "400", "InvalidKey")
		refuses(t, s.Call("DELETE", "/object/private", s.mine, map[string]any{"prefixes": strings.Split(strings.Repeat("a,", 1001), ",")}), 400, "400", "InvalidRequest")
		refuses(t, s.Call("DELETE", "/object/private/", storagetest.Secret, nil), 400, "400", "InvalidKey")
	})
}

func TestPurge(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		for _, path := range []string{"/cdn", "/cdn/public", "/cdn/public/a%20b.png?transformations=true"} {
			refuses(t, s.Call("DELETE", path, s.mine, "{}"), 400, "403", "AccessDenied")
			refuses(t, s.Call("DELETE", path, storagetest.Secret, "{}"), 400, "409", "FeatureNotEnabled")
			require.JSONEq(t, `{"message":"success"}`, ok(t, s.With(map[string]string{"storage.cdn_purge_url": `"https://cdn.example/purge"`}).Call("DELETE", path, storagetest.Secret, "{}")).Text)
		}
		refuses(t, s.Call("DELETE", "/cdn/a%2Fb", storagetest.Secret, nil), 400, "400", "InvalidBucketName")
		refuses(t, s.Call("DELETE", "/cdn/public/a%2F..%2Fb", storagetest.Secret, nil), 400, "400", "InvalidKey")
		refuses(t, s.Call("DELETE", "/cdn/public?transformations=perhaps", storagetest.Secret, nil), 400, "400", "InvalidParameter")
	})
}

func TestTheServiceIsThere(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		require.Empty(t, ok(t, s.Call("GET", "/status", "", nil)).Text)
		require.Equal(t, true, ok(t, s.Call("GET", "/health", "", nil)).Body["healthy"])
		require.Equal(t, "1.2.3", ok(t, s.Call("GET", "/version", "", nil)).Text)
	})
}
