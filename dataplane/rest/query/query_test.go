package query_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

var typical = []string{
	"select=id,name,a:b::text,data->x->>y&id=eq.5&order=id.desc.nullslast,name&limit=10&offset=20",
	`or=(a.eq.1,not.and(b.in.(1,"x,y"),c.is.null))&name=not.like.*x*`,
	`select="odd,name":"a""b"&"a.b"=eq.x&columns=a,"b c"&on_conflict=id`,
	"select=*,x&a=in.()&b=is.not_null&and=(a.gt.1,a.lt.5)", "a=eq.%22%25&b=eq.a%2Bb+c", "data->0->-1=eq.1", "not.or=(a.eq.{1,2},b.eq.3)",
}

// FuzzParse holds that what is parsed can be written and is parsed to the same again.
func FuzzParse(f *testing.F) {
	for _, s := range typical {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, call bool) {
		q, err := query.Parse(s, call)
		if err != nil {
			var refusal *query.Error
			require.ErrorAs(t, err, &refusal)
			require.NotEmpty(t, refusal.Code)
			require.GreaterOrEqual(t, refusal.Status, 400)
			return
		}
		again, err := query.Parse(q.String(), call)
		require.NoError(t, err, q.String())
		require.True(t, reflect.DeepEqual(q, again), "%s\n%#v\n%#v", q.String(), q, again)
	})
}

func TestParse(t *testing.T) {
	t.Parallel()
	q, err := query.Parse(`select=n:name::text,meta->a->>0&id=not.eq.5&b=in.(1,"2,\"3")&order=id.desc.nullsfirst&limit=3&offset=4&apikey=k`, false)
	require.NoError(t, err)
	require.Equal(t, &query.Query{
		Select: []query.Item{{Field: query.Field{Column: "name"}, Alias: "n", Cast: "text"},
			{Field: query.Field{Column: "meta", Path: []query.Step{{Key: "a"}, {Key: "0", Index: true, Text: true}}}}},
		Where: []query.Condition{{Not: true, Filter: &query.Filter{Field: query.Field{Column: "id"}, Operator: "eq", Value: "5"}},
			{Filter: &query.Filter{Field: query.Field{Column: "b"}, Operator: "in", List: []string{"1", `2,"3`}}}},
		Order: []query.Order{{Field: query.Field{Column: "id"}, Descending: true, Nulls: "first"}}, Limit: 3, Offset: 4,
	}, q)
	q, err = query.Parse("a=1&b=eq.2&c=not.x", true)
	require.NoError(t, err)
	require.Equal(t, []query.Argument{{Name: "a", Value: "1"}, {Name: "c", Value: "not.x"}}, q.Arguments)
	require.Len(t, q.Where, 1)
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for s, code := range map[string]string{
		"id=5": "PGRST100", "id=eq": "PGRST100", "limit=x": "PGRST100", "limit=-1": "PGRST100", "order=id.up": "PGRST100", "a=is.5": "PGRST100",
		"a=in.1": "PGRST100", "a=in.(1": "PGRST100", "or=(a.eq.1": "PGRST100", "or=a.eq.1": "PGRST100", "or=()": "PGRST100", "select=a,,b": "PGRST100",
		"select=a(b)": "PGRST127", "select=...a(b)": "PGRST127", "select=a!inner(b)": "PGRST127", "a.b=eq.1": "PGRST127", "a=cs.{1}": "PGRST127",
		"a=eq(any).{1}": "PGRST127", "select=a.sum()": "PGRST123", `select="a`: "PGRST100", "a=%zz": "PGRST100", "select=a::": "PGRST100",
		"select=a::text);drop": "PGRST100",
	} {
		_, err := query.Parse(s, false)
		var refusal *query.Error
		require.ErrorAs(t, err, &refusal, s)
		require.Equal(t, code, refusal.Code, s)
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	p := query.ParsePrefer([]string{"return=representation, count=exact", "resolution=merge-duplicates,x=y,return=minimal"})
	require.Equal(t, query.Preferences{Return: "representation", Count: "exact", Resolution: "merge-duplicates", Unknown: []string{"x=y"}}, p)
	require.Equal(t, "resolution=merge-duplicates, return=representation, count=exact", p.Applied("POST"))
	require.Equal(t, "count=exact", p.Applied("GET"))
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := query.Parse(typical[0], false); err != nil {
			b.Fatal(err)
		}
	}
}
