package meta_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/meta"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

type bundle struct {
	t       testing.TB
	project *directory.Project
	door    *projectdb.Door
	service http.Handler
	caller  projectdb.Caller
}

func both(t *testing.T, test func(t *testing.T, b *bundle)) {
	t.Parallel()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setup(t, shared))
		})
	}
}

func setup(t testing.TB, shared bool) *bundle {
	t.Helper()
	project, err := directory.FromSnapshot(testkit.Project(t, shared))
	require.NoError(t, err)
	door := projectdb.New(projectdb.Deps{Log: testkit.Logger(t), Metrics: prometheus.NewRegistry(), MaxConnections: 8, IdleTimeout: time.Minute})
	t.Cleanup(func() { require.NoError(t, door.Close(context.Background())) })
	return &bundle{t, project, door, meta.New(meta.Deps{Log: testkit.Logger(t)}), projectdb.Caller{Developer: "an account"}}
}

func (b *bundle) call(ctx context.Context, method, path, body string) (int, string) {
	b.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	b.service.ServeHTTP(w, r.WithContext(projectdb.NewContext(ctx, b.door.Bind(b.project, b.caller))))
	return w.Code, w.Body.String()
}

func (b *bundle) query(sql string) (int, string) {
	b.t.Helper()
	body, err := json.Marshal(map[string]string{"query": sql})
	require.NoError(b.t, err)
	return b.call(b.t.Context(), "POST", "/query", string(body))
}

func TestQueryAnswersEachStatement(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		status, body := b.query(`create table notes (id int primary key, body text, big bigint, data jsonb, ok bool, price numeric);
			insert into notes values (1, 'ä"\', 9007199254740993, '{"a":1}', true, 1.10), (2, null, 2, null, false, 'NaN');
			select * from notes order by id;
			do $$ begin raise notice 'hello'; end $$`)
		require.Equal(t, 200, status, body)
		require.JSONEq(t, `{"results":[
			{"columns":[],"rows":[],"row_count":0,"command":"CREATE TABLE","truncated":false,"notices":[]},
			{"columns":[],"rows":[],"row_count":2,"command":"INSERT","truncated":false,"notices":[]},
			{"columns":[{"name":"id","type":"integer"},{"name":"body","type":"text"},{"name":"big","type":"bigint"},{"name":"data","type":"jsonb"},
				{"name":"ok","type":"boolean"},{"name":"price","type":"numeric"}],
			 "rows":[[1,"ä\"\\","9007199254740993",{"a":1},true,"1.10"],[2,null,2,null,false,"NaN"]],
			 "row_count":2,"command":"SELECT","truncated":false,"notices":[]},
			{"columns":[],"rows":[],"row_count":0,"command":"DO","truncated":false,"notices":[{"severity":"NOTICE","message":"hello"}]}]}`, body)
	})
}

func TestQueryIsAllOrNothing(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		status, body := b.query("create table gone (id int);\nselect 'ä',\n  nosuch from gone")
		require.Equal(t, 400, status)
		var refused struct {
			Code, Message  string
			Position, Line int
		}
		require.NoError(t, json.Unmarshal([]byte(body), &refused))
		require.Equal(t, "42703", refused.Code)
		require.Equal(t, 3, refused.Line)
		require.Equal(t, 43, refused.Position)
		status, body = b.query("select * from gone")
		require.Equal(t, 400, status)
		require.Contains(t, body, `"code":"42P01"`)
	})
}

func TestQueryBoundsRows(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		status, body := b.call(t.Context(), "POST", "/query", `{"query":"select generate_series(1, 5)","limit":2}`)
		require.Equal(t, 200, status)
		require.Contains(t, body, `"rows":[[1],[2]],"row_count":5,"command":"SELECT","truncated":true`)
	})
}

// TestWorkEndsWithItsRequest holds that who leaves leaves nothing running, and nothing half done.
func TestWorkEndsWithItsRequest(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.run(`create table slow (id int); create function wait() returns trigger language plpgsql as $$ begin perform pg_sleep(600); return new; end $$;
			create trigger wait before insert on slow for each row execute function wait()`)
		admin, err := pgx.Connect(t.Context(), testkit.AdminURL(t))
		require.NoError(t, err)
		t.Cleanup(func() { _ = admin.Close(context.Background()) })
		running := func() bool {
			var n int
			require.NoError(t, admin.QueryRow(t.Context(), `select count(*) from pg_stat_activity where usename in ($1, $2) and wait_event = 'PgSleep'`,
				b.project.Owner.User, b.project.Authenticator.User).Scan(&n))
			return n == 1
		}
		for _, work := range []struct{ path, body string }{
			{"/query", `{"query":"select pg_sleep(600)"}`},
			{"/query", `{"query":"select pg_sleep($1::int)","params":["600"]}`},
			{"/query", `{"query":"select pg_sleep(600)","role":"service_role"}`},
			{"/migrations", `{"name":"slow","sql":"create table never (id int); select pg_sleep(600)"}`},
			{"/import", `{"schema":"public","table":"slow","columns":["id"],"rows":[["1"]]}`},
			{"/export", `{"query":"select pg_sleep(600)","format":"csv"}`},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan int, 1)
			go func() {
				status, _ := b.call(ctx, "POST", work.path, work.body)
				done <- status
			}()
			require.Eventually(t, running, 20*time.Second, 10*time.Millisecond)
			cancel()
			require.Equal(t, 499, <-done, work.path)
			require.Eventually(t, func() bool { return !running() }, 20*time.Second, 10*time.Millisecond)
		}
		require.Empty(t, b.migrations(""))
		require.Empty(t, b.list("/tables?table=never"))
		require.Contains(t, b.run("select count(*)::int from slow"), "[[0]]")
	})
}

func TestCatalogShowsLogicalNames(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		status, body := b.query(`create table authors (id int generated always as identity primary key, name text not null default 'x');
			alter table authors enable row level security; comment on table authors is 'Who writes'; create view names as select name from authors`)
		require.Equal(t, 200, status, body)

		status, body = b.call(t.Context(), "GET", "/schemas", "")
		require.Equal(t, 200, status, body)
		var schemas []struct{ Name string }
		require.NoError(t, json.Unmarshal([]byte(body), &schemas))
		var names []string
		for _, s := range schemas {
			names = append(names, s.Name)
		}
		require.Equal(t, []string{"auth", "extensions", "public", "realtime", "storage", "supabase_migrations"}, names)

		status, body = b.call(t.Context(), "GET", "/tables?schema=public", "")
		require.Equal(t, 200, status, body)
		var tables []struct {
			Name, Kind string
			RLSEnabled bool `json:"rls_enabled"`
			Comment    *string
		}
		require.NoError(t, json.Unmarshal([]byte(body), &tables))
		require.Len(t, tables, 2)
		require.Equal(t, "authors table", tables[0].Name+" "+tables[0].Kind)
		require.True(t, tables[0].RLSEnabled)
		require.Equal(t, "Who writes", *tables[0].Comment)
		require.Equal(t, "names view", tables[1].Name+" "+tables[1].Kind)

		status, body = b.call(t.Context(), "GET", "/columns?limit=1&offset=1&schema=public&table=authors", "")
		require.Equal(t, 200, status)
		require.Contains(t, body, `"name":"name"`)
	})
}

func TestRefusals(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		cases := []struct {
			name, method, path, body string
			status                   int
			has                      string
		}{
			{"an empty query", "POST", "/query", `{"query":" "}`, 400, "QUERY_EMPTY"},
			{"a body that is no JSON", "POST", "/query", `select 1`, 400, "BODY_INVALID"},
			{"no body", "POST", "/query", ``, 400, "CONTENT_TYPE"},
			{"a zero byte", "POST", "/query", `{"query":"select '\u0000'"}`, 400, "QUERY_INVALID"},
			{"a limit out of bounds", "POST", "/query", `{"query":"select 1","limit":10001}`, 400, "LIMIT_INVALID"},
			{"another method of a list", "DELETE", "/migrations", ``, 405, "METHOD_NOT_ALLOWED"},
			{"another method", "GET", "/query", ``, 405, "METHOD_NOT_ALLOWED"},
			{"another path", "GET", "/nothing", ``, 404, "ROUTE_NOT_FOUND"},
			{"a page out of bounds", "GET", "/tables?limit=0", ``, 400, "PAGE_INVALID"},
			{"an offset that is no number", "GET", "/tables?offset=x", ``, 400, "PAGE_INVALID"},
			{"a name that is SQL", "GET", "/tables?schema=public'--", ``, 200, "[]"},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				status, body := b.call(t.Context(), c.method, c.path, c.body)
				require.Equal(t, c.status, status, body)
				require.Contains(t, body, c.has)
			})
		}
		body := bytes.NewReader([]byte(`{"query":"select 1234567890"}`))
		r := httptest.NewRequest(http.MethodPost, "/query", http.MaxBytesReader(nil, io.NopCloser(body), 10))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		b.service.ServeHTTP(w, r.WithContext(projectdb.NewContext(t.Context(), b.door.Bind(b.project, b.caller))))
		require.Equal(t, 413, w.Code, w.Body)
		for _, role := range []string{"anon", "authenticated", "service_role"} {
			app := *b
			app.caller = projectdb.Caller{Role: role}
			for _, path := range append([]string{"advice", "nothing"}, allLists...) {
				status, body := app.call(t.Context(), "GET", "/"+path, "")
				require.Equal(t, 401, status)
				require.Contains(t, body, "DEVELOPER_TOKEN_REQUIRED")
			}
			status, _ := app.query("select 1")
			require.Equal(t, 401, status)
		}
	})
}

func TestQueryBoundsResults(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		status, body := b.query("create table counted (id int);" + strings.Repeat("insert into counted values (1);", 1100))
		require.Equal(t, 200, status, body)
		var answer struct{ Results []struct{ Truncated bool } }
		require.NoError(t, json.Unmarshal([]byte(body), &answer))
		require.Len(t, answer.Results, 1000)
		require.True(t, answer.Results[999].Truncated)
		_, body = b.query("select count(*)::int from counted")
		require.Contains(t, body, `[[1100]]`, "all of them ran")
	})
}

// ownerURL is how the project's developers connect by psql.
func (b *bundle) ownerURL() string {
	b.t.Helper()
	p := b.project
	u := url.URL{Scheme: "postgres", User: url.UserPassword(p.Owner.User, p.Owner.Password), Host: fmt.Sprintf("%s:%d", p.Host, p.Port), Path: "/" + p.Database, RawQuery: "sslmode=disable"}
	return u.String()
}
