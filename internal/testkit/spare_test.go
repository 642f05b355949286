package testkit_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// inProject runs SQL in a project's database, as its owner or as a superuser.
func inProject(t *testing.T, project *directoryv1.Snapshot, owner bool, sql string) {
	t.Helper()
	address, err := url.Parse(testkit.AdminURL(t))
	require.NoError(t, err)
	place := project.GetPlacement()
	address.Path = "/" + place.GetDatabase()
	if owner {
		address.User = url.UserPassword(place.GetOwner().GetUser(), place.GetOwner().GetPassword())
	}
	conn, err := pgx.Connect(t.Context(), address.String())
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err, sql)
}

// TestProjectsAreGivenBackAsTheyWere changes all that a test may change of a project. Who takes it next finds no rows; and of what changed otherwise,
// nobody takes it.
func TestProjectsAreGivenBackAsTheyWere(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		used := map[string]bool{}
		for _, change := range []struct {
			owner, again bool
			sql          string // {schemas} is what schemas and request roles begin with
		}{
			{false, true, `insert into "{schemas}auth".users (id, email) values (gen_random_uuid(), 'a@example.com')`},
			{false, true, `insert into "{schemas}storage".buckets (id, name) values ('a', 'a'); begin; insert into "{schemas}storage".objects (bucket_id, name) values ('a', 'b')`},
			{true, true, `create table left_behind ()`},
			{false, false, `grant select on "{schemas}auth".users to "{schemas}anon"`},
			{false, false, `alter table "{schemas}auth".users alter email set default 'x'`},
			{true, true, `create function f() returns int language sql as 'select 1'`},
			{false, true, `create policy p on "{schemas}storage".objects using (true)`},
			{true, true, `create type mood as enum ('good'); create table drawn (id serial primary key, mood mood, body text unique); create view seen as select * from drawn`},
			{true, true, `create domain short as text check (length(value) < 5); create procedure p() language sql as 'select 1'; create materialized view kept as select 1 as one`},
			{true, true, `create table of_users (id uuid references "{schemas}auth".users (id))`},
			{false, false, `comment on table "{schemas}auth".users is 'ours'`},
			{false, false, `alter role "{ref}_owner" set statement_timeout = '1s'`},
			{false, false, `alter role "{ref}_authenticator" nologin`},
			{false, false, `alter default privileges for role "{ref}_owner" grant select on tables to "{schemas}anon"`},
			{true, false, `alter role current_user set search_path = pg_catalog`},
		} {
			var ref string
			t.Run(fmt.Sprintf("shared %t: %s", shared, change.sql), func(t *testing.T) {
				project := testkit.Project(t, shared)
				ref = project.GetRef()
				require.False(t, used[ref], "a project that was changed is taken again")
				names := strings.NewReplacer("{schemas}", project.GetPlacement().GetSchemaPrefix(), "{ref}", ref)
				inProject(t, project, false, names.Replace(`do $$ begin assert not exists (select from "{schemas}auth".users) and not exists (select from "{schemas}storage".objects); end $$`))
				inProject(t, project, change.owner, names.Replace(change.sql))
			})
			used[ref] = !change.again
		}
	}
}

func TestDatabasesAreGivenBackAsTheyWere(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"1.sql": {Data: []byte("create table plan (id int); insert into plan values (1); create table made (id int generated always as identity)")}}
	used := map[string]bool{}
	for sql, again := range map[string]bool{
		"insert into made default values": true, "insert into river_job (kind, max_attempts, args) values ('x', 1, '{}')": true,
		"update plan set id = 2": false, "create table more ()": false, "alter table made add body text": false, "create schema more": false,
	} {
		var name string
		t.Run(sql, func(t *testing.T) {
			pool := testkit.Database(t, files)
			name = pool.Config().ConnConfig.Database
			require.False(t, used[name])
			var n, plans, first int
			require.NoError(t, pool.QueryRow(t.Context(), "select (select count(*) from made) + (select count(*) from river_job), (select count(*) from plan where id = 1)").Scan(&n, &plans))
			require.Zero(t, n)
			require.Equal(t, 1, plans)
			require.NoError(t, pool.QueryRow(t.Context(), "insert into made default values returning id").Scan(&first))
			require.Equal(t, 1, first)
			_, err := pool.Exec(t.Context(), sql)
			require.NoError(t, err)
		})
		used[name] = !again
	}
}
