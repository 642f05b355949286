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

var update = flag.Bool("update", false, "rewrite the golden files")

// schema is the catalog that the golden files are written against: a project of isolation "schema".
func schema(t *testing.T) *catalog.Schema {
	c := catalog.New(&directory.Project{SchemaPrefix: "abc_"}, []string{"public"})
	for kind, objects := range map[string][]string{
		"relation": {`{"schema":"abc_public","name":"notes","kind":"r","plain":true,"columns":[{"name":"id","type":"bigint"},{"name":"title","type":"text"},
			{"name":"odd \"name\"","type":"character varying(10)"},{"name":"meta","type":"jsonb","json":true},{"name":"tags","type":"text[]","composite":true}],
			"keys":[{"primary":true,"columns":["id"]}]}`},
		"function": {`{"schema":"abc_public","name":"add","volatility":"i","returns":"scalar","arguments":[{"name":"a","type":"integer","required":true},{"name":"b","type":"integer"}]}`,
			`{"schema":"abc_public","name":"search","volatility":"s","set":true,"returns":"composite","arguments":[{"name":"term","type":"text","required":true}]}`,
			`{"schema":"abc_public","name":"touch","volatility":"v","returns":"void","arguments":[{"name":"list","type":"text[]","variadic":true,"required":true}]}`},
	} {
		for _, o := range objects {
			require.NoError(t, c.Add(kind, []byte(o)))
		}
	}
	return c.Schemas["public"]
}

// TestGolden compares the SQL of each request in testdata; -update rewrites it.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
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
			s := generate(t, parts)
			got := s.SQL + "\n"
			for i, a := range s.Args {
				got += fmt.Sprintf("$%d = %v\n", i+1, a)
			}
			if *update {
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

// generate takes a request line, "GET /notes?select=id", its Prefer header and its body.
func generate(t *testing.T, parts map[string]string) sqlgen.Statement {
	method, target, _ := strings.Cut(parts["request"], " ")
	path, raw, _ := strings.Cut(target, "?")
	name, call := strings.CutPrefix(strings.TrimPrefix(path, "/"), "rpc/")
	q, err := query.Parse(raw, call && method == "GET")
	require.NoError(t, err)
	p := query.ParsePrefer([]string{parts["prefer"]})
	sch := schema(t)
	if call {
		var body []byte
		if method == "POST" {
			body = []byte(parts["body"])
		}
		c, err := plan.NewCall(sch, name, q, body)
		require.NoError(t, err)
		c.Count = p.Count != ""
		return sqlgen.Call(c)
	}
	r, err := plan.Relation(sch, name)
	require.NoError(t, err)
	var w *plan.Write
	switch method {
	case "GET", "HEAD":
		read, err := plan.NewRead(r, q)
		require.NoError(t, err)
		read.Count, read.Bodiless = p.Count != "", method == "HEAD"
		return sqlgen.Read(read)
	case "POST":
		w, err = plan.NewInsert(r, q, p, []byte(parts["body"]))
		require.NoError(t, err)
		return sqlgen.Insert(w)
	case "PATCH":
		w, err = plan.NewUpdate(r, q, p, []byte(parts["body"]))
		require.NoError(t, err)
		return sqlgen.Update(w)
	}
	w, err = plan.NewDelete(r, q, p)
	require.NoError(t, err)
	return sqlgen.Delete(w)
}
