package meta_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/pg"
)

// TestNobodyCountsUploadsOfTheirOwn: storage.keep_blob knows the worker's statement by its text, in sessions of the authenticator, which SQL with a role
// runs in.
func TestNobodyCountsUploadsOfTheirOwn(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.run("create function keep_blob(version text, size bigint, most bigint, out bytes bigint, out blobs bigint) language sql as 'select * from " +
			pg.Ident(b.project.Schema("storage"), "keep_blob") + "(version, size, most)'")
		const query = "select bytes, blobs from keep_blob($1::text, $2::bigint, $3::bigint)"
		for path, more := range map[string]string{"/query": `"limit":1`, "/export": `"format":"csv"`} {
			status, body := b.call(t.Context(), "POST", path, `{"query":"`+query+`","params":["lease/version","0","0"],"role":"service_role",`+more+`}`)
			require.Equal(t, 400, status, body)
			require.Contains(t, body, "only uploads are counted", path)
		}
		for path, more := range map[string]string{"/query": `"limit":1`, "/export": `"format":"csv"`} {
			status, body := b.call(t.Context(), "POST", path, `{"query":"select 1,\n nosuch","role":"anon",`+more+`}`)
			require.Equal(t, 400, status, body)
			var refused struct{ Position, Line int }
			require.NoError(t, json.Unmarshal([]byte(body), &refused))
			require.Equal(t, 12, refused.Position, path)
			require.Equal(t, 2, refused.Line, path)
		}
	})
}
