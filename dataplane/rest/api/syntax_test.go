package api

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
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

func relation() *catalog.Relation {
	return &catalog.Relation{Name: "t", Kind: "r", Keys: []catalog.Key{{Primary: true, Columns: []string{"id"}}}, Columns: []*catalog.Column{
		{Name: "id", Type: "bigint", Base: "bigint", NotNull: true, HasDefault: true},
		{Name: "made", Type: "integer", Base: "integer", Generated: true},
		{Name: "name", Type: "character varying(5)", Base: "character varying", MaxLength: 5, NotNull: true},
		{Name: "small", Type: "smallint", Base: "smallint"}, {Name: "price", Type: "numeric(10,2)", Base: "numeric"},
		{Name: "ok", Type: "boolean", Base: "boolean"}, {Name: "at", Type: "timestamp with time zone", Base: "timestamp with time zone"},
		{Name: "uid", Type: "uuid", Base: "uuid"}, {Name: "meta", Type: "jsonb", Base: "jsonb", JSON: true},
		{Name: "mood", Type: "public.mood", Base: "public.mood", Enum: []string{"sad", "happy"}},
		{Name: "tags", Type: "text[]", Base: "text[]", Array: true}, {Name: "ints", Type: "integer[]", Base: "integer[]", Array: true},
		{Name: "odd", Type: "public.odd", Base: "public.odd"},
	}}
}

func TestCheckRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, field, message string }{
		{`{"name":"x","id":5,"small":-32768,"price":1.5e3,"ok":false,"at":"2026-01-01","uid":"5a3f6a3e-1e0a-4a4e-8a55-0d6b0b6c5b11","meta":[1,{}],"mood":"sad","tags":["a",null],"ints":[1,[2]],"odd":{"x":1}}`, "", ""},
		{`{"name":"x","id":"9223372036854775807","price":"NaN","ok":"yes","tags":"{a,b}","small":null,"mood":null}`, "", ""},
		{`{"name":"x","price":"1.50","id":0}`, "", ""},
		{`{"name":"ééééé"}`, "", ""},
		{`{"name":"x","nope":1}`, "nope", "There is no such column."},
		{`{"name":"x","U_id":1}`, "U_id", `There is no such column; "uid" is one.`},
		{`{"name":"x","made":1}`, "made", "The database makes it: it cannot be given."},
		{`{"name":"toolong"}`, "name", "It is longer than 5 characters."},
		{`{"name":5}`, "name", "It must be a string."},
		{`{"name":"x","id":"five"}`, "id", "It must be a whole number."},
		{`{"name":"x","id":1.5}`, "id", "It must be a whole number."},
		{`{"name":"x","id":9223372036854775808}`, "id", "It is out of the range of bigint."},
		{`{"name":"x","small":32768}`, "small", "It is out of the range of smallint."},
		{`{"name":"x","small":[1]}`, "small", "It must be a whole number."},
		{`{"name":"x","small":true}`, "small", "It must be a whole number."},
		{`{"name":"x","price":"cheap"}`, "price", "It must be a number."},
		{`{"name":"x","price":{}}`, "price", "It must be a number."},
		{`{"name":"x","ok":1}`, "ok", "It must be true or false."},
		{`{"name":"x","ok":"maybe"}`, "ok", "It must be true or false."},
		{`{"name":"x","uid":"123"}`, "uid", "It must be a UUID."},
		{`{"name":"x","at":5}`, "at", "It must be a string."},
		{`{"name":"x","mood":"angry"}`, "mood", "It must be one of sad, happy."},
		{`{"name":"x","mood":5}`, "mood", "It must be one of sad, happy."},
		{`{"name":"x","tags":"a"}`, "tags", "It must be an array."},
		{`{"name":"x","ints":[1,"x"]}`, "ints", "Its element 1 is wrong: It must be a whole number."},
		{`[{"name":"x"},{"name":"y","small":"z"}]`, "1.small", "It must be a whole number."},
	} {
		t.Run(c.body, func(t *testing.T) {
			t.Parallel()
			got, err := checkRows(relation(), []byte(c.body), true)
			require.NoError(t, err)
			if c.field == "" {
				require.Empty(t, got.fields)
				require.Empty(t, got.lacking)
				return
			}
			require.Equal(t, []fieldError{{c.field, c.message}}, got.fields)
			require.Error(t, got.problem())
		})
	}
}

func TestMissingFieldsWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	got, err := checkRows(relation(), []byte(`[{"small":1},{"name":null}]`), true)
	require.NoError(t, err)
	require.NoError(t, got.problem(), "a trigger may set it")
	require.Equal(t, []fieldError{{"0.name", mustBeThere}, {"1.name", mustBeThere}}, got.lacking)
	got, err = checkRows(relation(), []byte(`{"small":"x"}`), true)
	require.NoError(t, err)
	var f *failure
	require.ErrorAs(t, got.problem(), &f)
	require.Len(t, f.fields, 2, "with others they are named at once")
	got, err = checkRows(relation(), []byte(`{"small":1}`), false)
	require.NoError(t, err)
	require.Empty(t, got.lacking, "a change needs not name it")
}

func TestCheckRowsBounds(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `5`, `"x"`, `[1]`, `{"a":}`, `[{},`, `{} {}`, `[{}]x`} {
		_, err := checkRows(relation(), []byte(body), true)
		require.Error(t, err, body)
	}
	many := []byte("{")
	for i := range 200_000 {
		many = append(many, `"k`...)
		many = append(many, json.Number(string(rune('a'+i%26)))...)
		many = append(many, `":1,`...)
	}
	many = append(many[:len(many)-1], '}')
	got, err := checkRows(relation(), many, true)
	require.NoError(t, err)
	require.LessOrEqual(t, len(got.fields), maxFields)
}

func TestReferences(t *testing.T) {
	t.Parallel()
	tr := &transaction{results: []result{
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
	require.JSONEq(t, `[{"a":7,"b":{"deep":{"$ref":"order.0.id"}},"c":{"$ref":"order.0.id","more":1},"d":{"$ref":5}}]`, string(got))
}

func TestFilters(t *testing.T) {
	t.Parallel()
	tr := &transaction{results: []result{{ID: "a", Rows: []json.RawMessage{[]byte(`{"id":7,"gone":null}`)}}}}
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
