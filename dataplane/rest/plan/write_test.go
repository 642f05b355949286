package plan_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// desk is a catalog with a table, a table without a key, and functions.
func desk(t testing.TB, functions ...string) (*catalog.Catalog, *catalog.Schema) {
	t.Helper()
	c := catalog.New(&directory.Project{SchemaPrefix: "abc_"}, []string{"public"})
	for _, r := range []string{
		`{"schema":"abc_public","name":"notes","kind":"r","columns":[{"name":"a","type":"bigint","base":"bigint"},{"name":"b","type":"text","base":"text"},
			{"name":"sum","type":"text","base":"text","generated":true}],"keys":[{"name":"notes_pkey","primary":true,"columns":["a"]}]}`,
		`{"schema":"abc_public","name":"pairs","kind":"r","columns":[{"name":"a","type":"bigint","base":"bigint"},{"name":"b","type":"text","base":"text"}],
			"keys":[{"name":"pairs_pkey","primary":true,"columns":["a","b"]}]}`,
		`{"schema":"abc_public","name":"loose","kind":"r","columns":[{"name":"a","type":"bigint","base":"bigint"}]}`,
	} {
		require.NoError(t, c.Add("relation", []byte(r)))
	}
	for _, f := range functions {
		require.NoError(t, c.Add("function", []byte(f)))
	}
	return c, c.Schemas["public"]
}

// planWrite plans "POST /notes?columns=a" with a Prefer header and a body.
func planWrite(t testing.TB, line, prefer, body string, o plan.Options) (*plan.Write, error) {
	t.Helper()
	method, target, _ := strings.Cut(line, " ")
	path, raw, _ := strings.Cut(target, "?")
	c, s := desk(t)
	q, err := query.Parse(raw, false)
	require.NoError(t, err)
	r, err := plan.Relation(s, strings.TrimPrefix(path, "/"))
	require.NoError(t, err)
	p := query.ParsePrefer([]string{prefer})
	if method == "DELETE" {
		return plan.NewDelete(c, s, r, q, p, o)
	}
	b, err := payload.Read(strings.NewReader(body), query.MediaType{}, payload.Options{Columns: q.Columns})
	require.NoError(t, err)
	planners := map[string]func(*catalog.Catalog, *catalog.Schema, *catalog.Relation, *query.Query, query.Preferences, *payload.Body, plan.Options) (*plan.Write, error){
		"POST": plan.NewInsert, "PUT": plan.NewPut, "PATCH": plan.NewUpdate,
	}[method]
	return planners(c, s, r, q, p, b, o)
}

func TestWritesThatAreRefused(t *testing.T) {
	t.Parallel()
	filtered := plan.Options{RequireFilter: true}
	for _, c := range []struct {
		name, request, body string
		options             plan.Options
		status              int
		code, message       string
	}{
		{"keys that differ", "POST /notes", `[{"a":1},{"b":2}]`, plan.Options{}, 400, "PGRST102", "All object keys must match"},
		{"what is no object among objects", "POST /notes", `[{"a":1},2]`, plan.Options{}, 400, "PGRST102", "All object keys must match"},
		{"with columns too", "POST /notes?columns=a", `[{"a":1},2]`, plan.Options{}, 400, "22023", "argument of json_to_recordset must be an array of objects"},
		{"a value", "POST /notes", `1`, plan.Options{}, 400, "PGRST102", "Empty or invalid json"},
		{"an object as text", "POST /notes", `"{\"a\":1}"`, plan.Options{}, 400, "PGRST102", "Empty or invalid json"},
		{"an unknown column", "POST /notes", `{"x":1}`, plan.Options{}, 400, "PGRST204", "Could not find the 'x' column of 'notes' in the schema cache"},
		{"an unknown named column", "PATCH /notes?columns=x", `{"a":1}`, plan.Options{}, 400, "PGRST204", "Could not find the 'x' column of 'notes' in the schema cache"},
		{"an endless name", "POST /notes", `{"` + strings.Repeat("é", 1000) + `":1}`, plan.Options{}, 400, "PGRST204", "Could not find the '" + strings.Repeat("é", 100) + "…' column of 'notes' in the schema cache"},
		{"a PUT with a limit", "PUT /notes?a=eq.1&limit=1", `{"a":1}`, plan.Options{}, 400, "PGRST114", "limit/offset querystring parameters are not allowed for PUT"},
		{"a PUT with an offset", "PUT /notes?a=eq.1&offset=1", `{"a":1}`, plan.Options{}, 400, "PGRST114", "limit/offset querystring parameters are not allowed for PUT"},
		{"a PUT without a filter", "PUT /notes", `{"a":1}`, plan.Options{}, 405, "PGRST105", "Filters must include all and only primary key columns with 'eq' operators"},
		{"a PUT with another filter", "PUT /notes?a=eq.1&b=eq.1", `{"a":1}`, plan.Options{}, 405, "PGRST105", "Filters must include all and only primary key columns with 'eq' operators"},
		{"a PUT with half a key", "PUT /pairs?a=eq.1", `{"a":1}`, plan.Options{}, 405, "PGRST105", "Filters must include all and only primary key columns with 'eq' operators"},
		{"a PUT with another operator", "PUT /notes?a=gt.1", `{"a":1}`, plan.Options{}, 405, "PGRST105", "Filters must include all and only primary key columns with 'eq' operators"},
		{"a PUT with a negation", "PUT /notes?a=not.eq.1", `{"a":1}`, plan.Options{}, 405, "PGRST105", "Filters must include all and only primary key columns with 'eq' operators"},
		{"a PUT with a tree", "PUT /notes?or=(a.eq.1,a.eq.2)", `{"a":1}`, plan.Options{}, 405, "PGRST105", "Filters must include all and only primary key columns with 'eq' operators"},
		{"a PUT with a choice", "PUT /notes?a=eq(any).{1,2}", `{"a":1}`, plan.Options{}, 405, "PGRST105", "Filters must include all and only primary key columns with 'eq' operators"},
		{"a PUT without a key", "PUT /loose?a=eq.1", `{"a":1}`, plan.Options{}, 405, "PGRST105", "Filters must include all and only primary key columns with 'eq' operators"},
		{"a PUT whose body has no key", "PUT /notes?a=eq.1", `{"b":1}`, plan.Options{}, 400, "PGRST115", "Payload values do not match URL in primary key column(s)"},
		{"a PUT of nothing", "PUT /notes?a=eq.1", `[]`, plan.Options{}, 400, "PGRST115", "Payload values do not match URL in primary key column(s)"},
		{"an update of all", "PATCH /notes", `{"b":1}`, filtered, 400, "21000", "UPDATE requires a WHERE clause"},
		{"a deletion of all", "DELETE /notes", ``, filtered, 400, "21000", "DELETE requires a WHERE clause"},
		{"a deletion of all with a window", "DELETE /notes?limit=1&order=a", ``, filtered, 400, "21000", "DELETE requires a WHERE clause"},
		{"an embed that is not there", "DELETE /notes?select=x(*)", ``, plan.Options{}, 400, "PGRST200", "Could not find a relationship between 'notes' and 'x' in the schema cache"},
	} {
		_, err := planWrite(t, c.request, "return=representation", c.body, c.options)
		var refusal *query.Error
		require.ErrorAs(t, err, &refusal, c.name)
		require.Equal(t, []any{c.status, c.code, c.message}, []any{refusal.Status, refusal.Code, refusal.Message}, c.name)
	}
	_, err := planWrite(t, "POST /notes?on_conflict=x", "resolution=merge-duplicates", `{"a":1}`, plan.Options{})
	require.ErrorContains(t, err, `column "x" does not exist`)
}

func TestWritesOfNothing(t *testing.T) {
	t.Parallel()
	filtered := plan.Options{RequireFilter: true}
	for _, c := range []struct {
		request, body string
		nothing       bool
	}{
		{"POST /notes", `[]`, true}, {"POST /notes", `{}`, false}, {"POST /notes", `[{}]`, false}, {"POST /notes?columns=a", `[]`, true},
		{"PATCH /notes", `{}`, true}, {"PATCH /notes", `[]`, true}, {"PATCH /notes", `[{}]`, true}, {"PATCH /notes?columns=a", `[]`, true},
		{"PATCH /notes?a=eq.1", `{"a":1}`, false}, {"PATCH /notes?columns=b&a=eq.1", `{}`, false}, {"DELETE /notes?a=eq.1", ``, false},
	} {
		w, err := planWrite(t, c.request, "", c.body, filtered)
		require.NoError(t, err, c)
		require.Equal(t, c.nothing, w.Nothing(), c)
	}
}

func TestColumnsOfWrites(t *testing.T) {
	t.Parallel()
	names := func(list []*catalog.Column) (out []string) {
		for _, c := range list {
			out = append(out, c.Name)
		}
		return out
	}
	const missing = "missing=default"
	for _, c := range []struct {
		request, prefer, body     string
		columns, defaults, resets []string
	}{
		{"POST /notes", "", `{"b":1,"a":2,"b":3}`, []string{"b", "a"}, nil, nil},
		{"POST /notes?columns=b,b", "", `[{"a":1},{"c":1}]`, []string{"b"}, nil, nil},
		{"POST /notes?columns=a,b", missing, `[{"a":1},{"a":2,"b":3}]`, []string{"a", "b"}, []string{"b"}, nil},
		{"POST /notes?columns=a,b", missing, `[{"a":1},{"a":2}]`, []string{"a"}, nil, nil},
		{"POST /notes?columns=a,b,sum", missing, `{"a":null}`, []string{"a"}, nil, nil},
		{"POST /notes", missing, `{"a":1}`, []string{"a"}, nil, nil},
		{"PATCH /notes?columns=a,b,sum", missing, `{"b":1}`, []string{"b"}, nil, []string{"a"}},
	} {
		w, err := planWrite(t, c.request, c.prefer, c.body, plan.Options{})
		require.NoError(t, err, c)
		require.Equal(t, [][]string{c.columns, c.defaults, c.resets}, [][]string{names(w.Columns), names(w.Defaults), names(w.Reset)}, c)
	}
}

func TestWhatWritesReturn(t *testing.T) {
	t.Parallel()
	o := plan.Options{MaxRows: 5}
	w, err := planWrite(t, "PATCH /notes?a=eq.1&select=b&limit=1&order=b", "return=representation", `{"b":1}`, o)
	require.NoError(t, err)
	require.True(t, w.Returning.Written)
	require.Len(t, w.Where, 1)
	require.Empty(t, w.Returning.Where, "the filters were of the rows as they were")
	require.Negative(t, w.Returning.Limit, "all rows that were written are returned")
	require.Len(t, w.Returning.Order, 1)
	w, err = planWrite(t, "PATCH /notes?a=eq.1&select=nonsense", "return=minimal", `{"b":1}`, o)
	require.NoError(t, err, "what is not returned does not matter")
	require.Nil(t, w.Returning)
	w, err = planWrite(t, "POST /pairs", "return=headers-only", `{"b":1}`, o)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, w.Location)
	w, err = planWrite(t, "PATCH /pairs", "return=headers-only", `{"b":1}`, o)
	require.NoError(t, err)
	require.Nil(t, w.Location)
}

func TestResolutions(t *testing.T) {
	t.Parallel()
	w, err := planWrite(t, "POST /notes", "resolution=merge-duplicates", `{"a":1}`, plan.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, w.Conflict)
	w, err = planWrite(t, "POST /notes?on_conflict=b", "resolution=ignore-duplicates", `{"a":1}`, plan.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"b"}, w.Conflict)
	require.Equal(t, "ignore-duplicates", w.Resolution)
	w, err = planWrite(t, "POST /loose", "resolution=merge-duplicates", `{"a":1}`, plan.Options{})
	require.NoError(t, err)
	require.Empty(t, w.Resolution, "without a key there are no duplicates, and the preference is not applied")
	w, err = planWrite(t, "POST /notes?on_conflict=b", "", `{"a":1}`, plan.Options{})
	require.NoError(t, err)
	require.Empty(t, w.Resolution)
	w, err = planWrite(t, "PUT /pairs?a=eq.1&b=eq.x", "resolution=ignore-duplicates", `{"a":1,"b":"x"}`, plan.Options{})
	require.NoError(t, err)
	require.Equal(t, "merge-duplicates", w.Resolution)
	require.Len(t, w.Where, 2)
	require.Equal(t, http.StatusBadRequest, plan.PutMismatch().Status)
}

// TestPlainWrites checks which writes are as plain as their relation. What is "insert" needs Relation.PlainInsert, what is "change"
// PlainChange; what is "" is never plain.
func TestPlainWrites(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ request, prefer, body, needs string }{
		{"POST /notes", "", `{"a":1}`, "insert"},
		{"POST /notes", "", `[{"a":1},{"a":2}]`, "insert"},
		{"POST /notes", "", `[]`, "insert"},
		{"POST /notes", "", `{}`, "insert"},
		{"POST /notes", "return=representation", `{"a":1}`, "insert"},
		{"POST /notes", "return=headers-only", `{"a":1}`, "insert"},
		{"POST /notes", "resolution=ignore-duplicates", `{"a":1}`, "insert"},
		{"POST /notes", "resolution=merge-duplicates", `{"a":1}`, ""},
		{"POST /notes", "", `[{},{}]`, ""},
		{"POST /notes?columns=a,b", "missing=default", `[{"a":1},{"b":"x"}]`, ""},
		{"POST /notes?select=a::mine", "return=representation", `{"a":1}`, ""},
		{"PUT /notes?a=eq.1", "", `{"a":1,"b":"x"}`, ""},
		{"PATCH /notes?a=eq.1", "", `{"b":"x"}`, "change"},
		{"PATCH /notes?columns=a,b", "missing=default", `{"b":"x"}`, "change"},
		{"PATCH /notes?or=(a.eq.1,b.like.x*)", "return=representation", `{"b":"x"}`, "change"},
		{"PATCH /notes?xmin=eq.1", "", `{"b":"x"}`, ""},
		{"DELETE /notes", "", "", "change"},
		{"DELETE /notes?a=in.(1,2)", "return=representation", "", "change"},
		{"DELETE /notes?select=a::mine", "return=representation", "", ""},
	} {
		w, err := planWrite(t, c.request, c.prefer, c.body, plan.Options{})
		require.NoError(t, err, c.request)
		s := &plan.Statement{Write: w}
		for _, r := range []struct{ plain, insert, change bool }{{}, {true, false, false}, {true, true, false}, {true, true, true}} {
			w.Relation.Plain, w.Relation.PlainInsert, w.Relation.PlainChange = r.plain, r.insert, r.change
			require.Equal(t, c.needs == "insert" && r.insert || c.needs == "change" && r.change, s.Plain(), "%v", c)
			w.Relation.WriteReadsSettings = false
			require.Equal(t, !s.Plain(), s.ReadsSettings(), "%v", c)
			w.Relation.WriteReadsSettings = true
			require.True(t, s.ReadsSettings(), "%v", c)
		}
		s.Form.Explain = []string{}
		require.False(t, s.Plain(), "%v", c)
	}
}
