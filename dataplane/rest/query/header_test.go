package query_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

func TestPreferences(t *testing.T) {
	t.Parallel()
	p := query.ParsePrefer([]string{"return=representation, count=exact", "resolution=merge-duplicates,x=y,return=minimal, tx=rollback", "max-affected=10,max-affected=x"})
	require.Equal(t, query.Preferences{Return: "representation", Count: "exact", Resolution: "merge-duplicates", Tx: "rollback", MaxAffected: 10,
		Unknown: []string{"x=y", "max-affected=x"}}, p)
	require.Nil(t, p.Refusal())
	require.Equal(t, "resolution=merge-duplicates, return=representation, count=exact, tx=rollback", p.Applied(query.Follows("POST", false, true)))
	require.Equal(t, "count=exact, tx=rollback", p.Applied(query.Follows("GET", false, false)))
	require.Equal(t, "count=exact", p.Applied(query.Followed{}))

	p = query.ParsePrefer([]string{"handling=strict", "something, else", "missing=null,timezone=-4,max-affected=1,return=headers-only,resolution=ignore-duplicates"})
	require.Equal(t, &query.Error{Status: 400, Code: "PGRST122", Message: "Invalid preferences given with handling=strict", Details: "Invalid preferences: something, else"},
		p.Refusal())
	require.Equal(t, "missing=null, return=headers-only, handling=strict, timezone=-4, max-affected=1", p.Applied(query.Follows("PATCH", false, true)))
	require.Equal(t, "return=headers-only, handling=strict, timezone=-4", p.Applied(query.Follows("PUT", false, true)))
	require.Equal(t, "return=headers-only, handling=strict, timezone=-4, max-affected=1", p.Applied(query.Follows("DELETE", false, false)))
	require.Equal(t, "handling=strict, timezone=-4, max-affected=1", p.Applied(query.Follows("POST", true, false)))

	p = query.ParsePrefer([]string{"handling=lenient, max-affected=10"})
	require.Equal(t, "handling=lenient", p.Applied(query.Follows("PATCH", false, false)))
	require.Equal(t, query.Preferences{MaxAffected: -1}, query.ParsePrefer(nil))
	for _, s := range []string{"count=none", "timezone=", "max-affected=-1", "return", "Return=minimal", "missing=x"} {
		require.Equal(t, []string{s}, query.ParsePrefer([]string{s}).Unknown, s)
	}
}

func TestParseRange(t *testing.T) {
	t.Parallel()
	for header, want := range map[string][2]int64{
		"0-9": {0, 10}, "10-": {10, -1}, "items=5-5": {5, 1}, "": {-1, -1}, "bytes=0-5": {-1, -1}, "-5": {-1, -1}, "a-b": {-1, -1}, "0-+9": {-1, -1}, " 0-9": {-1, -1},
		"0-99999999999999999999": {0, -1}, "99999999999999999999-": {1<<63 - 1, -1},
	} {
		offset, limit, ok := query.ParseRange(header)
		require.True(t, ok, header)
		require.Equal(t, want, [2]int64{offset, limit}, header)
	}
	_, _, ok := query.ParseRange("9-0")
	require.False(t, ok)
}

func TestWindow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url, header   string
		limit, offset int64
		refusal       string
	}{
		{"", "", -1, -1, ""}, {"", "0-1", 2, 0, ""}, {"", "10-", -1, 10, ""}, {"limit=3", "0-", 3, 0, ""}, {"limit=3&offset=2", "0-3", 2, 2, ""},
		{"offset=5", "3-9", 5, 5, ""}, {"limit=0", "3-9", 0, -1, ""}, {"limit=5", "junk", 5, -1, ""},
		{"", "5-4", 0, 0, "The lower boundary must be lower than or equal to the upper boundary in the Range header."},
		{"limit=2", "5-6", 0, 0, "Limit should be greater than or equal to zero."},
	} {
		q := parse(t, c.url, false)
		err := q.Window(c.header)
		if c.refusal != "" {
			require.Equal(t, &query.Error{Status: 416, Code: "PGRST103", Message: "Requested range not satisfiable", Details: c.refusal}, err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, []int64{c.limit, c.offset}, []int64{q.Limit, q.Offset}, c)
	}
	require.Equal(t, "An offset of 100 was requested, but there are only 15 rows.", query.OutOfRange(100, 15).Details)
}

func TestParseAccept(t *testing.T) {
	t.Parallel()
	for header, want := range map[string][]query.MediaType{
		"":                             {{Type: "*/*"}},
		" , ":                          {{Type: "*/*"}},
		"text/csv, */*; q=0.01":        {{Type: "text/csv"}, {Type: "*/*"}},
		"*/*;q=0.8,Application/JSON":   {{Type: "application/json"}, {Type: "*/*"}},
		"a/b;q=0.1,c/d;q=0.5,e/f;q=0":  {{Type: "c/d"}, {Type: "a/b"}},
		"*/*,text/unknowntype":         {{Type: "text/unknowntype"}, {Type: "*/*"}},
		"a/b;q=0":                      {},
		"application/vnd.pgrst.object": {{Type: "application/vnd.pgrst.object+json"}},
		"application/vnd.pgrst.plan":   {{Type: "application/vnd.pgrst.plan+text"}},
		"text/plain; Charset=utf-8":    {{Type: "text/plain"}},
		"application/vnd.pgrst.array+json;nulls=stripped": {{Type: "application/vnd.pgrst.array+json", Params: map[string]string{"nulls": "stripped"}}},
		`application/vnd.pgrst.plan+json; for="application/json; x=1, y"; options=analyze|wal;`: {{Type: "application/vnd.pgrst.plan+json",
			Params: map[string]string{"for": "application/json; x=1, y", "options": "analyze|wal"}}},
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8,application/signed-exchange;v=b3": {
			{Type: "application/signed-exchange", Params: map[string]string{"v": "b3"}}, {Type: "text/html"}, {Type: "application/xhtml+xml"}, {Type: "image/webp"},
			{Type: "application/xml"}, {Type: "*/*"}},
	} {
		require.Equal(t, want, query.ParseAccept([]string{header}), header)
	}
	require.Equal(t, []query.MediaType{{Type: "*/*"}}, query.ParseAccept(nil))
	require.Equal(t, "application/json", query.ParseContentType("application/json; $$ unrecognized-chars=ignored $$").Type)
	require.Equal(t, query.MediaType{Type: "text/csv", Params: map[string]string{"header": "absent"}}, query.ParseContentType("Text/CSV; header=absent; charset=utf-8"))
	require.Empty(t, query.ParseContentType("").Type)
	require.Equal(t, `a/b;x="1;2";y=z`, query.MediaType{Type: "a/b", Params: map[string]string{"y": "z", "x": "1;2"}}.String())
}
