package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNothingIsIgnored: a field or parameter that there is not is refused by name, and those that there are are told.
func TestNothingIsIgnored(t *testing.T) {
	both(t, func(t *testing.T, c *client) {
		c.Put("docs", "a.txt", "a")
		c.Put("pub", "p.txt", "p")
		for _, r := range []struct{ method, path, body, field, known string }{
			{"POST", "/buckets", `{"name":"new","pubic":true}`, "pubic", "allowed_mime_types, file_size_limit, id, name, public"},
			{"POST", "/buckets", `{"name":"new","Public":true}`, "Public", "public"}, // names are of one case
			{"PATCH", "/buckets/docs", `{"fileSizeLimit":1}`, "fileSizeLimit", "file_size_limit"},
			{"DELETE", "/buckets/docs/objects", `{"prefixes":["a.txt"]}`, "prefixes", "names"},
			{"PATCH", "/buckets/docs/metadata/a.txt", `{"cache_control":"no-store","metdata":{}}`, "metdata", "cache_control, content_disposition, metadata, mime_type"},
			{"POST", "/buckets/docs/sign", `{"name":"a.txt","expires_in":60,"expiresIn":60}`, "expiresIn", "download, expires_in, name, names"},
			{"POST", "/buckets/docs/sign-upload", `{"name":"b.txt","upsrt":true}`, "upsrt", "name, upsert"},
			{"POST", "/buckets/docs/archive", `{"names":["a.txt"],"file_name":"x.zip"}`, "file_name", "filename, names, prefix"},
			{"POST", "/copy", `{"from":{"bucket":"docs","name":"a.txt"},"to":{"nam":"b.txt","name":"b.txt"}}`, "to.nam", "bucket, name"},
			{"POST", "/move", `{"from":{"bucket":"docs","name":"a.txt"},"to":{"name":"b.txt"},"overwrite":true}`, "overwrite", "from, to, upsert"},
		} {
			out := c.Call(r.method, r.path, secret, r.body)
			refused(t, out, 400, "VALIDATION_FAILED")
			var body struct {
				Error struct {
					Fields []struct{ Field, Message string }
				}
			}
			require.NoError(t, json.Unmarshal([]byte(out.Text), &body), out.Text)
			require.Len(t, body.Error.Fields, 1, out.Text)
			require.Equal(t, r.field, body.Error.Fields[0].Field)
			require.Contains(t, body.Error.Fields[0].Message, r.known)
		}
		for _, r := range []struct{ method, path, parameter, known string }{
			{"GET", "/buckets?limt=5", `"limt"`, "limit, offset, search, sort"},
			{"POST", "/buckets?upsert=true", `"upsert"`, "takes none"},
			{"GET", "/buckets/docs?x=1", `"x"`, "takes none"},
			{"GET", "/buckets/docs/objects?offset=5", `"offset"`, "cursor, delimiter, limit, prefix, search, sort"},
			{"DELETE", "/buckets/docs/objects?prefix=a", `"prefix"`, "takes none"},
			{"POST", "/buckets/docs/objects/b.txt?upsert=true", `"upsert"`, "takes none"},
			{"GET", "/buckets/docs/objects/a.txt?width=5", `"width"`, "download"},
			{"HEAD", "/buckets/docs/objects/a.txt?width=5", "", ""},
			{"DELETE", "/buckets/docs/objects/a.txt?force", `"force"`, "takes none"},
			{"POST", "/copy?upsert=true", `"upsert"`, "takes none"},
		} {
			out := c.Call(r.method, r.path, secret, nil)
			require.Equal(t, http.StatusBadRequest, out.Status, r.path)
			if r.method == http.MethodHead {
				continue
			}
			refused(t, out, 400, "INVALID_QUERY")
			message := out.Body["error"].(map[string]any)["message"].(string)
			require.Contains(t, message, r.parameter, r.path)
			require.Contains(t, message, r.known, r.path)
		}
		ok(t, c.Call("GET", "/buckets/docs/objects/a.txt", secret, nil), 200) // nothing was done
		ok(t, c.Call("GET", "/public/pub/p.txt?v=3&utm_source=mail", "", nil), 200)
		out := c.Call("POST", "/buckets", secret, `{"`+strings.Repeat("x", 100_000)+`":1}`)
		refused(t, out, 400, "VALIDATION_FAILED")
		require.Less(t, len(out.Text), 2000, "a name is not repeated at any length")
		out = c.Call("POST", "/buckets", secret, `{"name":"n"`+strings.Repeat(`,"x":1`, 1000)+`}`)
		refused(t, out, 400, "VALIDATION_FAILED")
		out = c.Call("GET", "/buckets?"+strings.Repeat("x", 20_000), secret, nil)
		refused(t, out, 400, "INVALID_QUERY")
		require.Less(t, len(out.Text), 2000)
		ok(t, c.Call("PATCH", "/buckets/docs/metadata/a.txt", secret, `{"metadata":{"anything":{"goes":"here"}}}`), 200)
		ok(t, c.Call("PATCH", "/buckets/docs", secret, `{"file_size_limit":null,"allowed_mime_types":null}`), 200)
	})
}
