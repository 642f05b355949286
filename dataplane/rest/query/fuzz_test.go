package query_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

var typical = []string{
	"select=id,name,a:b::text,data->x->>y&id=eq.5&order=id.desc.nullslast,name&limit=10&offset=20",
	`or=(a.eq.1,not.and(b.in.(1,"x,y"),c.is.null))&name=not.like.*x*`, "not.or=(a.eq.{1,2},b.eq.3)",
	`select="odd,name":"a""b"&"a.b"=eq.x&columns=a,"b c"&on_conflict=id`, `or=(a.cs.{"},{",{1},{{),b.eq."x`,
	"select=*,x&a=in.()&b=is.not_null&and=(a.gt.1,a.lt.5)", "a=eq.%22%25&b=eq.a%2Bb+c", "data->0->-1=eq.1", "select=a:count()::text,b.sum()",
	"select=r!h!inner(a,...s(*),t())&r.order=s(x).desc&r.s.limit=1&r.not.or=(a.is.null)&r.t=is.null", `x=fts(simple).a&y=eq(any).{1}&select="not"(a)&"not".or=(a.eq.1)`,
}

// expectation is what a case expects of an answer.
type expectation struct {
	legacy bool
	Status int
	Body   struct{ Value json.RawMessage }
}

// conformance are the paths of PostgREST's cases, where they are there.
func conformance(tb testing.TB) map[string]expectation {
	text, err := os.ReadFile("../../../../shared/conformance/postgrest/cases.json")
	if err != nil {
		return nil
	}
	var file struct {
		Cases []struct {
			Config struct {
				Legacy *bool `json:"url_use_legacy_target_names"`
			}
			Steps []struct {
				Method, Path string
				Expect       expectation
			}
		}
	}
	require.NoError(tb, json.Unmarshal(text, &file))
	paths := map[string]expectation{}
	for _, c := range file.Cases {
		for _, s := range c.Steps {
			s.Expect.legacy = c.Config.Legacy == nil || *c.Config.Legacy
			paths[s.Method+" "+s.Path] = s.Expect
		}
	}
	return paths
}

// TestConformance holds that every request that PostgREST answers is parsed, and can be written.
func TestConformance(t *testing.T) {
	t.Parallel()
	paths := conformance(t)
	if paths == nil {
		t.Skip("../shared is not here")
	}
	for request, expected := range paths {
		method, path, _ := strings.Cut(request, " ")
		_, raw, _ := strings.Cut(path, "?")
		call := strings.HasPrefix(path, "/rpc/") && method != "POST"
		q, err := query.Options{Call: call, LegacyNames: expected.legacy}.Parse(raw)
		if expected.Status < 400 {
			require.NoError(t, err, request)
		}
		var refusal *query.Error
		if errors.As(err, &refusal) && expected.Body.Value != nil {
			var want struct{ Code, Message, Details, Hint string }
			require.NoError(t, json.Unmarshal(expected.Body.Value, &want), request)
			require.Equal(t, want.Code+want.Message+want.Details+want.Hint, fmt.Sprint(refusal.Code, refusal.Message, cmp.Or(refusal.Details, any("")), refusal.Hint), request)
			require.Equal(t, expected.Status, refusal.Status, request)
		}
		if err == nil {
			q.Legacy = nil
			again, err := query.Parse(q.String(), call)
			require.NoError(t, err, request)
			require.Equal(t, q, again, request)
		}
	}
}

// FuzzParse holds that what is parsed can be written and is parsed to the same again.
func FuzzParse(f *testing.F) {
	for _, s := range typical {
		f.Add(s, false)
		f.Add(s, true)
	}
	for request := range conformance(f) {
		_, raw, _ := strings.Cut(request, "?")
		f.Add(raw, strings.Contains(request, " /rpc/"))
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
		q.Legacy = nil
		again, err := query.Options{Call: call}.Parse(q.String())
		require.NoError(t, err, q.String())
		require.True(t, reflect.DeepEqual(q, again), "%s\n%#v\n%#v", q.String(), q, again)
	})
}

func FuzzPrefer(f *testing.F) {
	for _, s := range []string{"return=minimal, count=exact", "handling=strict,x", "max-affected=9,timezone=UTC", ",,=,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := query.ParsePrefer([]string{s})
		all := query.Followed{Resolution: true, Missing: true, Return: true, Tx: true, Timezone: true, MaxAffected: true}
		again := query.ParsePrefer([]string{p.Applied(all)})
		p.Unknown = nil
		if !p.Strict() {
			p.MaxAffected = -1
		}
		require.Equal(t, p, again)
	})
}

func FuzzAccept(f *testing.F) {
	for _, s := range []string{"text/csv, */*; q=0.01", `application/vnd.pgrst.plan+json; for="a/b\",c"; options=analyze|wal`, ";;,;=", "*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, m := range query.ParseAccept([]string{s}) {
			require.NotEmpty(t, m.Type)
			require.NotContains(t, m.Params, "q")
			require.NotContains(t, m.Params, "charset")
		}
		query.ParseContentType(s)
	})
}

func FuzzRange(f *testing.F) {
	for _, s := range []string{"0-9", "10-", "9-0", "items=1-2", "9223372036854775807-", "0-9223372036854775807"} {
		f.Add(s, int64(3), int64(4))
	}
	f.Fuzz(func(t *testing.T, header string, limit, offset int64) {
		q := query.Query{Node: query.Node{Limit: max(limit, -1), Offset: max(offset, -1)}}
		if q.Window(header) == nil {
			require.GreaterOrEqual(t, q.Limit, int64(-1))
			require.GreaterOrEqual(t, q.Offset, max(offset, -1))
			if limit >= 0 {
				require.LessOrEqual(t, q.Limit, limit)
			}
		}
	})
}

// TestParseIsLinear holds that hostile input costs no more than its length.
func TestParseIsLinear(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"or=(" + strings.Repeat("a.eq.{,", 4000) + strings.Repeat("x", 1<<20), "or=(" + strings.Repeat(`a.eq."\",`, 4000) + strings.Repeat("x", 1<<20),
		"a=in.(" + strings.Repeat(`"\",`, 1<<18), "a=in.(" + strings.Repeat(`"`, 1<<20), "select=" + strings.Repeat(`a->"b->`, 4000),
		"select=" + url.QueryEscape(strings.Repeat(`"`, 1<<20)), strings.Repeat("%", 1<<20), strings.Repeat("&", 1<<20), strings.Repeat("a=eq.1&", 1<<17),
		"or=" + strings.Repeat("(", 1<<20), strings.Repeat("not.", 1<<18) + "or=(a.eq.1)", "a=" + strings.Repeat("not.", 1<<18),
	} {
		start := time.Now()
		_, _ = query.Parse(s, false)
		require.Less(t, time.Since(start), 15*time.Second, "%.60s", s)
	}
	query.ParseAccept([]string{strings.Repeat(`a/b;"c"="d",`, 1<<17)})
	query.ParsePrefer([]string{strings.Repeat("x=y,", 1<<18)})
}

func BenchmarkParse(b *testing.B) {
	for name, s := range map[string]string{"key": "id=eq.77", "list": typical[0], "tree": typical[1],
		"embed": "select=id,name,tasks(id,name,users(id,name))&tasks.done=is.false&id=in.(1,2,3)&order=id.desc"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := query.Parse(s, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHeaders(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		query.ParseAccept([]string{"application/json"})
		query.ParsePrefer([]string{"return=representation,count=exact"})
	}
}
