package dataplane

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/config"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1/directoryv1connect"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/internal/testkit/conformance"
)

// requestRoles gives the fixtures' roles the names that a project's have.
var requestRoles = map[string]string{
	"postgrest_test_anonymous": layout.Anon, "postgrest_test_author": layout.Authenticated, "postgrest_test_superuser": layout.ServiceRole,
}

// TestConformance runs PostgREST's cases through the gateway, each configuration against a project and a worker of its own. The
// project's settings are the configuration's, as far as there are any like them; its legacy secret is what the cases sign with. What
// the gateway answers by itself, and what no project can be set to, differs: the list says it.
func TestConformance(t *testing.T) {
	t.Parallel()
	suite := conformance.Start(t, requestRoles)
	var mu sync.Mutex
	var all []conformance.Result
	names := slices.SortedFunc(maps.Keys(suite.Configs), func(a, b string) int {
		return strings.Compare(strings.TrimPrefix(a, "base"), strings.TrimPrefix(b, "base")) // base has most of the cases: it goes first
	})
	t.Run("configs", func(t *testing.T) {
		for i, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				results := suite.Run(t, name, serveFixtures(t, suite, suite.Configs[name], fmt.Sprintf("c%d", i)))
				mu.Lock()
				defer mu.Unlock()
				all = append(all, results...)
			})
		}
	})
	conformance.Judge(t, all, 0.97, "testdata/conformance_failures.txt")
}

// serveFixtures serves a database with the fixtures as a project's, and returns the address of its REST.
func serveFixtures(t *testing.T, suite *conformance.Suite, env map[string]string, database string) string {
	t.Helper()
	prepareFixtures(t, suite, env, database)
	publishable := id.NewSecret(id.PrefixPublishable)
	login := &directoryv1.Login{User: conformance.Authenticator, Password: "trusted"}
	c := &controlplane{usage: map[string]int64{}, keys: map[string]bool{}, changes: make(chan string), snapshot: &directoryv1.Snapshot{
		ProjectId: uuid.NewString(), OrganizationId: uuid.NewString(), Ref: id.NewRef(), Revision: 1, Url: "http://localhost",
		Status: directoryv1.ServingStatus_SERVING_STATUS_ACTIVE, Settings: projectSettings(t, env), LegacyJwtSecret: []byte(conformance.Secret),
		Placement: &directoryv1.Placement{
			Host: "localhost", Port: int32(suite.Port()), SslMode: "disable", Database: database, Authenticator: login, Admin: login, Owner: login,
		},
		Keys: []*directoryv1.Key{{Id: uuid.NewString(), Hash: id.Hash(publishable), Role: layout.Anon}},
	}}
	mux := http.NewServeMux()
	mux.Handle(directoryv1connect.NewDirectoryServiceHandler(c))
	c.server = httptest.NewServer(mux)
	t.Cleanup(c.server.Close)
	b := &bundle{control: c, cfg: config.Default()}
	b.cfg.Domain, b.cfg.WorkerURL = "example.test", "http://worker.example.test"
	b.cfg.MasterKey, b.cfg.ServiceToken = config.Secret(testkit.MasterKey(t)), "token"
	b.cfg.RedisURL = config.Secret(testkit.RedisURL(t))
	b.cfg.JobsURL = config.Secret(testkit.Jobs(t))
	b.cfg.Dataplane.DirectoryURL, b.cfg.Dataplane.CacheDir, b.cfg.Dataplane.MaxConnections = c.server.URL, t.TempDir(), 12
	w := b.start(t)
	// The cases know of no keys.
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Header.Set("Apikey", publishable)
		r.Host = w.ref + ".example.test"
		w.Handler().ServeHTTP(rw, r)
	}))
	t.Cleanup(front.Close)
	return front.URL + "/rest/v1"
}

// prepareFixtures makes the database, with what every project's has and with the configuration's settings of its own.
func prepareFixtures(t *testing.T, suite *conformance.Suite, env map[string]string, database string) {
	t.Helper()
	suite.Clone(t, database)
	conn, err := pgx.Connect(t.Context(), suite.URL("postgres", database))
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	run := func(sql string) {
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	run(`create schema fluxbase; grant usage on schema fluxbase to public;
		create function fluxbase.schema_version() returns bigint language sql stable as 'select 1::bigint'`)
	for name, value := range env {
		if setting, ok := strings.CutPrefix(name, "PGRST_APP_SETTINGS_"); ok {
			run(fmt.Sprintf("alter database %s set app.settings.%s = '%s'", database, strings.ToLower(setting), value))
		}
	}
}

// projectSettings are a project's settings that mean what PostgREST's do.
func projectSettings(t *testing.T, env map[string]string) map[string]string {
	t.Helper()
	out := map[string]string{}
	put := func(key string, value any) {
		text, err := json.Marshal(value)
		require.NoError(t, err)
		out[key] = string(text)
	}
	list := func(value string) []string { return strings.FieldsFunc(value, func(r rune) bool { return r == ',' }) }
	put("rest.schemas", list(env["PGRST_DB_SCHEMAS"]))
	put("rest.extra_search_path", list(env["PGRST_DB_EXTRA_SEARCH_PATH"]))
	put("rest.tx_end", env["PGRST_DB_TX_END"])
	put("rest.pre_request", env["PGRST_DB_PRE_REQUEST"])
	put("rest.openapi_mode", env["PGRST_OPENAPI_MODE"])
	for variable, key := range map[string]string{
		"PGRST_DB_AGGREGATES_ENABLED": "rest.aggregates_enabled", "PGRST_DB_PLAN_ENABLED": "rest.plan_enabled", "PGRST_SERVER_TIMING_ENABLED": "rest.server_timing",
		"PGRST_URL_USE_LEGACY_TARGET_NAMES": "rest.legacy_target_names",
	} {
		put(key, env[variable] == "true")
	}
	most, err := strconv.Atoi(env["PGRST_DB_MAX_ROWS"])
	if err != nil {
		most = 1_000_000
	}
	put("rest.max_rows", most)
	return out
}
