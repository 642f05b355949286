package api_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/sign"
)

// tokenOf opens the token of a signed URL.
func (c *client) tokenOf(address string, use sign.Use) (path string, g sign.Grant) {
	c.T.Helper()
	u, err := url.Parse(address)
	require.NoError(c.T, err)
	g, err = sign.Open(c.Project, u.Query().Get("token"), use, time.Now())
	require.NoError(c.T, err)
	return u.EscapedPath(), g
}

func TestSignedURLs(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		name := c.user + "/ä b?#%.txt"
		c.Put("docs", name, "x")
		c.Put("docs", "other/a", "x")
		at := "/buckets/docs/sign"
		out := ok(t, c.Call("POST", at, c.token, map[string]any{"name": name, "expires_in": 60, "download": "my file.txt"}), 200)
		path, g := c.tokenOf(out.Str("url"), sign.Download)
		require.Equal(t, "/storage/v1/object/sign/docs/"+c.user+"/%C3%A4%20b%3F%23%25.txt", path)
		require.Equal(t, []string{"docs", name}, []string{g.Bucket, g.Name})
		require.WithinDuration(t, time.Now().Add(time.Minute), g.Expires, 5*time.Second)
		require.True(t, strings.HasSuffix(out.Str("url"), "&download=my+file.txt"))
		require.Equal(t, g.Expires.Format(time.RFC3339), out.Str("expires_at"))
		out = ok(t, c.Call("POST", at, c.token, map[string]any{"name": name, "expires_in": 60}), 200)
		require.NotContains(t, out.Str("url"), "download")

		out = ok(t, c.Call("POST", at, c.token, map[string]any{"names": []string{name, "other/a", "none"}, "expires_in": 60, "download": ""}), 200)
		urls := out.Body["urls"].([]any)
		require.Len(t, urls, 3)
		require.Contains(t, urls[0].(map[string]any)["url"], "&download=%C3%A4+b%3F%23%25.txt")
		require.Equal(t, map[string]any{"name": "other/a", "url": nil}, urls[1], "what is hidden is as what is not there")
		require.Equal(t, map[string]any{"name": "none", "url": nil}, urls[2])

		_, other := c.User()
		refused(t, c.Call("POST", at, other, map[string]any{"name": name, "expires_in": 60}), 404, "NO_SUCH_KEY")
		for _, bad := range []map[string]any{
			{}, {"name": name}, {"name": name, "expires_in": 0}, {"name": name, "expires_in": int64(4e9)}, {"name": name, "names": []string{name}, "expires_in": 60},
			{"names": make([]string, 1001), "expires_in": 60}, {"name": "../x", "expires_in": 60}, {"name": name, "expires_in": "x"},
		} {
			require.Equal(t, 400, c.Call("POST", at, c.token, bad).Status, bad)
		}
	})
}

func TestSignedUploads(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		at := "/buckets/docs/sign-upload"
		out := ok(t, c.Call("POST", at, c.token, map[string]any{"name": c.user + "/new", "upsert": true}), 200)
		path, g := c.tokenOf(out.Str("url"), sign.Upload)
		require.Equal(t, "/storage/v1/object/upload/sign/docs/"+c.user+"/new", path)
		require.Equal(t, sign.Grant{Use: sign.Upload, Bucket: "docs", Name: c.user + "/new", Upsert: true, Owner: c.user, Expires: g.Expires}, g)
		require.Contains(t, out.Str("url"), out.Str("token"))
		refused(t, c.Call("POST", at, c.token, map[string]any{"name": "other/new"}), 403, "ACCESS_DENIED")
		refused(t, c.Call("POST", at, "", map[string]any{"name": "new"}), 401, "ACCESS_DENIED")
		refused(t, c.Call("POST", at, c.token, map[string]any{"name": "a/../b"}), 400, "INVALID_KEY")
		c.Put("docs", c.user+"/there", "x")
		refused(t, c.Call("POST", at, c.token, map[string]any{"name": c.user + "/there"}), 409, "KEY_ALREADY_EXISTS")
	})
}
