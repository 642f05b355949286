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
	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/dataplane/rest/sqlgen"
)

var updateWrites = flag.Bool("update-writes", false, "rewrite the golden files of writes and calls")

// shop is the catalog that writes are tested against, of a project of isolation "schema".
func shop(t testing.TB) (*catalog.Catalog, *catalog.Schema) {
	c := catalog.New(&directory.Project{SchemaPrefix: "abc_"}, []string{"public"})
	file, err := os.ReadFile("testdata/shop.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(file)) {
		kind, object, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok {
			require.NoError(t, c.Add(kind, []byte(object)), line)
		}
	}
	return c, c.Schemas["public"]
}

// TestGoldenWrites compares the SQL of each request in testdata/write; -update-writes rewrites it.
func TestGoldenWrites(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/write/*.txtar")
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
			statement, err := request(t, parts)
			require.NoError(t, err)
			s := sqlgen.Rows(statement)
			got := s.SQL + "\n"
			for i, a := range s.Args {
				got += fmt.Sprintf("$%d = %s\n", i+1, a)
			}
			if *updateWrites {
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

// request plans a request line, "POST /notes?select=id", with its Prefer header, its Content-Type and its body.
func request(t testing.TB, parts map[string]string) (*plan.Statement, error) {
	method, target, _ := strings.Cut(parts["request"], " ")
	path, raw, _ := strings.Cut(target, "?")
	name, call := strings.CutPrefix(strings.TrimPrefix(path, "/"), "rpc/")
	q, err := query.Parse(raw, call && method == "GET")
	if err != nil {
		return nil, err
	}
	p := query.ParsePrefer([]string{parts["prefer"]})
	c, s := shop(t)
	var b *payload.Body
	if method != "GET" && method != "DELETE" {
		b, err = payload.Read(strings.NewReader(parts["body"]), query.MediaType{Type: parts["type"]}, payload.Options{Call: call, Columns: q.Columns})
		if err != nil {
			return nil, err
		}
	}
	if call {
		r, err := plan.NewCall(c, s, name, q, b, plan.Options{})
		return &plan.Statement{Read: r, Form: forms[parts["form"]]}, err
	}
	r, err := plan.Relation(s, name)
	if err != nil {
		return nil, err
	}
	var w *plan.Write
	switch method {
	case "POST":
		w, err = plan.NewInsert(c, s, r, q, p, b, plan.Options{})
	case "PUT":
		w, err = plan.NewPut(c, s, r, q, p, b, plan.Options{})
	case "PATCH":
		w, err = plan.NewUpdate(c, s, r, q, p, b, plan.Options{})
	default:
		w, err = plan.NewDelete(c, s, r, q, p, plan.Options{})
	}
	return &plan.Statement{Write: w, Form: forms[parts["form"]]}, err
}
