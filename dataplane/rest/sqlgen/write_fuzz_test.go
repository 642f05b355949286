package sqlgen_test

import (
	"context"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/dataplane/rest/sqlgen"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

var shopColumns = map[string][]string{
	"notes": {"id", "title", `odd "name"`, "shade", "length"},
	"lines": {"note", "n", "text"},
	"loose": {"a"},
}

// write makes the parts of a random write.
func (d dice) write() map[string]string {
	relation := d.one("notes", "notes", "lines", "loose")
	columns := shopColumns[relation]
	var v []string
	filters := d.IntN(3)
	method := d.one("POST", "POST", "PATCH", "PUT", "DELETE")
	if method == "PUT" {
		filters = 0
		for _, k := range map[string][]string{"notes": {"id"}, "lines": {"note", "n"}, "loose": {"a"}}[relation] {
			v = append(v, k+"=eq."+url.QueryEscape(d.value()))
		}
	}
	for range filters {
		v = append(v, url.QueryEscape(`"`+strings.ReplaceAll(d.one(columns...), `"`, `\"`)+`"`)+"="+d.one("eq.", "not.like.", "is.null&x=lt.", "in.(1,2)&x=gt.")+url.QueryEscape(d.value()))
	}
	if d.IntN(3) == 0 {
		v = append(v, "columns="+url.QueryEscape(`"`+strings.ReplaceAll(d.one(columns...), `"`, `\"`)+`",`+d.one(columns[0], columns[0]+`,"`+mark+`"`)))
	}
	if d.IntN(3) == 0 {
		v = append(v, "on_conflict="+d.one(columns[0], "title", "note,n", mark))
	}
	if d.IntN(2) == 0 {
		v = append(v, "select="+d.one("*", columns[0], "x:"+columns[0]+"::text", "lines(n)", "notes!inner(title)", "", "computed", mark), "order="+columns[0])
	}
	key := func() string { return d.one(columns...) }
	object := func() string {
		var out []string
		for range d.IntN(3) {
			out = append(out, `"`+strings.ReplaceAll(key(), `"`, `\"`)+`":`+d.one("1", `"`+mark+`"`, "null", `{"x":[`+"1"+`]}`))
		}
		return "{" + strings.Join(out, ",") + "}"
	}
	parts := map[string]string{
		"request": method + " /" + relation + "?" + strings.Join(v, "&"),
		"prefer":  d.one("", "return=representation", "return=headers-only") + "," + d.one("", "resolution=merge-duplicates", "resolution=ignore-duplicates") + "," + d.sometimes("missing=default"),
		"form":    d.one("", "", "columns", "count", "strip"),
	}
	switch d.IntN(4) {
	case 0:
		parts["body"] = object()
	case 1:
		parts["type"], parts["body"] = "text/csv", strings.Join(columns[:1], ",")+"\n"+mark+"\nNULL\n"
	default:
		parts["body"] = "[" + object() + "," + object() + d.sometimes(","+object()) + "]"
	}
	return parts
}

// call makes the parts of a random call.
func (d dice) call() map[string]string {
	name := d.one("add", "search", "one_column", "anything", "touch", "store", "echo", mark)
	args := d.one("a", "term", "n", "list", "c", mark) + "=" + url.QueryEscape(d.value()) + d.sometimes("&b=1&list=2")
	tail := d.sometimes("&select=id,title,lines(n)") + d.sometimes("&order=id") + d.sometimes("&limit=2&offset=1") + d.sometimes("&title=eq."+mark)
	parts := map[string]string{"request": "GET /rpc/" + name + "?" + args + tail, "form": d.one("", "", "columns", "count", "strip", "scalar")}
	switch d.IntN(5) {
	case 0:
		parts["request"], parts["body"] = "POST /rpc/"+name+"?"+tail, d.one(`{"a":1}`, `{"term":"`+mark+`"}`, `[{"n":1},{"n":2}]`, `{"list":["`+mark+`"]}`, `"`+mark+`"`, "")
	case 1:
		parts["request"], parts["body"], parts["type"] = "POST /rpc/"+name+"?"+tail, mark, d.one("text/plain", "text/xml", "application/octet-stream")
	case 2:
		parts["request"], parts["body"], parts["type"] = "POST /rpc/"+name+"?"+tail, args, "application/x-www-form-urlencoded"
	}
	return parts
}

// FuzzWrites plans random writes and calls: each statement must parse in Postgres, whatever it says of types, and hold no value of the
// request.
func FuzzWrites(f *testing.F) {
	for seed := range uint64(400) {
		f.Add(seed)
	}
	pool := testkit.Database(f, fstest.MapFS{})
	schema, err := os.ReadFile("testdata/shop.sql")
	require.NoError(f, err)
	conn, err := pool.Acquire(f.Context())
	require.NoError(f, err)
	f.Cleanup(conn.Release)
	_, err = conn.Exec(f.Context(), string(schema))
	require.NoError(f, err)
	planned, prepared := 0, 0
	f.Fuzz(func(t *testing.T, seed uint64) {
		d := dice{rand.New(rand.NewPCG(seed, 2))}
		parts := d.write()
		if d.IntN(3) == 0 {
			parts = d.call()
		}
		statement, err := request(t, parts)
		var refused *query.Error
		if err != nil {
			require.ErrorAs(t, err, &refused, parts)
			return
		}
		planned++
		s := sqlgen.Rows(statement)
		require.NotContains(t, strings.ReplaceAll(s.SQL, `"`+mark+`"`, ""), mark, "%v", parts)
		_, err = conn.Conn().PgConn().Prepare(context.Background(), "", s.SQL, nil)
		var pg *pgconn.PgError
		if err != nil {
			require.ErrorAs(t, err, &pg, parts)
			require.Containsf(t, judgedWrites, pg.Code, "%v\n%s\n%s", parts, s.SQL, pg.Message)
			return
		}
		prepared++
	})
	f.Logf("%d of %d statements were good", prepared, planned)
}

// judgedWrites are what Postgres may say of a write that it has understood.
var judgedWrites = map[string]string{
	"42703": "undefined column", "42883": "undefined operator", "22P02": "invalid text", "42P10": "no unique constraint", "428C9": "generated always",
	"42804": "types differ", "22007": "invalid date", "42809": "wrong object type", "42P18": "indeterminate type", "0A000": "not supported",
}
