package api

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSyntax(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, same string }{
		{"operator in the value", "price=lt.50", "price=lt.50"},
		{"operator in the key", "price.lt=50", "price=lt.50"},
		{"negated in the key", "price.not.lt=50", "price=not.lt.50"},
		{"list in the key", "id.in=1,2", "id=in.(1,2)"},
		{"list in parentheses", "id.in=(1,2)", "id=in.(1,2)"},
		{"any", "id.eq(any)={1,2}", "id=eq(any).{1,2}"},
		{"text search", "body.fts(english)=cat", "body=fts(english).cat"},
		{"of a related table", "author.name.eq=x&select=id,author(name)", "author.name=eq.x&select=id,author(name)"},
		{"path into JSON", "meta->>k.eq=x", "meta->>k=eq.x"},
		{"quoted column called like an operator", `"is"=eq.5`, `"is"=eq.5`},
		{"trees", "or=(a.eq.1,b.eq.2)&not.and=(a.eq.1,b.gt.2)", "or=(a.eq.1,b.eq.2)&not.and=(a.eq.1,b.gt.2)"},
		{"sort", "sort=-price,name", "order=price.desc,name"},
		{"sort as order", "sort=price.desc.nullslast", "order=price.desc.nullslast"},
		{"order with a minus", "order=-price", "order=price.desc"},
		{"columns called count and sort", "count=gt.5&sort=eq.x&group_by=in.(1,2)", "count=gt.5&sort=eq.x&group_by=in.(1,2)"},
		{"aggregates", "select=count(*),sum(price)", "select=count(),sum_price:price.sum()"},
		{"aggregate with alias and cast", "select=n:count(*),total:sum(price)::text", "select=n:count(),total:price.sum()::text"},
		{"aggregate of a path", "select=max(meta->k)", "select=meta->k.max()"},
		{"groups are selected", "group_by=category&select=count(*)", "select=category,count()"},
		{"groups that are selected", "group_by=category,kind&select=kind,count(),x:category", "select=kind,count(),x:category"},
		{"groups alone are counted", "group_by=category", "select=category,count()"},
		{"related tables stay", "select=id,clients(id,sum(x)),count", "select=id,clients(id,sum(x)),count"},
		{"keys are left out", "apikey=secret&id=eq.1", "id=eq.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(escaped(c.in), nil)
			require.NoError(t, err)
			want, err := parse(escaped(c.same), nil)
			require.NoError(t, err)
			require.Equal(t, want.Query, got.Query)
		})
	}
}

// escaped escapes values only.
func escaped(raw string) string {
	v, err := url.ParseQuery(raw)
	if err != nil {
		panic(err)
	}
	return v.Encode()
}

func TestSyntaxRefusals(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"escape":                   "id=%zz",
		"word":                     "price=50",
		"unknown operator":         "price.below=50",
		"count":                    "count=all",
		"two orders":               "order=a&sort=b",
		"neither group nor sum":    "group_by=category&select=name,count(*)",
		"group without aggregate":  "group_by=category&select=category",
		"empty group":              "group_by=a,,b",
		"negative limit":           "limit=-1",
		"unclosed":                 "select=id,(",
		"operator without a value": "id=eq",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(in, nil)
			require.Error(t, err)
		})
	}
}

func FuzzSyntax(f *testing.F) {
	for _, seed := range []string{"price.lt=50&sort=-price", "group_by=a&select=count(*),sum(b)", `or=(a.eq.1,b.in.("x,y"))`, "a.not.in=1,2&select=x:avg(y)::int"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := parse(raw, nil)
		if err == nil && a.Query == nil {
			t.Fatal("neither a query nor an error")
		}
	})
}

func TestReferences(t *testing.T) {
	t.Parallel()
	tr := &transaction{size: 1000, results: []result{
		{ID: "order", Count: 2, Rows: []json.RawMessage{[]byte(`{"id":7,"meta":{"a":[1,2]}}`), []byte(`{"id":8}`)}},
		{Count: 0}, {ID: "f", Data: []byte(`{"x":"y"}`), Count: 1},
	}}
	for _, c := range []struct{ path, want string }{
		{"order.0.id", "7"}, {"order.1.id", "8"}, {"0.1.id", "8"}, {"order.0.meta.a.1", "2"}, {"order.count", "2"}, {"1.count", "0"}, {"f.x", `"y"`}, {"f", `{"x":"y"}`}, {"2.x", `"y"`},
	} {
		got, err := tr.follow(c.path, "data.x")
		require.NoError(t, err, c.path)
		require.JSONEq(t, c.want, string(got))
	}
	for _, path := range []string{"", "order", "order.2.id", "order.-1.id", "order.0.nope", "order.0.id.x", "nope.0.id", "3.0.id", "-1.0.id", "00.0.id", "1.0.id", "order.0.meta.a.9", "order.0.meta.a.x", "order..id", "f.x.y"} {
		_, err := tr.follow(path, "data.x")
		var f *failure
		require.ErrorAs(t, err, &f, path)
		require.Equal(t, "UNKNOWN_REFERENCE", f.code)
	}
	got, err := tr.resolve([]byte(`[{"a":{"$ref":"order.0.id"},"b":{"deep":{"$ref":"order.0.id"}},"c":{"$ref":"order.0.id","more":1},"d":{"$ref":5}}]`), "data")
	require.NoError(t, err)
	require.Less(t, tr.size, 1000, "what references stand for counts")
	require.JSONEq(t, `[{"a":7,"b":{"deep":{"$ref":"order.0.id"}},"c":{"$ref":"order.0.id","more":1},"d":{"$ref":5}}]`, string(got))
}

func TestReferencesAreBounded(t *testing.T) {
	t.Parallel()
	tr := &transaction{size: 1 << 20, results: []result{{ID: "a", Data: []byte(`[` + strings.Repeat("1,", 2000) + `1]`)}}}
	for i := range maxReferences {
		_, err := tr.follow("a."+strconv.Itoa(i), "x")
		require.NoError(t, err)
	}
	_, err := tr.follow("a.5", "x")
	require.NoError(t, err, "the same again costs nothing")
	_, err = tr.follow("a.1999", "x")
	var f *failure
	require.ErrorAs(t, err, &f)
	require.Equal(t, "TOO_MANY_REFERENCES", f.code)
}

func TestFilters(t *testing.T) {
	t.Parallel()
	tr := &transaction{size: 1000, results: []result{{ID: "a", Rows: []json.RawMessage{[]byte(`{"id":7,"gone":null}`)}}}}
	for _, c := range []struct{ in, same string }{
		{`{"id":5}`, "id=eq.5"}, {`{"name":"x.y"}`, "name=eq.x.y"}, {`{"ok":true}`, "ok=eq.true"}, {`{"gone":null}`, "gone=is.null"},
		{`{"id":{"gt":1,"lte":9}}`, "id=gt.1&id=lte.9"}, {`{"id":{"in":[1,"2"]}}`, "id=in.(1,2)"}, {`{"id":{"not.eq":5}}`, "id=not.eq.5"},
		{`{"id":{"$ref":"a.0.id"}}`, "id=eq.7"}, {`{"id":{"lt":{"$ref":"a.0.id"}}}`, "id=lt.7"}, {`{"gone":{"$ref":"a.0.gone"}}`, "gone=is.null"},
		{`{"gone":{"neq":null}}`, "gone=not.is.null"}, {`{"ok":{"is":"not_null"}}`, "ok=is.not_null"}, {`{"tags":{"cs":["a","b\"c"]}}`, `tags=cs.{"a","b\"c"}`},
		{`{"meta->>k":"v"}`, "meta->>k=eq.v"},
	} {
		got, err := tr.filters([]byte(c.in))
		require.NoError(t, err, c.in)
		want, err := parse(escaped(c.same), nil)
		require.NoError(t, err)
		require.ElementsMatch(t, want.Where, got, c.in)
	}
	for _, in := range []string{`5`, `[]`, `{"id":{}}`, `{"id":{"nope":1}}`, `{"id":{"in":5}}`, `{"id":{"in":[null]}}`, `{"id":{"gt":null}}`, `{"id":{"is":"odd"}}`, `{"or":"(a.eq.1)"}`, `{"a.b":1}`, `{"select":"x"}`, `{"id":{"$ref":"b.0.id"}}`, `{"":1}`} {
		_, err := tr.filters([]byte(in))
		require.Error(t, err, in)
	}
}

// FuzzOperations holds that no transaction's body makes more of itself than it may.
func FuzzOperations(f *testing.F) {
	for _, seed := range []string{`{"a":{"$ref":"o.0.id"}}`, `[{"a":{"$ref":"o.0.meta.1"}},5,{}]`, `{"id":{"in":[1,"x"]},"b":{"not.cs":["a\"",null]}}`, `{"$ref":"o.count"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		tr := &transaction{size: 1 << 16, results: []result{{ID: "o", Count: 1, Rows: []json.RawMessage{[]byte(`{"id":7,"meta":[1,{"x":"y"}]}`)}}}}
		if out, err := tr.resolve(raw, "data"); err == nil {
			require.True(t, json.Valid(out) || len(out) == 0, "%s", out)
		}
		_, _ = tr.filters(raw)
	})
}
