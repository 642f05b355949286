package catalog_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/internal/setting"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func setup(t *testing.T, shared bool, sql string) *projectdb.Session {
	t.Helper()
	p, err := directory.FromSnapshot(testkit.Project(t, shared))
	require.NoError(t, err)
	door := projectdb.New(projectdb.Deps{Log: testkit.Logger(t), MaxConnections: 8})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, door.Close(ctx))
	})
	s := door.Bind(p, projectdb.Caller{Role: "anon", Developer: "test"})
	owner(t, s, sql)
	return s
}

func owner(t testing.TB, s *projectdb.Session, sql string) {
	t.Helper()
	require.NoError(t, s.AsOwner(context.Background(), func(c *pgx.Conn) error {
		_, err := c.PgConn().Exec(context.Background(), sql).ReadAll()
		return err
	}))
}

// exposed is what a project exposes by its settings.
func exposed(s *projectdb.Session) catalog.Exposure {
	return catalog.Exposure{
		Schemas:         setting.Get[[]string](s.Project.Settings, "rest.schemas"),
		ExtraSearchPath: setting.Get[[]string](s.Project.Settings, "rest.extra_search_path"),
	}
}

func both(t *testing.T, run func(t *testing.T, shared bool)) {
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) { t.Parallel(); run(t, shared) })
	}
}

// TestPlain checks which relations may be read without cleaning up after it. A mistake here lets a project's code leave
// something behind for the next request.
func TestPlain(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		s := setup(t, shared, `
			create type mood as enum ('a'); create domain checked as int check (value > 0);
			create function mine(int) returns boolean language sql as 'select true';
			create table bare (id int, tags text[], at timestamptz, j jsonb);
			create table own (id int, owner uuid); alter table own enable row level security;
			create policy p on own using (owner = (select auth.uid()));
			create table own2 (id int, owner uuid); alter table own2 enable row level security;
			create policy p on own2 using (owner = auth.uid() and auth.jwt() ->> 'aal' = 'aal2');
			create table settings (id int); alter table settings enable row level security;
			create policy p on settings using (current_setting('request.method', true) = 'GET');
			create table policed (id int); alter table policed enable row level security; create policy p on policed using (mine(id));
			create table locked (id int); alter table locked enable row level security; create policy p on locked using (pg_try_advisory_lock(id));
			create table setting (id int); alter table setting enable row level security; create policy p on setting using (set_config('a.b', 'c', false) = 'c');
			create table xml (id int); alter table xml enable row level security; create policy p on xml using (query_to_xml('select 1', true, true, '') is not null);
			create table joined (id int); alter table joined enable row level security; create policy p on joined using (exists (select from policed));
			create table moody (id int, m mood); create table bounded (id int, c checked); create table computed (id int, c int generated always as (id) stored);
			create table ruled (id int); create rule r as on insert to ruled do instead nothing;
			create table parted (id int) partition by range (id); create table parted2 (id int) partition by range (id);
			create table mother (id int); create table heir () inherits (mother);
			create function lie(int) returns boolean language plpgsql immutable as 'begin return true; end';
			create table indexed (id int); create index on indexed (lie(id)); create table partly (id int); create index on partly (id) where lie(5);
			create table tested (id int check (lie(5))); create table keyed (id int) partition by range (lie(id));
			create table counted (id int, b int); create statistics st on (lie(id)), b from counted; create table defaulted (id boolean default lie(1));
			create table below partition of parted2 for values from (1) to (2);
			create function acc(int, int) returns int language sql as 'select 1'; create aggregate agg(int) (sfunc = acc, stype = int);
			create table summed (id int); alter table summed enable row level security; create policy p on summed using ((select agg(x) from (values (1)) v (x)) = 1);
			create table ranked (id int); alter table ranked enable row level security;
			create policy p on ranked using ((select min(r) from (select agg(1) over () from generate_series(1, 2)) w (r)) = 1);
			create domain tested_by as int check (lie(value)); create type holder as (a tested_by);
			create table held (id int, t text); alter table held enable row level security; create policy p on held using (t::holder is not null);
			create table filled (id int, j json); alter table filled enable row level security; create policy p on filled using (json_populate_record(null::holder, j) is not null);
			create table vast (id int); alter table vast enable row level security;
			do $$ begin execute 'create policy p on vast using (id in (' || (select string_agg((n * 7)::text, ',') from generate_series(1, 60000) n) || ') or id = 1)'; end $$;
			create table many (id int); alter table many enable row level security;
			create policy p on many using (id in (16384, 20000, 99999) and auth.uid() is not null); create policy q on many using (id::varchar(20000) = 'x');
			create table badly (id int); alter table badly enable row level security; create policy p on badly using (true); create policy q on badly for select using (mine(id));
			create table checking (id int); alter table checking enable row level security; create policy p on checking for insert with check (mine(id));
			create domain trap as int check (lie(value));
			create table valid (id int); alter table valid enable row level security; create policy p on valid using (pg_input_is_valid(id::text, 'trap'));
			create table read_in (id int); alter table read_in enable row level security;
			create policy p on read_in using (domain_in(id::text::cstring, 'trap'::regtype, -1) is not null);
			create view seen as select * from bare; create materialized view kept as select * from bare;`)
		c, err := catalog.Load(context.Background(), s, exposed(s))
		require.NoError(t, err)
		plain := map[string]bool{}
		for name, r := range c.Schemas["public"].Relations {
			plain[name] = r.Plain
		}
		require.Equal(t, map[string]bool{
			"bare": true, "own2": true, "settings": true, "computed": true, "parted": true,
			"own":     plain["own"], // a subquery, judged below
			"policed": false, "locked": false, "setting": false, "xml": false, "joined": false, "moody": false, "bounded": false, "ruled": false,
			"mother": false, "heir": true, "indexed": false, "partly": false, "tested": false, "keyed": false, "counted": false, "defaulted": true,
			"seen": false, "kept": false, "parted2": false, "below": false, "summed": false, "ranked": false, "held": false, "filled": false, "vast": plain["vast"],
			"many": true, "badly": false, "checking": true, "valid": false, "read_in": false,
		}, plain)
		require.True(t, plain["own"], "the recommended form of a policy, (select auth.uid()), reads no other table")
		require.True(t, c.Schemas["public"].Relations["settings"].ReadsSettings)
		require.False(t, c.Schemas["public"].Relations["own2"].ReadsSettings)

		for _, change := range []struct {
			sql   string
			plain bool
		}{
			{`create function alike(text, text) returns boolean language sql as 'select true'; create operator % (leftarg = text, rightarg = text, function = alike)`, true},
			{`create function fake(int, int) returns boolean language sql as 'select true'; create operator = (leftarg = int, rightarg = int, function = fake)`, false},
			{`drop operator = (int, int)`, true},
			{`create function brood(int) returns mood language sql as 'select null::mood'; create cast (int as mood) with function brood(int) as implicit`, false},
			{`drop cast (int as mood); create cast (int as mood) with function brood(int) as assignment`, true},
		} {
			owner(t, s, strings.ReplaceAll(change.sql, "drop operator =", "drop operator "+s.Project.Schema("public")+".="))
			c, err = catalog.Load(context.Background(), s, exposed(s))
			require.NoError(t, err)
			require.Equal(t, change.plain, c.Schemas["public"].Relations["bare"].Plain, change.sql)
		}
	})
}

// TestPlainIsNotFooledByOperators: what compares a column with a value may be an operator of the project's, though one of its sides is no
// built-in type, where Postgres has none that fits better.
func TestPlainIsNotFooledByOperators(t *testing.T) {
	t.Parallel()
	const made = `create table bare (id int, j json); create type mood as enum ('a'); create domain doc as json;
		create function meant(json, mood) returns boolean language plpgsql as 'begin perform set_config(''app.x'', ''leak'', false); return true; end';
		create function meant(doc, doc) returns boolean language sql as 'select true'; create function meant(mood, mood) returns boolean language sql as 'select true';`
	for sql, plain := range map[string]bool{
		`create extension hstore schema extensions; create extension citext schema extensions`: true,
		`create operator @@@ (leftarg = json, rightarg = mood, function = meant)`:              true,
		`create operator @> (leftarg = json, rightarg = mood, function = meant)`:               false,
		`create operator = (leftarg = doc, rightarg = doc, function = meant)`:                  false,
		`create function becomes(json) returns mood language sql as 'select ''a''::mood'; create cast (json as mood) with function becomes(json) as implicit;
			create operator = (leftarg = mood, rightarg = mood, function = meant)`: false,
		`create extension hstore schema extensions; create operator @> (leftarg = json, rightarg = mood, function = meant); alter extension hstore add operator @> (json, mood)`: false,
	} {
		s := setup(t, false, made)
		owner(t, s, strings.ReplaceAll(sql, " extensions", " "+s.Project.Schema("public")))
		c, err := catalog.Load(context.Background(), s, exposed(s))
		require.NoError(t, err)
		require.Equal(t, plain, c.Schemas["public"].Relations["bare"].Plain, sql)
	}
}

// TestPlainIsNotFooledByOtherSchemas is TestPlain for what stands in schemas that nobody names.
func TestPlainIsNotFooledByOtherSchemas(t *testing.T) {
	t.Parallel()
	s := setup(t, false, `create schema apart; create schema auth2;
		create function apart.same(int, int) returns boolean language plpgsql immutable as 'begin return true; end';
		create operator apart.=== (leftarg = int, rightarg = int, function = apart.same); create domain apart.bounded as int check (apart.same(value, 1));
		create function auth2.uid() returns uuid language sql stable as 'select null::uuid';
		create table bare (id int);
		create table checked (id int check (5 operator(apart.===) 5)); create table cast_checked (id int check ((5::apart.bounded)::int > 0));
		create table indexed (id int); create index on indexed ((id operator(apart.===) 5)); create table partly (id int); create index on partly (id) where 5 operator(apart.===) 5;
		create table policed (id int); alter table policed enable row level security; create policy p on policed using (id operator(apart.===) 5);
		create table policed_by_cast (id int); alter table policed_by_cast enable row level security; create policy p on policed_by_cast using (id::apart.bounded > 0);
		create table claims (id uuid); alter table claims enable row level security; create policy p on claims using (id = auth2.uid());
		create table own (id uuid); alter table own enable row level security; create policy p on own using (id = auth.uid());`)
	for _, unversioned := range []bool{false, true} {
		e := exposed(s)
		e.Unversioned = unversioned
		c, err := catalog.Load(context.Background(), s, e)
		require.NoError(t, err)
		for name, r := range c.Schemas["public"].Relations {
			require.Equal(t, name == "bare" || name == "own" && !unversioned, r.Plain, name)
			require.Equal(t, r.Plain && !unversioned, r.PlainInsert, name)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		s := setup(t, shared, `create type mood as enum ('a');
			create table parent (a int, b text, primary key (b, a));
			create table child (id bigint generated always as identity, a int not null, b text default 'x', m mood, j jsonb, n numeric(10, 2), foreign key (b, a) references parent (b, a));
			create function f(a int, b mood default 'a', out x int, out y text) language sql as 'select 1, ''x''';`)
		c, err := catalog.Load(context.Background(), s, exposed(s))
		require.NoError(t, err)
		public := c.Schemas["public"]
		require.Equal(t, s.Project.Schema("public"), public.Physical)
		require.Equal(t, []string{"b", "a"}, public.Relations["parent"].PrimaryKey())
		child := public.Relations["child"]
		require.Equal(t, []catalog.Reference{{Name: "child_b_a_fkey", Schema: public.Physical, Table: "parent", Columns: []string{"b", "a"}, Targets: []string{"b", "a"}}}, child.References)
		require.Equal(t, &catalog.Column{Name: "id", Type: "bigint", Base: "bigint", NotNull: true, HasDefault: true, Generated: true}, child.Column("id"))
		require.Equal(t, "numeric(10,2)", child.Column("n").Type)
		require.Equal(t, public.Physical+".mood", child.Column("m").Type)
		require.True(t, child.Column("j").JSON)
		f := public.Functions["f"][0]
		require.Equal(t, "composite", f.Returns)
		require.Equal(t, []catalog.Argument{
			{Name: "a", Type: "integer", Base: "integer", Required: true}, {Name: "b", Type: public.Physical + ".mood", Base: public.Physical + ".mood"},
		}, f.Arguments)
		require.NotContains(t, c.Schemas, "auth")
	})
}

func TestCacheFollowsTheSchema(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		s := setup(t, shared, "create table a (id int)")
		cache := catalog.NewCache()
		first, err := cache.Get(context.Background(), s, exposed(s))
		require.NoError(t, err)
		again, err := cache.Check(context.Background(), s, exposed(s))
		require.NoError(t, err)
		require.Same(t, first, again, "nothing changed")
		owner(t, s, "create table b (id int)")
		again, err = cache.Check(context.Background(), s, exposed(s))
		require.NoError(t, err)
		require.Contains(t, again.Schemas["public"].Relations, "b")
		moved := *s.Project
		moved.Settings = map[string]any{"rest.schemas": []string{"extensions"}}
		s.Project = &moved
		other, err := cache.Get(context.Background(), s, exposed(s))
		require.NoError(t, err)
		require.NotContains(t, other.Schemas, "public", "a change of settings counts at once")
	})
}
