package catalog_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// fixtures loads PostgREST's own test database, where there is one.
func fixtures(t *testing.T, schemas ...string) *catalog.Catalog {
	t.Helper()
	c, err := net.DialTimeout("tcp", "localhost:54320", time.Second)
	if err != nil {
		t.Skip("PostgREST's fixtures are not loaded at localhost:54320")
	}
	_ = c.Close()
	p := &directory.Project{Ref: "standalone", Host: "localhost", Port: 54320, Database: "postgres", SSLMode: "disable", Authenticator: directory.Login{User: "Postgrest_Test_Authenticator"}}
	door := projectdb.New(projectdb.Deps{Log: testkit.Logger(t), MaxConnections: 4})
	t.Cleanup(func() { require.NoError(t, door.Close(context.Background())) })
	s := door.Bind(p, projectdb.Caller{DatabaseRole: "postgrest_test_anonymous"})
	start := time.Now()
	loaded, err := catalog.Load(context.Background(), s, catalog.Exposure{Schemas: schemas, ExtraSearchPath: []string{"public", "extensions"}, Unversioned: true})
	require.NoError(t, err)
	t.Logf("loaded in %v", time.Since(start))
	return loaded
}

func TestDump(t *testing.T) {
	c := fixtures(t, "test")
	s := c.Schemas["test"]
	t.Log(len(s.Relations), len(s.Functions), len(c.Representations))
	for k, r := range c.Representations {
		t.Log(k, *r)
	}
	for _, name := range []string{"sites", "agents", "first", "i2459_composite_v2", "projects_view", "videogames", "designers", "web_content", "projects", "test_null_pk_competitors_sponsors", "car_models"} {
		if s.Relations[name] == nil {
			t.Log("none", name)
			continue
		}
		t.Log(name, s.Relations[name].Keys)
		for _, r := range s.Relationships(name) {
			j := ""
			if r.Junction != nil {
				j = r.Junction.Relation.Name + " " + r.Junction.ToConstraint
			}
			f := ""
			if r.Function != nil {
				f = r.Function.Name
			}
			t.Log("   ", r.Cardinality, r.To.Name, r.Constraint, r.Columns, r.Parent, j, f, r.Single)
		}
	}
}
