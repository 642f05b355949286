package api_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

const secret = storagetest.Secret

func TestBuckets(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		out := ok(t, c.Call("POST", "/buckets", secret, map[string]any{"name": "new one", "public": true, "file_size_limit": 1000, "allowed_mime_types": []string{"image/*"}}), 201)
		require.Equal(t, "/api/v1/storage/buckets/new%20one", out.Header.Get("Location"))
		require.Equal(t, []any{"new one", true, 1000.0, []any{"image/*"}}, []any{out.Body["id"], out.Body["public"], out.Body["file_size_limit"], out.Body["allowed_mime_types"]})
		refused(t, c.Call("POST", "/buckets", secret, map[string]any{"name": "new one"}), 409, "BUCKET_ALREADY_EXISTS")
		refused(t, c.Call("POST", "/buckets", secret, map[string]any{"name": "a/b"}), 400, "INVALID_BUCKET_NAME")
		refused(t, c.Call("POST", "/buckets", secret, map[string]any{}), 400, "MISSING_PARAMETER")
		refused(t, c.Call("POST", "/buckets", c.token, map[string]any{"name": "mine"}), 403, "ACCESS_DENIED")
		refused(t, c.Call("POST", "/buckets", "", map[string]any{"name": "mine"}), 401, "ACCESS_DENIED")

		out = ok(t, c.Call("PATCH", "/buckets/new%20one", secret, map[string]any{"public": false, "file_size_limit": nil}), 200)
		require.Equal(t, []any{false, nil, []any{"image/*"}}, []any{out.Body["public"], out.Body["file_size_limit"], out.Body["allowed_mime_types"]})
		refused(t, c.Call("PATCH", "/buckets/new%20one", secret, map[string]any{"name": "other"}), 400, "INVALID_PARAMETER")
		refused(t, c.Call("PATCH", "/buckets/none", secret, map[string]any{"public": false}), 404, "NO_SUCH_BUCKET")
		ok(t, c.Call("GET", "/buckets/new%20one", secret, nil), 200)
		refused(t, c.Call("GET", "/buckets/docs", c.token, nil), 404, "NO_SUCH_BUCKET")

		out = ok(t, c.Call("GET", "/buckets?limit=2", secret, nil), 200)
		require.Equal(t, `</api/v1/storage/buckets?limit=2&offset=2>; rel="next"`, out.Header.Get("Link"))
		var list []struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(out.Text), &list))
		require.Len(t, list, 2)
		out = ok(t, c.Call("GET", "/buckets?sort=-name&search=U", secret, nil), 200)
		require.Empty(t, out.Header.Get("Link"))
		require.Contains(t, out.Text, `"pub"`)
		require.Equal(t, "[]", ok(t, c.Call("GET", "/buckets", c.token, nil), 200).Text, "nobody may see buckets unless a policy lets them")
		refused(t, c.Call("GET", "/buckets?limit=0", secret, nil), 400, "INVALID_PARAMETER")

		c.Put("docs", "a", "a")
		refused(t, c.Call("DELETE", "/buckets/docs", secret, nil), 409, "RESOURCE_NOT_EMPTY")
		ok(t, c.Call("POST", "/buckets/docs/empty", secret, nil), 204)
		ok(t, c.Call("DELETE", "/buckets/docs", secret, nil), 204)
		refused(t, c.Call("GET", "/buckets/docs", secret, nil), 404, "NO_SUCH_BUCKET")
	})
}

func TestFiles(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		name := c.user + "/Größe 日本.txt"
		at := path("docs", url.PathEscape(c.user)+"/"+url.PathEscape("Größe 日本.txt"))
		out := ok(t, c.Call("POST", at, c.token, "hello", "Content-Type", "text/plain", "Cache-Control", "public, max-age=60", "X-Meta-Author", "Ada", "X-Meta-Über", "x"), 201)
		require.Equal(t, "/api/v1/storage"+at, out.Header.Get("Location"))
		require.Equal(t, name, out.Str("name"))
		require.Equal(t, []any{5.0, "text/plain", c.user}, []any{out.Body["size"], out.Body["mime_type"], out.Body["owner_id"]})
		etag := out.Str("etag")
		require.Equal(t, `"5d41402abc4b2a76b9719d911017c592"`, etag)
		refused(t, c.Call("POST", at, c.token, "again"), 409, "KEY_ALREADY_EXISTS")
		refused(t, c.Call("PUT", at, c.token, "again", "If-Match", `"x"`), 412, "PRECONDITION_FAILED")
		refused(t, c.Call("PUT", at, c.token, "again", "If-None-Match", "*"), 412, "PRECONDITION_FAILED")
		refused(t, c.Call("POST", at+"2", "", "again"), 401, "ACCESS_DENIED")
		_, other := c.User()
		refused(t, c.Call("POST", at+"2", other, "again"), 403, "ACCESS_DENIED")
		refused(t, c.Call("PUT", at, other, "again"), 403, "ACCESS_DENIED")

		out = ok(t, c.Call("GET", at, c.token, nil), 200)
		require.Equal(t, "hello", out.Text)
		require.Equal(t, []string{"text/plain", etag, "private, max-age=60", "5"},
			[]string{out.Header.Get("Content-Type"), out.Header.Get("Etag"), out.Header.Get("Cache-Control"), out.Header.Get("Content-Length")})
		require.Equal(t, "Authorization, Apikey", out.Header.Get("Vary"))
		out = ok(t, c.Call("HEAD", at, c.token, nil), 200)
		require.Equal(t, []string{"", "5"}, []string{out.Text, out.Header.Get("Content-Length")})
		out = ok(t, c.Call("GET", at, c.token, nil, "Range", "bytes=1-2"), 206)
		require.Equal(t, []string{"el", "bytes 1-2/5"}, []string{out.Text, out.Header.Get("Content-Range")})
		refused(t, c.Call("GET", at, c.token, nil, "Range", "bytes=9-"), 416, "RANGE_NOT_SATISFIABLE")
		require.Empty(t, ok(t, c.Call("GET", at, c.token, nil, "If-None-Match", etag), 304).Text)
		out = ok(t, c.Call("GET", at+"?download", c.token, nil), 200)
		require.Equal(t, `attachment; filename="Gr__e __.txt"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%E6%97%A5%E6%9C%AC.txt`, out.Header.Get("Content-Disposition"))
		refused(t, c.Call("GET", at+"?download="+long[:2000], c.token, nil), 400, "INVALID_PARAMETER")
		for _, bearer := range []string{"", other} {
			refused(t, c.Call("GET", at, bearer, nil), 404, "NO_SUCH_KEY")
		}
		refused(t, c.Call("GET", "/public"+strings.TrimPrefix(at, "/buckets"), "", nil), 404, "NO_SUCH_KEY")

		ok(t, c.Call("PUT", at, c.token, long, "Content-Type", "application/json"), 200)
		require.Equal(t, long, ok(t, c.Call("GET", at, c.token, nil), 200).Text)
		refused(t, c.Call("DELETE", at, other, nil), 404, "NO_SUCH_KEY")
		ok(t, c.Call("DELETE", at, c.token, nil), 204)
		refused(t, c.Call("DELETE", at, c.token, nil), 404, "NO_SUCH_KEY")
	})
}

func TestPublicFiles(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		ok(t, c.Call("PUT", path("pub", "a/b.html"), secret, "<p>", "Content-Type", "text/html", "Cache-Control", "max-age=60"), 200)
		out := ok(t, c.Call("GET", "/public/pub/a/b.html", "", nil), 200)
		require.Equal(t, []string{"<p>", "max-age=60", "text/html"}, []string{out.Text, out.Header.Get("Cache-Control"), out.Header.Get("Content-Type")})
		c.Put("docs", "a", "secret")
		for _, hidden := range []string{"/public/docs/a", "/public/none/a", "/public/pub/none", "/public/pub/%2e%2e/docs/a", "/public/pub%2F..%2Fdocs/a"} {
			out := c.Call("GET", hidden, "", nil)
			require.Contains(t, []int{400, 404}, out.Status, hidden)
			require.NotContains(t, out.Text, "secret", hidden)
		}
	})
}

func TestWhatIsRefused(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		for _, bad := range []string{"..%2Fx", "a/%2e%2e/b", "a//b", "a%5Cb", "a%00b", "a/", "%0a", strings.Repeat("x", 1025), "%ff", "a%E2%80%AEb"} {
			for _, method := range []string{"PUT", "POST", "GET", "DELETE"} {
				refused(t, c.Call(method, path("pub", bad), secret, "x"), 400, "INVALID_KEY")
			}
		}
		refused(t, c.Call("PUT", path("pub", "form"), secret, "x", "Content-Type", "multipart/form-data; boundary=x"), 415, "INVALID_MIME_TYPE")
		refused(t, c.Call("PUT", path("pub", "a"), secret, "x", "Content-Type", "nonsense"), 415, "INVALID_MIME_TYPE")
		refused(t, c.Call("PUT", path("none", "a"), secret, "x"), 404, "NO_SUCH_BUCKET")
		refused(t, c.Call("PUT", path("pub", "a"), secret, "x", "X-Meta-Bad", "\xff"), 400, "INVALID_METADATA")
		refused(t, c.Call("PUT", path("pub", "a"), secret, "x", "X-Meta-Huge", strings.Repeat("x", 70_000)), 400, "INVALID_REQUEST")
		refused(t, c.Call("GET", "/nothing", secret, nil), 404, "ROUTE_NOT_FOUND")
		out := c.Call("PATCH", "/buckets", secret, map[string]any{})
		refused(t, out, 405, "METHOD_NOT_ALLOWED")
		require.Equal(t, "GET, POST", out.Header.Get("Allow"))
		limited := c.With(map[string]string{"storage.file_size_limit": "10"})
		refused(t, limited.Call("PUT", path("pub", "a"), secret, "more than ten bytes"), 413, "ENTITY_TOO_LARGE")
		require.Empty(t, c.StoredKeys(), "nothing stays of what was refused")
	})
}

func TestListing(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		for i := range 5 {
			c.Put("docs", fmt.Sprintf("%s/%d.txt", c.user, i), "x")
		}
		c.Put("docs", c.user+"/deep/a", "x")
		c.Put("docs", "other/a", "x")
		list := "/buckets/docs/objects?"
		require.Len(t, objects(t, c.Call("GET", list, secret, nil)), 7)
		require.Len(t, objects(t, c.Call("GET", list, c.token, nil)), 6, "as policies have it")
		require.Empty(t, objects(t, c.Call("GET", list, "", nil)))
		out := ok(t, c.Call("GET", list+"delimiter=/&prefix="+c.user+"/", c.token, nil), 200)
		require.Equal(t, []any{c.user + "/deep/"}, out.Body["folders"])
		require.Len(t, objects(t, out), 5)
		// Page by page.
		var seen []string
		target := list + "limit=2&apikey=fbk_pub_x"
		for target != "" {
			out := c.Call("GET", target, c.token, nil)
			seen = append(seen, objects(t, out)...)
			link := out.Header.Get("Link")
			require.NotContains(t, link, "apikey")
			if out.Body["next_cursor"] == nil {
				require.Empty(t, link)
				break
			}
			target = strings.TrimSuffix(strings.TrimPrefix(link, "</api/v1/storage"), `>; rel="next"`)
		}
		require.Len(t, seen, 6)
		require.IsIncreasing(t, seen)
		require.Equal(t, c.user+"/deep/a", objects(t, c.Call("GET", list+"sort=-name&limit=1", c.token, nil))[0])
		require.Len(t, objects(t, c.Call("GET", list+"sort=-created_at&limit=3", c.token, nil)), 3)
		for _, bad := range []string{"limit=0", "limit=1001", "limit=x", "sort=size", "cursor=x", "prefix=../", "delimiter=" + strings.Repeat("/", 20)} {
			require.Equal(t, 400, c.Call("GET", list+bad, c.token, nil).Status, bad)
		}
		// Behind a path, links lead there.
		r := httptest.NewRequestWithContext(t.Context(), "GET", list+"limit=1", nil)
		r.Header.Set("X-Forwarded-Prefix", "/p/abc")
		require.True(t, strings.HasPrefix(c.Do(r, secret).Header.Get("Link"), "</p/abc/api/v1/storage/buckets/docs/objects?"))
	})
}

func TestMetadata(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		ok(t, c.Call("PUT", path("docs", c.user+"/a"), c.token, "hello", "Content-Type", "text/plain", "X-Meta-Author", "Ada"), 200)
		at := "/buckets/docs/metadata/" + c.user + "/a"
		out := ok(t, c.Call("GET", at, c.token, nil), 200)
		require.Equal(t, map[string]any{"author": "Ada"}, out.Body["metadata"])
		out = ok(t, c.Call("PATCH", at, c.token, map[string]any{"mime_type": "text/html", "cache_control": "max-age=1", "metadata": map[string]any{"n": 1}}), 200)
		require.Equal(t, []any{"text/html", "max-age=1", map[string]any{"n": 1.0}, 5.0}, []any{out.Body["mime_type"], out.Body["cache_control"], out.Body["metadata"], out.Body["size"]})
		out = ok(t, c.Call("PATCH", at, c.token, map[string]any{"metadata": nil}), 200)
		require.Equal(t, []any{map[string]any{}, "text/html"}, []any{out.Body["metadata"], out.Body["mime_type"]})
		_, other := c.User()
		refused(t, c.Call("GET", at, other, nil), 404, "NO_SUCH_KEY")
		refused(t, c.Call("PATCH", at, other, map[string]any{"mime_type": "text/html"}), 404, "NO_SUCH_KEY")
		refused(t, c.Call("PATCH", at, c.token, map[string]any{}), 400, "MISSING_PARAMETER")
		refused(t, c.Call("PATCH", at, c.token, map[string]any{"mime_type": "no"}), 415, "INVALID_MIME_TYPE")
		refused(t, c.Call("PATCH", at, c.token, map[string]any{"metadata": []int{1}}), 400, "INVALID_REQUEST")
		refused(t, c.Call("PATCH", at, c.token, map[string]any{"cache_control": "a\r\nSet-Cookie: x"}), 400, "INVALID_REQUEST")
		c.Owner("update {storage}.buckets set allowed_mime_types = '{text/*}' where id = 'docs'")
		refused(t, c.Call("PATCH", at, c.token, map[string]any{"mime_type": "image/png"}), 415, "INVALID_MIME_TYPE")
		require.Equal(t, "hello", c.Read("docs", c.user+"/a"))
	})
}

func TestCopyAndMove(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		c.Put("docs", c.user+"/a", "hello")
		from := map[string]any{"bucket": "docs", "name": c.user + "/a"}
		out := ok(t, c.Call("POST", "/copy", c.token, map[string]any{"from": from, "to": map[string]any{"name": c.user + "/b"}}), 201)
		require.Equal(t, []string{"docs", c.user + "/b"}, []string{out.Str("bucket"), out.Str("name")})
		refused(t, c.Call("POST", "/copy", c.token, map[string]any{"from": from, "to": map[string]any{"name": c.user + "/b"}}), 409, "KEY_ALREADY_EXISTS")
		ok(t, c.Call("POST", "/copy", c.token, map[string]any{"from": from, "to": map[string]any{"name": c.user + "/b"}, "upsert": true}), 201)
		refused(t, c.Call("POST", "/copy", c.token, map[string]any{"from": from, "to": map[string]any{"bucket": "pub", "name": "b"}}), 403, "ACCESS_DENIED")
		refused(t, c.Call("POST", "/copy", c.token, map[string]any{"from": from, "to": map[string]any{"name": "../b"}}), 400, "INVALID_KEY")
		refused(t, c.Call("POST", "/move", c.token, map[string]any{"from": from, "to": map[string]any{"name": "other/b"}}), 403, "ACCESS_DENIED")
		refused(t, c.Call("POST", "/move", c.token, map[string]any{"from": from, "to": map[string]any{"name": c.user + "/b"}}), 409, "KEY_ALREADY_EXISTS")
		refused(t, c.Call("POST", "/move", c.token, map[string]any{"from": from}), 400, "MISSING_PARAMETER")
		refused(t, c.Call("POST", "/move", c.token, map[string]any{"from": from, "to": map[string]any{"name": "x"}, "upsert": true}), 400, "INVALID_PARAMETER")
		ok(t, c.Call("POST", "/move", c.token, map[string]any{"from": from, "to": map[string]any{"name": c.user + "/c"}}), 200)
		_, other := c.User()
		refused(t, c.Call("POST", "/copy", other, map[string]any{"from": map[string]any{"bucket": "docs", "name": c.user + "/c"}, "to": map[string]any{"name": "x"}}), 404, "NO_SUCH_KEY")
		require.Equal(t, "hello", c.Read("docs", c.user+"/c"))
		require.Equal(t, "hello", c.Read("docs", c.user+"/b"))
	})
}

func TestDeletingMany(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		c.Put("docs", c.user+"/a", "x")
		c.Put("docs", c.user+"/b", "x")
		c.Put("docs", "other/a", "x")
		many := "/buckets/docs/objects"
		out := ok(t, c.Call("DELETE", many, c.token, map[string]any{"names": []string{c.user + "/a", "other/a", c.user + "/none"}}), 200)
		require.Equal(t, []any{c.user + "/a"}, out.Body["deleted"])
		require.Len(t, objects(t, c.Call("GET", many, secret, nil)), 2)
		refused(t, c.Call("DELETE", many, c.token, map[string]any{}), 400, "MISSING_PARAMETER")
		refused(t, c.Call("DELETE", many, c.token, map[string]any{"names": []string{"../a"}}), 400, "INVALID_KEY")
		refused(t, c.Call("DELETE", many, c.token, "{"), 400, "INVALID_REQUEST")
		refused(t, c.Call("DELETE", many, c.token, map[string]any{"names": make([]string, 1001)}), 400, "INVALID_REQUEST")
	})
}
