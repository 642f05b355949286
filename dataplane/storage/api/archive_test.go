package api_test

import (
	"archive/zip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/api"
)

// unzip reads all of an archive, with its checksums.
func unzip(t *testing.T, text string) map[string]string {
	t.Helper()
	z, err := zip.NewReader(strings.NewReader(text), int64(len(text)))
	require.NoError(t, err)
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NotContains(t, out, f.Name, "every entry has a name of its own")
		out[f.Name] = string(content)
	}
	return out
}

func TestArchive(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		c.Put("docs", c.user+"/a.txt", "hello")
		c.Put("docs", c.user+"/deep/日本.txt", long)
		c.Put("docs", c.user+"/deep/empty", "")
		ok(t, c.Call("PUT", path("docs", c.user+"/z.zip"), c.token, long, "Content-Type", "application/zip"), 200)
		c.Put("docs", "other/secret", "secret")
		all := map[string]string{c.user + "/a.txt": "hello", c.user + "/deep/日本.txt": long, c.user + "/deep/empty": "", c.user + "/z.zip": long}
		at := "/buckets/docs/archive"
		out := ok(t, c.Call("POST", at, c.token, map[string]any{"prefix": "", "filename": "all.zip"}), 200)
		require.Equal(t, all, unzip(t, out.Text), "only what the caller may read")
		require.Equal(t, []string{"application/zip", `attachment; filename="all.zip"; filename*=UTF-8''all.zip`, "no-store"},
			[]string{out.Header.Get("Content-Type"), out.Header.Get("Content-Disposition"), out.Header.Get("Cache-Control")})
		require.Less(t, len(out.Text), len(long)+50_000, "text is compressed")
		out = ok(t, c.Call("POST", at, c.token, map[string]any{"prefix": c.user + "/deep/", "names": []string{c.user + "/a.txt", c.user + "/deep/empty", c.user + "/a.txt"}}), 200)
		delete(all, c.user+"/z.zip")
		require.Equal(t, all, unzip(t, out.Text))

		refused(t, c.Call("POST", at, c.token, map[string]any{}), 400, "MISSING_PARAMETER")
		refused(t, c.Call("POST", at, c.token, map[string]any{"prefix": "", "filename": long}), 400, "INVALID_PARAMETER")
		refused(t, c.Call("POST", at, c.token, map[string]any{"prefix": "other/"}), 404, "NO_SUCH_KEY")
		refused(t, c.Call("POST", at, c.token, map[string]any{"names": []string{c.user + "/a.txt", "other/secret"}}), 404, "NO_SUCH_KEY")
		refused(t, c.Call("POST", at, c.token, map[string]any{"names": []string{"../a"}}), 400, "INVALID_KEY")
		refused(t, c.Call("POST", at, c.token, map[string]any{"prefix": "../"}), 400, "INVALID_KEY")
		refused(t, c.Call("POST", "/buckets/%2e%2e/archive", c.token, map[string]any{"prefix": ""}), 400, "INVALID_BUCKET_NAME")
		refused(t, c.Call("POST", at, "", map[string]any{"prefix": ""}), 404, "NO_SUCH_KEY")
		_, other := c.User()
		refused(t, c.Call("POST", at, other, map[string]any{"names": []string{c.user + "/a.txt"}}), 404, "NO_SUCH_KEY")
	})
}

func TestArchivesAreBounded(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		for i := range 3 {
			c.Put("docs", fmt.Sprintf("%d", i), "0123456789")
		}
		at := "/buckets/docs/archive"
		c.Handler = c.handler(func(d *api.Deps) { d.ArchiveFiles = 2 })
		refused(t, c.Call("POST", at, secret, map[string]any{"prefix": ""}), 400, "ARCHIVE_TOO_LARGE")
		refused(t, c.Call("POST", at, secret, map[string]any{"names": []string{"0", "1", "2"}}), 400, "ARCHIVE_TOO_LARGE")
		ok(t, c.Call("POST", at, secret, map[string]any{"names": []string{"0", "1"}}), 200)
		c.Handler = c.handler(func(d *api.Deps) { d.ArchiveBytes = 25 })
		refused(t, c.Call("POST", at, secret, map[string]any{"prefix": ""}), 400, "ARCHIVE_TOO_LARGE")
		// Rows can lie: the project's owner writes them. The connection breaks.
		c.Owner(`update {storage}.objects set metadata = metadata || '{"size": 0}'`)
		require.Panics(t, func() { c.Call("POST", at, secret, map[string]any{"prefix": ""}) })
	})
}

// TestHalfAnArchiveDoesNotLookWhole: bytes that are lost break the connection of who has got others already.
func TestHalfAnArchiveDoesNotLookWhole(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		c.Put("docs", "a", long)
		lost := c.Put("docs", "b", "lost")
		require.NoError(t, c.Blobs.Remove(t.Context(), c.Project, lost.Version))
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.Serve(w, r, secret) }))
		t.Cleanup(server.Close)
		post := func(body string) (int, string, error) {
			answer, err := http.Post(server.URL+"/buckets/docs/archive", "application/json", strings.NewReader(body))
			if err != nil {
				return 0, "", err
			}
			defer func() { _ = answer.Body.Close() }()
			text, err := io.ReadAll(answer.Body)
			return answer.StatusCode, string(text), err
		}
		_, _, err := post(`{"prefix":""}`)
		require.Error(t, err)
		status, text, err := post(`{"names":["b"]}`)
		require.NoError(t, err)
		require.Equal(t, http.StatusInternalServerError, status, "nothing was sent yet: a plain refusal")
		require.NotContains(t, text, lost.Version)
		status, text, err = post(`{"names":["a"]}`)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, map[string]string{"a": long}, unzip(t, text))
	})
}

// TestEntriesStayInTheirFolder: names that only SQL can have written lead nowhere when the archive is unpacked.
func TestEntriesStayInTheirFolder(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		o := c.Put("docs", "plain", "x")
		for _, name := range []string{
			"../../etc/passwd", "/abs", `..\win`, "C:/x", "a//b", "./a", "nul", "con.txt", "dots..", "tab\tx", "A.txt", "a.txt", "x", "x/y", "rtl\u202egnp", `q"<>|?*`,
		} {
			c.Owner(`insert into {storage}.objects (bucket_id, name, version, metadata) select 'docs', $1, $2, '{"size": 1}'`, name, o.Version)
		}
		out := ok(t, c.Call("POST", "/buckets/docs/archive", secret, map[string]any{"prefix": ""}), 200)
		got := unzip(t, out.Text)
		require.Len(t, got, 17)
		folders := map[string]bool{}
		for name := range got {
			require.NotContains(t, name, `\`)
			require.NotContains(t, name, ":")
			for i, segment := range strings.Split(name, "/") {
				require.NotContains(t, []string{"", ".", "..", "nul", "con.txt"}, segment, name)
				if i > 0 {
					folders[strings.Join(strings.Split(name, "/")[:i], "/")] = true
				}
			}
		}
		for folder := range folders {
			require.NotContains(t, got, folder, "no file is a folder too")
		}
		require.Contains(t, got, "_nul")
	})
}
