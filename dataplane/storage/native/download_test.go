package native_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

func TestDownloads(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		name := s.folder + "a b/50%+.txt"
		path := s.folder + "a%20b/50%25+.txt"
		ok(t, s.Call("POST", "/object/private/"+path, s.mine, "0123456789", "Content-Type", "text/plain", "Cache-Control", "public, max-age=60"))
		require.Equal(t, "0123456789", s.Read("private", name))
		for _, prefix := range []string{"/object/private/", "/object/authenticated/private/"} {
			a := ok(t, s.Call("GET", prefix+path, s.mine, nil))
			require.Equal(t, "0123456789", a.Text)
			etag, modified := a.Header.Get("ETag"), a.Header.Get("Last-Modified")
			require.Regexp(t, `^"[0-9a-f]{32}"$`, etag)
			require.Equal(t, "10", a.Header.Get("Content-Length"))
			require.Equal(t, "bytes", a.Header.Get("Accept-Ranges"))
			require.Equal(t, "private, max-age=60", a.Header.Get("Cache-Control"))
			require.Empty(t, a.Header.Get("Content-Disposition"))

			head := ok(t, s.Call("HEAD", prefix+path, s.mine, nil))
			require.Empty(t, head.Text)
			require.Equal(t, "10", head.Header.Get("Content-Length"))
			require.Equal(t, etag, head.Header.Get("ETag"))

			part := s.Call("GET", prefix+path, s.mine, nil, "Range", "bytes=2-4")
			require.Equal(t, 206, part.Status)
			require.Equal(t, "234", part.Text)
			require.Equal(t, "bytes 2-4/10", part.Header.Get("Content-Range"))
			require.Equal(t, "89", s.Call("GET", prefix+path, s.mine, nil, "Range", "bytes=-2").Text)
			require.Equal(t, "0123456789", ok(t, s.Call("GET", prefix+path, s.mine, nil, "Range", "bytes=0-1,3-4")).Text, "several ranges are answered by the whole")
			beyond := s.Call("GET", prefix+path, s.mine, nil, "Range", "bytes=10-")
			refuses(t, beyond, 416, "416", "InvalidRange")
			require.Equal(t, "bytes */10", beyond.Header.Get("Content-Range"))
			require.Empty(t, beyond.Header.Get("ETag"))

			unchanged := s.Call("GET", prefix+path, s.mine, nil, "If-None-Match", etag)
			require.Equal(t, 304, unchanged.Status)
			require.Empty(t, unchanged.Text)
			require.Equal(t, 304, s.Call("GET", prefix+path, s.mine, nil, "If-Modified-Since", modified).Status)
			refuses(t, s.Call("GET", prefix+path, s.mine, nil, "If-Match", `"other"`), 412, "412", "PreconditionFailed")
			require.Equal(t, "0123456789", ok(t, s.Call("GET", prefix+path, s.mine, nil, "Range", "bytes=2-4", "If-Range", `"other"`)).Text)
			require.Equal(t, 206, s.Call("GET", prefix+path, s.mine, nil, "Range", "bytes=2-4", "If-Range", etag).Status)

			require.Equal(t, "attachment", ok(t, s.Call("GET", prefix+path+"?download=", s.mine, nil)).Header.Get("Content-Disposition"))
			require.Equal(t, `attachment; filename="__.txt"; filename*=UTF-8''%E6%97%A5%22.txt`,
				ok(t, s.Call("GET", prefix+path+"?download=%E6%97%A5%22.txt", s.mine, nil)).Header.Get("Content-Disposition"))
			for _, hostile := range []string{"a%0D%0ASet-Cookie:%20x=y", "a%22%3B%20x=%22", "%FF%FE", "a%00b"} {
				disposition := ok(t, s.Call("GET", prefix+path+"?download="+hostile, s.mine, nil)).Header.Get("Content-Disposition")
				require.Regexp(t, `^attachment; filename="[ !#-\[\]-~]*"; filename\*=UTF-8''[A-Za-z0-9%._-]*$`, disposition)
			}
			refuses(t, s.Call("GET", prefix+path+"?download="+strings.Repeat("a", 2000), s.mine, nil), 400, "400", "InvalidParameter")
		}
	})
}

func TestWhoMayDownload(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		s.Put("private", s.folder+"x", "mine")
		s.Put("public", "x", "everybody's")
		for _, prefix := range []string{"/object/private/", "/object/authenticated/private/", "/object/info/private/", "/object/info/authenticated/private/"} {
			ok(t, s.Call("GET", prefix+s.folder+"x", s.mine, nil))
			ok(t, s.Call("GET", prefix+s.folder+"x", storagetest.Secret, nil))
			for _, bearer := range []string{"", s.other} {
				refuses(t, s.Call("GET", prefix+s.folder+"x", bearer, nil), 400, "404", "NoSuchKey", "Object not found")
				require.Equal(t, 400, s.Call("HEAD", prefix+s.folder+"x", bearer, nil).Status)
			}
			refuses(t, s.Call("GET", prefix+s.folder+"other", s.mine, nil), 400, "404", "NoSuchKey")
		}
		for _, prefix := range []string{"/object/public/public/", "/object/public/", "/object/authenticated/public/"} {
			if prefix == "/object/public/" { // the bucket by its own name, which is that of the path of public files
				prefix = "/object/authenticated/public/"
			}
			for _, bearer := range []string{"", s.mine} {
				require.Equal(t, "everybody's", ok(t, s.Call("GET", prefix+"x", bearer, nil)).Text)
				require.Equal(t, "no-cache", s.Call("GET", prefix+"x", bearer, nil).Header.Get("Cache-Control"), "shared caches may keep it")
			}
			refuses(t, s.Call("GET", prefix+"y", "", nil), 400, "404", "NoSuchKey")
		}
		for _, prefix := range []string{"/object/public/private/", "/object/info/public/private/"} {
			for _, bearer := range []string{"", s.mine, storagetest.Secret} {
				refuses(t, s.Call("GET", prefix+s.folder+"x", bearer, nil), 400, "404", "NoSuchKey")
			}
		}
		require.Equal(t, 400, s.Call("GET", "/object/public/private%2F"+s.folder+"x", "", nil).Status)
		require.Equal(t, 400, s.Call("GET", "/object/public/public/%2E%2E/private/"+s.folder+"x", "", nil).Status)
		require.Equal(t, 400, s.Call("GET", "/object/public/public/..%2Fprivate%2F"+s.folder+"x", "", nil).Status)
	})
}

func TestInfo(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		ok(t, s.Call("POST", "/object/private/"+s.folder+"x.txt", s.mine, "12345", "Content-Type", "text/plain", "Cache-Control", "max-age=60", "X-Metadata", "eyJhIjoxfQ=="))
		s.Put("public", "x", "p")
		for _, prefix := range []string{"/object/info/", "/object/info/authenticated/"} {
			a := ok(t, s.Call("GET", prefix+"private/"+s.folder+"x.txt", s.mine, nil))
			require.Equal(t, s.folder+"x.txt", a.Str("name"))
			require.Equal(t, "private", a.Str("bucket_id"))
			require.InDelta(t, 5, a.Body["size"], 0)
			require.Equal(t, "text/plain", a.Str("content_type"))
			require.Equal(t, "max-age=60", a.Str("cache_control"))
			require.Equal(t, a.Header.Get("ETag"), a.Str("etag"))
			require.Equal(t, map[string]any{"a": 1.0}, a.Body["metadata"])
			require.NotEmpty(t, a.Str("id"))
			require.NotEmpty(t, a.Str("version"))
			for _, field := range []string{"created_at", "last_modified"} {
				at, err := time.Parse(time.RFC3339Nano, a.Str(field))
				require.NoError(t, err)
				require.WithinDuration(t, time.Now(), at, time.Minute)
			}
			require.Equal(t, "no-cache", a.Header.Get("Cache-Control"))
		}
		for _, path := range []string{"/object/info/public/public/x", "/object/info/authenticated/public/x"} {
			a := ok(t, s.Call("GET", path, "", nil))
			require.InDelta(t, 1, a.Body["size"], 0)
			require.Nil(t, a.Body["metadata"])
		}
	})
}
