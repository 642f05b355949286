package catalog_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/internal/testkit/conformance"
)

// fixtures binds a session of PostgREST's own test database, as its server under test.
func fixtures(t *testing.T) *projectdb.Session {
	t.Helper()
	suite := conformance.Start(t, nil)
	p := &directory.Project{
		Ref: "standalone", Host: "localhost", Port: suite.Port(), Database: "postgres", SSLMode: "disable",
		Authenticator: directory.Login{User: conformance.Authenticator},
	}
	door := projectdb.New(projectdb.Deps{Log: testkit.Logger(t), MaxConnections: 4})
	t.Cleanup(func() { require.NoError(t, door.Close(context.Background())) })
	return door.Bind(p, projectdb.Caller{DatabaseRole: "postgrest_test_anonymous"})
}

// TestFixtures holds the catalog to what PostgREST's tests say of its own database, which has no counter of changes.
func TestFixtures(t *testing.T) {
	t.Parallel()
	s := fixtures(t)
	exposure := catalog.Exposure{Schemas: []string{"test", "v1", "v2"}, ExtraSearchPath: []string{"public", "extensions"}, Unversioned: true}
	c, err := catalog.NewCache().Get(context.Background(), s, exposure)
	require.NoError(t, err)
	require.Zero(t, c.Version)
	require.True(t, c.Timezones["America/Los_Angeles"])
	require.False(t, c.Timezones["Jupiter/Red_Spot"])
	require.GreaterOrEqual(t, c.ServerVersion, 150000)
	test := c.Schemas["test"]
	for name := range test.Relations {
		_ = test.Relationships(name)
	}
	for name, want := range map[string][]string{
		"sites": {
			"many-to-one big_projects main_project [{main_project_id big_project_id}]",
			"many-to-many big_projects jobs_site_id_fkey [{site_id site_id}] jobs jobs_big_project_id_fkey [{big_project_id big_project_id}]",
			"many-to-many big_projects jobs_site_id_fkey [{site_id site_id}] main_jobs jobs_big_project_id_fkey [{big_project_id big_project_id}]",
			"one-to-many jobs jobs_site_id_fkey [{site_id site_id}]",
			"one-to-many main_jobs jobs_site_id_fkey [{site_id site_id}]",
		},
		"agents": {
			"one-to-many departments departments_head_id_fkey [{id head_id}]",
			"many-to-one departments agents_department_id_fkey [{department_id id}]",
		},
		"first": {
			"one-to-one second first_second_id_1_fkey [{second_id_1 id}]",
			"one-to-one second first_second_id_2_fkey [{second_id_2 id}]",
		},
		"i2459_composite_v2": {
			"many-to-one i2459_composite_v1 i2459_composite_t2_t1_a_t1_b_fkey [{t1_a1 a} {t1_b1 b}]",
			"many-to-one i2459_composite_v1 i2459_composite_t2_t1_a_t1_b_fkey [{t1_a1 a} {t1_b2 b}]",
			"many-to-one i2459_composite_v1 i2459_composite_t2_t1_a_t1_b_fkey [{t1_a2 a} {t1_b1 b}]",
			"many-to-one i2459_composite_v1 i2459_composite_t2_t1_a_t1_b_fkey [{t1_a2 a} {t1_b2 b}]",
		},
		"videogames": {
			"many-to-one designers computed_designers single=true",
			"many-to-one designers computed_designers_noset single=true",
			"many-to-one designers designers single=true",
		},
	} {
		require.Equal(t, want, describe(test, name), name)
	}
	require.Equal(t, []string{"id"}, test.Relations["projects_view"].PrimaryKey())
	require.Equal(t, []string{"id", "sponsor_id"}, test.Relations["test_null_pk_competitors_sponsors"].PrimaryKey())
	require.Equal(t, &catalog.Representation{ToJSON: "test.json", FromJSON: "test.color", FromText: "test.color"}, c.Representations["public.color"])
	require.Equal(t, "twkb_agg", test.Handler(test.Relations["lines"], "application/vnd.twkb").Function)
	require.Equal(t, "geo2json_agg_any", test.Handler(test.Relations["projects"], "application/vnd.geo2+json").Function)
	require.Equal(t, "special_agg", c.Schemas["v2"].Handler(c.Schemas["v2"].Relations["another_table"], "text/special").Function)
	require.Equal(t, "image/png", test.Functions["ret_image"][0].MediaType)
}
