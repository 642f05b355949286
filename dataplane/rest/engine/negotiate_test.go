package engine

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	schema := catalog.New(&directory.Project{}, []string{"public"}).Schemas["public"]
	relation := &catalog.Relation{Schema: "public", Name: "notes"}
	text := &catalog.Function{Returns: "scalar", Type: `"public"."text/plain"`, Base: "text"}
	cases := []struct {
		name, accept string
		function     *catalog.Function
		plans        bool
		want         string // "" for a refusal
		kind         plan.FormKind
		single       bool
	}{
		{name: "nothing", want: JSON},
		{name: "anything", accept: "*/*", want: JSON},
		{name: "any application", accept: "application/*", want: JSON},
		{name: "json", accept: "application/json", want: JSON},
		{name: "array is json", accept: "application/vnd.pgrst.array+json", want: JSON},
		{name: "stripped array", accept: "application/vnd.pgrst.array+json; nulls=stripped", want: stripped},
		{name: "object", accept: "application/vnd.pgrst.object+json", want: Object, single: true},
		{name: "object in short", accept: "application/vnd.pgrst.object", want: Object, single: true},
		{name: "stripped object", accept: "application/vnd.pgrst.object+json;nulls=stripped", want: bareNull, single: true},
		{name: "csv", accept: "text/csv", want: CSV, kind: plan.FormColumns},
		{name: "geo", accept: "application/geo+json", want: GeoJSON, kind: plan.FormGeoJSON},
		{name: "by quality", accept: "text/csv;q=0.5, application/json;q=0.9", want: JSON},
		{name: "the first that can be made", accept: "text/html, text/csv", want: CSV, kind: plan.FormColumns},
		{name: "none", accept: "text/html"},
		{name: "plain text of rows", accept: "text/plain"},
		{name: "plan that is not allowed", accept: "application/vnd.pgrst.plan+json"},
		{name: "plan", accept: "application/vnd.pgrst.plan", plans: true, want: `application/vnd.pgrst.plan+text; for="application/json"; charset=utf-8`},
		{name: "plan of an object", accept: `application/vnd.pgrst.plan+json; for="application/vnd.pgrst.object"; options=verbose|analyze|drop`, plans: true,
			want: `application/vnd.pgrst.plan+json; for="application/vnd.pgrst.object+json"; options=analyze|verbose; charset=utf-8`, single: true},
		{name: "plan of a plan", accept: `application/vnd.pgrst.plan+json; for="application/vnd.pgrst.plan"`, plans: true},
		{name: "plan of nothing", accept: `application/vnd.pgrst.plan+json; for="text/html"`, plans: true},
		{name: "function's own", accept: "text/plain", function: text, want: "text/plain; charset=utf-8", kind: plan.FormScalar},
		{name: "or json", accept: "application/json", function: text, want: JSON},
		{name: "not of a set", accept: "text/plain", function: &catalog.Function{Set: true, Returns: "scalar", Type: text.Type}},
		{name: "not of a type without a slash", accept: "plain", function: &catalog.Function{Returns: "scalar", Type: `"public"."plain"`}},
		{name: "function of any type", accept: "a/b", function: &catalog.Function{Returns: "scalar", Type: `"public"."*/*"`}, want: "application/octet-stream", kind: plan.FormScalar},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var accept []query.MediaType
			if c.accept != "" {
				accept = query.ParseAccept([]string{c.accept})
			}
			p := producer{schema: schema, relation: relation, function: c.function, whole: true, plans: c.plans}
			got, err := p.negotiate(accept)
			if c.want == "" {
				var refusal *query.Error
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, http.StatusNotAcceptable, refusal.Status)
				require.Equal(t, "PGRST107", refusal.Code)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got.mediaType)
			require.Equal(t, c.kind, got.form.Kind)
			require.Equal(t, c.single, got.single)
		})
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"250": 250 * time.Millisecond, "1s": time.Second, "2 min": 2 * time.Minute, "0": 0, "1.5s": 1500 * time.Millisecond} {
		got, ok := duration(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "s", "-1", "1 week", "1e99", "NaN", "inf"} {
		_, ok := duration(text)
		require.False(t, ok, text)
	}
}

func TestBytea(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{`\x00ff61`: "\x00\xffa", `\x`: "", `abc`: "abc", `a\\b`: `a\b`, `\000\377a`: "\x00\xffa", `\xzz`: `\xzz`, `end\`: `end\`} {
		require.Equal(t, want, string(decodeBytea([]byte(text))), text)
	}
}

func FuzzHeaderList(f *testing.F) {
	for _, s := range []string{`[{"a":"b"}]`, `[]`, `{}`, `null`, `[{"a":1}]`, `[{"a":"1","b":"2"}]`, `[null]`, `[{"a":null}]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, ok := headerList(text)
		var values []any
		if json.Unmarshal([]byte(text), &values) != nil || values == nil || len(text) > maxHeaders {
			require.False(t, ok)
		}
		if ok {
			require.Len(t, list, len(values))
		}
	})
}
