package sqlgen_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/dataplane/rest/sqlgen"
)

var updateReads = flag.Bool("update-reads", false, "rewrite the golden files of reads")

// office is the catalog that reads are tested against, of a project of isolation "schema". office.sql makes the same in Postgres.
func office(t testing.TB) (*catalog.Catalog, *catalog.Schema) {
	c := catalog.New(&directory.Project{SchemaPrefix: "abc_"}, []string{"public"})
	file, err := os.ReadFile("testdata/office.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(file)) {
		kind, object, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok {
			require.NoError(t, c.Add(kind, []byte(object)), line)
		}
	}
	return c, c.Schemas["public"]
}

// planned plans a request, "/notes?select=id".
func planned(t testing.TB, target string, o plan.Options) (*plan.Read, error) {
	c, s := office(t)
	path, raw, _ := strings.Cut(target, "?")
	q, err := query.Parse(raw, false)
	if err != nil {
		return nil, err
	}
	r, err := plan.Relation(s, strings.TrimPrefix(path, "/"))
	if err != nil {
		return nil, err
	}
	return plan.NewRead(c, s, r, &q.Node, o)
}

var forms = map[string]plan.Form{
	"":        {},
	"columns": {Kind: plan.FormColumns},
	"scalar":  {Kind: plan.FormScalar},
	"geojson": {Kind: plan.FormGeoJSON},
	"count":   {Kind: plan.FormCount},
	"handler": {Kind: plan.FormHandler, Handler: &catalog.MediaHandler{Schema: "abc_public", Function: "as_xml", RelationSchema: "abc_public", RelationName: "clients"}},
	"any":     {Kind: plan.FormHandler, Handler: &catalog.MediaHandler{Schema: "abc_public", Function: "as_text"}},
	"strip":   {StripNulls: true},
	"plan":    {ExplainFormat: "JSON", Explain: []string{"ANALYZE", "VERBOSE", "DROP TABLE"}},
}

// TestGoldenReads compares the SQL of each request in testdata/read; -update-reads rewrites it.
func TestGoldenReads(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/read/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			parts := map[string]string{}
			for _, f := range archive.Files {
				parts[f.Name] = strings.TrimSpace(string(f.Data))
			}
			o := plan.Options{Aggregates: true}
			if parts["max-rows"] != "" {
				_, err := fmt.Sscan(parts["max-rows"], &o.MaxRows)
				require.NoError(t, err)
			}
			r, err := planned(t, parts["request"], o)
			require.NoError(t, err)
			form, ok := forms[parts["form"]]
			require.True(t, ok || parts["form"] == "total" || parts["form"] == "estimate", "no such form")
			var got string
			switch parts["form"] {
			case "total":
				got = text(sqlgen.Count(r))
			case "estimate":
				got = text(sqlgen.Explain(r))
			default:
				got = text(sqlgen.Rows(&plan.Statement{Read: r, Form: form}))
			}
			if *updateReads {
				kept := archive.Files[:0]
				for _, f := range archive.Files {
					if f.Name != "sql" {
						kept = append(kept, f)
					}
				}
				archive.Files = append(kept, txtar.File{Name: "sql", Data: []byte(got)})
				require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o644))
				return
			}
			require.Equal(t, parts["sql"], strings.TrimSpace(got))
		})
	}
}

func text(s sqlgen.Statement) string {
	got := s.SQL + "\n"
	for i, a := range s.Args {
		got += fmt.Sprintf("$%d = %v\n", i+1, a)
	}
	return got
}

func BenchmarkGenerate(b *testing.B) {
	for name, target := range map[string]string{
		"one":   "/clients?id=eq.1",
		"list":  "/clients?select=id,name&order=id.desc&limit=20",
		"embed": "/clients?select=id,name,projects(id,tasks(id,name))&limit=20",
	} {
		b.Run(name, func(b *testing.B) {
			r, err := planned(b, target, plan.Options{MaxRows: 1000})
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				sqlgen.Rows(&plan.Statement{Read: r})
			}
		})
	}
}
