package native_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

// encodeURI is what storage-js does to the URL of a download.
func encodeURI(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < 0x80 && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(";,/?:@&=+$-_.!~*'()#", c) >= 0) {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[c>>4])+string("0123456789abcdef"[c&15])))
		}
	}
	return b.String()
}

func escaped(name string) string { return (&url.URL{Path: name}).EscapedPath() }

func TestSignedURLs(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		for _, name := range []string{"a.txt", "a b/ü 日本.txt", "50%.txt", "a%20b.txt", "what?#.txt", "a+b&c=d;e.txt"} {
			s.Put("private", s.folder+name, name)
			a := ok(t, s.Call("POST", "/object/sign/private/"+escaped(s.folder+name), s.mine, map[string]any{"expiresIn": 60}))
			address := a.Str("signedURL")
			require.True(t, strings.HasPrefix(address, "/object/sign/private/"+s.folder), address)
			got := ok(t, s.Call("GET", encodeURI(address), "", nil))
			require.Equal(t, name, got.Text)
			require.Equal(t, "private, no-cache", got.Header.Get("Cache-Control"))
			expires, err := time.Parse(time.RFC1123, got.Header.Get("Expires"))
			require.NoError(t, err)
			require.WithinDuration(t, time.Now().Add(time.Minute), expires, 10*time.Second)
			require.Empty(t, ok(t, s.Call("HEAD", encodeURI(address), "", nil)).Text)
			require.Equal(t, "attachment", ok(t, s.Call("GET", encodeURI(address)+"&download=", "", nil)).Header.Get("Content-Disposition"))
			require.Equal(t, 206, s.Call("GET", encodeURI(address), "", nil, "Range", "bytes=0-0").Status)
		}
		ok(t, s.Call("POST", "/object/private/"+s.folder+"cached", s.mine, "x", "Cache-Control", "public, max-age=3600"))
		a := ok(t, s.Call("POST", "/object/sign/private/"+s.folder+"cached", s.mine, `{"expiresIn":60}`))
		require.Regexp(t, `^private, max-age=(60|59)$`, ok(t, s.Call("GET", a.Str("signedURL"), "", nil)).Header.Get("Cache-Control"))
	})
}

func TestSignedURLsAreRefused(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		s.Put("private", s.folder+"a", "a")
		s.Put("private", s.folder+"b", "b")
		s.Put("public", s.folder+"a", "other")
		sign := "/object/sign/private/" + s.folder + "a"
		for _, bearer := range []string{"", s.other} {
			refuses(t, s.Call("POST", sign, bearer, `{"expiresIn":60}`), 400, "404", "NoSuchKey")
		}
		refuses(t, s.Call("POST", sign+"nothing", s.mine, `{"expiresIn":60}`), 400, "404", "NoSuchKey")
		refuses(t, s.Call("POST", sign, s.mine, `{}`), 400, "400", "MissingParameter", "expiresIn")
		for _, seconds := range []string{"0", "-1", "1e300", "9223372036854775807", `"60"`} {
			refuses(t, s.Call("POST", sign, s.mine, `{"expiresIn":`+seconds+`}`), 400, "400", "InvalidParameter")
		}
		address := ok(t, s.Call("POST", sign, s.mine, `{"expiresIn":60}`)).Str("signedURL")
		path, token, _ := strings.Cut(address, "?token=")
		refuses(t, s.Call("GET", path, "", nil), 400, "400", "MissingParameter", "token")
		for name, at := range map[string]string{
			"another file":        strings.TrimSuffix(path, "a") + "b",
			"another bucket":      strings.Replace(path, "/private/", "/public/", 1),
			"a folder more":       path + "/a",
			"half a path":         strings.TrimSuffix(path, "/a"),
			"another way to it":   strings.Replace(path, "/private/", "/private/x/%2E%2E/", 1),
			"an escaped way":      strings.Replace(path, "/private/", "/private/x%2F..%2F", 1),
			"a double slash":      strings.Replace(path, "/private/", "/private//", 1),
			"upper case":          strings.TrimSuffix(path, "a") + "A",
			"something after it":  path + "%00",
			"an escaped question": path + "%3Fx",
		} {
			a := s.Call("GET", at+"?token="+token, "", nil)
			require.Equal(t, 400, a.Status, name+a.Text)
			require.NotContains(t, a.Text, token, name)
		}
		refuses(t, s.Call("GET", path+"?token="+token[:len(token)-2]+"xx", "", nil), 400, "400", "InvalidJWT")
		parts := strings.Split(token, ".")
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		require.NoError(t, err)
		forged := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), s.folder+"a", s.folder+"b", 1)))
		refuses(t, s.Call("GET", strings.TrimSuffix(path, "a")+"b?token="+parts[0]+"."+forged+"."+parts[2], "", nil), 400, "400", "InvalidJWT")
		for name, bearer := range map[string]string{"a user's token": s.mine, "the anon key": s.Keys.Anon, "the service's key": s.Keys.ServiceRole} {
			a := s.Call("GET", path+"?token="+bearer, "", nil)
			require.Equal(t, "InvalidJWT", a.Str("code"), name)
		}
		other := setup(t, storagetest.New(t, false))
		refuses(t, other.Call("GET", address, "", nil), 400, "400", "InvalidJWT")
		refuses(t, s.Call("PUT", "/object/upload"+strings.TrimPrefix(address, "/object"), "", "x"), 400, "400", "InvalidSignature")

		require.Equal(t, "a", ok(t, s.Call("GET", address, "", nil)).Text)
		s.clock.forward(61 * time.Second)
		refuses(t, s.Call("GET", address, "", nil), 400, "400", "InvalidJWT", "expired")
		_, err = s.Project.Verifier.Verify(token, time.Now())
		require.Error(t, err, "a signed URL's token is no bearer")
	})
}

func TestSignedURLsOfMany(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		s.Put("private", s.folder+"a b", "a")
		s.Put("private", "elsewhere", "x")
		paths := []string{s.folder + "a b", "elsewhere", s.folder + "nothing", "../x", s.folder + "a b"}
		list := rows(t, s.Call("POST", "/object/sign/private", s.mine, map[string]any{"expiresIn": 60, "paths": paths}))
		require.Len(t, list, len(paths))
		for i, entry := range list {
			require.Equal(t, paths[i], entry["path"])
			if i == 0 || i == 4 {
				require.Nil(t, entry["error"])
				require.Equal(t, "a", ok(t, s.Call("GET", encodeURI(entry["signedURL"].(string)), "", nil)).Text)
				continue
			}
			require.Nil(t, entry["signedURL"])
			require.Equal(t, "Either the object does not exist or you do not have access to it", entry["error"])
		}
		refuses(t, s.Call("POST", "/object/sign/private", s.mine, `{"expiresIn":60}`), 400, "400", "MissingParameter", "paths")
		refuses(t, s.Call("POST", "/object/sign/private", s.mine, `{"paths":["a"]}`), 400, "400", "MissingParameter", "expiresIn")
		refuses(t, s.Call("POST", "/object/sign/private", s.mine, map[string]any{"expiresIn": 60, "paths": make([]string, 5001)}), 400, "400", "InvalidParameter")
		refuses(t, s.Call("POST", "/object/sign/a%2Fb", s.mine, map[string]any{"expiresIn": 60, "paths": []string{"a"}}), 400, "400", "InvalidBucketName")
	})
}

func TestSignedImages(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		s.Put("private", s.folder+"a.png", "png")
		path := "/object/sign/private/" + s.folder + "a.png"
		address := ok(t, s.Call("POST", path, s.mine, `{"expiresIn":60,"transform":{"width":100,"resize":"cover","height":null}}`)).Str("signedURL")
		require.True(t, strings.HasPrefix(address, "/render/image/sign/private/"+s.folder+"a.png?token="), address)
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(address, ".")[len(strings.Split(address, "."))-2])
		require.NoError(t, err)
		var claims map[string]any
		require.NoError(t, json.Unmarshal(payload, &claims))
		require.Equal(t, "resize=cover&width=100", claims["transformations"])
		refuses(t, s.Call("GET", strings.Replace(address, "/render/image/", "/object/", 1), "", nil), 400, "400", "InvalidSignature")
		refuses(t, s.Call("POST", path, s.mine, `{"expiresIn":60,"transform":{"width":0}}`), 400, "400", "InvalidParameter")
		refuses(t, s.Call("POST", path, s.mine, `{"expiresIn":60,"transform":{"width":[1]}}`), 400, "400", "InvalidParameter")
		plain := s.With(map[string]string{"storage.image_transformations_enabled": "false"})
		require.True(t, strings.HasPrefix(ok(t, plain.Call("POST", path, s.mine, `{"expiresIn":60,"transform":{"width":100}}`)).Str("signedURL"), "/object/sign/"))
	})
}

func TestSignedUploads(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		name := s.folder + "a b/50%?#.txt"
		path := "/object/upload/sign/private/" + escaped(name)
		a := ok(t, s.Call("POST", path, s.mine, "{}"))
		address, err := url.Parse(a.Str("url"))
		require.NoError(t, err)
		require.Equal(t, a.Str("token"), address.Query().Get("token"))
		require.Equal(t, "/object/upload/sign/private/"+name, address.Path)
		put := ok(t, s.Call("PUT", a.Str("url"), "", "content", "Content-Type", "text/plain", "X-Metadata", "eyJhIjoxfQ=="))
		require.Equal(t, "private/"+name, put.Str("Key"))
		require.Equal(t, "content", s.Read("private", name))
		o, err := s.Objects.Find(t.Context(), s.Service(), "private", name)
		require.NoError(t, err)
		require.Equal(t, s.me, o.OwnerID, "it is of whom the URL was made for")
		require.JSONEq(t, `{"a":1}`, string(o.UserMetadata))
		refuses(t, s.Call("PUT", a.Str("url"), "", "again", "X-Upsert", "true"), 400, "409", "KeyAlreadyExists")
		refuses(t, s.Call("POST", path, s.mine, "{}"), 400, "409", "KeyAlreadyExists")

		upsert := ok(t, s.Call("POST", path, s.mine, "{}", "X-Upsert", "true"))
		body, kind := form(t, fieldPart("cacheControl", "60"), blobPart("image/png", "png"))
		ok(t, s.Call("PUT", upsert.Str("url"), "", body, "Content-Type", kind))
		require.Equal(t, "png", s.Read("private", name))

		refuses(t, s.Call("POST", "/object/upload/sign/private/elsewhere", s.mine, "{}"), 400, "403", "AccessDenied")
		refuses(t, s.Call("POST", "/object/upload/sign/private/elsewhere", "", "{}"), 400, "403", "AccessDenied")
		refuses(t, s.Call("POST", "/object/upload/sign/nothing/x", storagetest.Secret, "{}"), 400, "404", "NoSuchBucket")
		refuses(t, s.Call("POST", "/object/upload/sign/private/a%2F..%2Fb", storagetest.Secret, "{}"), 400, "400", "InvalidKey")
		token := "?token=" + upsert.Str("token")
		refuses(t, s.Call("PUT", "/object/upload/sign/private/"+s.folder+"other"+token, "", "x"), 400, "400", "InvalidSignature")
		refuses(t, s.Call("PUT", "/object/upload/sign/public/"+escaped(name)+token, "", "x"), 400, "400", "InvalidSignature")
		refuses(t, s.Call("GET", "/object/sign/private/"+escaped(name)+token, "", nil), 400, "400", "InvalidSignature")
		refuses(t, s.Call("PUT", path, "", "x"), 400, "400", "MissingParameter")
		s.Owner(`update {storage}.buckets set file_size_limit = 2, allowed_mime_types = '{image/*}' where id = 'private'`)
		refuses(t, s.Call("PUT", upsert.Str("url"), "", "123", "Content-Type", "image/png"), 400, "413", "EntityTooLarge")
		refuses(t, s.Call("PUT", upsert.Str("url"), "", "1", "Content-Type", "text/html"), 400, "415", "InvalidMimeType")
		ok(t, s.Call("POST", "/object/upload/sign/private/"+s.folder+"pic.png", s.mine, "{}")) // of what type is not known yet
		s.clock.forward(2*time.Hour + time.Second)
		refuses(t, s.Call("PUT", upsert.Str("url"), "", "1", "Content-Type", "image/png"), 400, "400", "InvalidJWT", "expired")
		require.Equal(t, "png", s.Read("private", name))
	})
}
