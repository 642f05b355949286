package layout

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/pg"
)

func TestProjectServesItsRoles(t *testing.T) {
	t.Parallel()
	c := open(t)
	bothIsolations(t, func(t *testing.T, shared bool) {
		m := create(t, c, shared)
		public, auth := pg.Ident(m.Schema("public")), pg.Ident(m.Schema("auth"))
		owner := m.owner(t)
		exec(t, owner, `create table notes (id bigint generated always as identity primary key, author uuid references %s.users default auth.uid(), body text);
			alter table notes enable row level security;
			create policy own on notes to authenticated using (author = auth.uid());
			grant select, insert on notes to authenticated`, auth)
		exec(t, owner, `create function greet() returns trigger language plpgsql as $$ begin return new; end $$;
			create trigger greet after insert on %s.users for each row execute function greet()`, auth)
		exec(t, owner, `insert into %s.users (id, email) values ('11111111-1111-1111-1111-111111111111', 'a@example.com'), ('22222222-2222-2222-2222-222222222222', 'b@example.com')`, auth)

		a := m.authenticator(t)
		as := func(role, claims string, fn func(tx pgx.Tx)) {
			tx, err := a.Begin(t.Context())
			require.NoError(t, err)
			defer func() { _ = tx.Rollback(context.Background()) }()
			_, err = tx.Exec(t.Context(), "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true), set_config('search_path', $3, true)",
				m.Role(role), claims, public)
			require.NoError(t, err)
			fn(tx)
			require.NoError(t, tx.Commit(t.Context()))
		}
		as(Authenticated, `{"sub":"11111111-1111-1111-1111-111111111111","role":"authenticated"}`, func(tx pgx.Tx) {
			_, err := tx.Exec(t.Context(), "insert into notes (body) values ('mine')")
			require.NoError(t, err)
		})
		count := func(tx pgx.Tx) (n int) {
			require.NoError(t, tx.QueryRow(t.Context(), "select count(*) from notes").Scan(&n))
			return n
		}
		as(Authenticated, `{"sub":"22222222-2222-2222-2222-222222222222"}`, func(tx pgx.Tx) { require.Zero(t, count(tx)) })
		as(ServiceRole, `{}`, func(tx pgx.Tx) { require.Equal(t, 1, count(tx)) })

		_, err := a.Exec(t.Context(), "select from "+public+".notes")
		require.Equal(t, pgerrcode.InsufficientPrivilege, pg.Code(err), "the authenticator itself has no rights")
		tx, err := a.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), `set local role `+pg.Ident(m.Role(Anon))+`; select from `+public+`.notes`)
		require.Equal(t, pgerrcode.InsufficientPrivilege, pg.Code(err), "new tables are not exposed")
		require.NoError(t, tx.Rollback(t.Context()))
	})
}

func TestExposeNewTables(t *testing.T) {
	t.Parallel()
	c := open(t)
	bothIsolations(t, func(t *testing.T, shared bool) {
		m := create(t, c, shared)
		owner := m.owner(t)
		may := func(table string) bool {
			return one[bool](t, owner, "select has_table_privilege($1, $2, 'select')", m.Role(Anon), m.Schema("public")+"."+table)
		}
		exec(t, owner, "create table before ()")
		require.NoError(t, c.ApplySettings(t.Context(), m.Names, Settings{ExposeNewTables: true}))
		exec(t, owner, "create table exposed ()")
		require.NoError(t, c.ApplySettings(t.Context(), m.Names, Settings{}))
		exec(t, owner, "create table after ()")
		require.False(t, may("before"))
		require.True(t, may("exposed"))
		require.False(t, may("after"))
	})
}

func TestEverythingIsSafeTwice(t *testing.T) {
	t.Parallel()
	c := open(t)
	bothIsolations(t, func(t *testing.T, shared bool) {
		m := create(t, c, shared)
		exec(t, m.owner(t), "create table kept (); grant select on kept to anon")
		m.create(t)
		version, err := c.Migrate(t.Context(), m.Names, m.passwords, 0)
		require.NoError(t, err)
		require.Equal(t, Version(), version)
		require.True(t, one[bool](t, m.owner(t), "select to_regclass($1) is not null", m.Schema("public")+".kept"))
		require.NoError(t, c.Drop(t.Context(), m.Names))
		require.NoError(t, c.Drop(t.Context(), m.Names))
		left, err := c.rolesThatExist(t.Context(), m.Names)
		require.NoError(t, err)
		require.Empty(t, left)
	})
}

func TestPauseEndsSessionsAndKeepsLoginsOut(t *testing.T) {
	t.Parallel()
	c := open(t)
	bothIsolations(t, func(t *testing.T, shared bool) {
		m := create(t, c, shared)
		owner := m.owner(t)
		require.NoError(t, c.SetConnectable(t.Context(), m.Names, false))
		require.Error(t, owner.Ping(t.Context()))
		_, err := pgx.Connect(t.Context(), m.url(t, m.Owner(), m.passwords.Owner, m.Database()))
		require.Error(t, err)
		require.NoError(t, c.SetConnectable(t.Context(), m.Names, true))
		require.NoError(t, m.owner(t).Ping(t.Context()))
	})
}

func TestDropIsNotHeldUpByStrangersGrants(t *testing.T) {
	t.Parallel()
	c := open(t)
	hostile, victim := create(t, c, false), create(t, c, false)
	exec(t, hostile.owner(t), `create table bait (); grant select on bait to %s; create policy p on bait to %s`,
		pg.Ident(victim.Owner()), pg.Ident(victim.Authenticator()))
	require.NoError(t, c.Drop(t.Context(), victim.Names))
	require.True(t, one[bool](t, hostile.owner(t), "select to_regclass('bait') is not null"))
}

func TestSchemaChangesAreNoticed(t *testing.T) {
	t.Parallel()
	c := open(t)
	bothIsolations(t, func(t *testing.T, shared bool) {
		m, other := create(t, c, shared), create(t, c, shared)
		listener, owner := m.authenticator(t), m.owner(t)
		exec(t, listener, "listen fluxbase_ddl")
		version := func() int64 { return one[int64](t, listener, "select fluxbase.schema_version()") }
		for _, ddl := range []string{
			"create table a (id int)", "alter table a add b int", "grant select on a to anon", "comment on table a is 'x'",
			"drop table a", "create table gone (); drop table gone", "create function f() returns int language sql as 'select 1'", "drop function f()",
		} {
			before := version()
			exec(t, owner, "%s", ddl)
			require.Greater(t, version(), before, ddl)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			for { // in the shared database other projects' notices come too
				n, err := listener.WaitForNotification(ctx)
				require.NoError(t, err, ddl)
				if !shared || n.Payload == m.Ref() {
					break
				}
			}
			cancel()
		}
		before := version()
		exec(t, owner, "create temporary table t (id int); drop table t")
		exec(t, other.owner(t), "create table elsewhere ()")
		require.Equal(t, before, version(), "temporary tables and other projects do not count")
	})
}

func TestConcurrentSchemaChangesDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	m := create(t, open(t), false)
	first, second := m.owner(t), m.owner(t)
	exec(t, first, "begin; create table a ()")
	exec(t, second, "set statement_timeout = '30s'; create table b ()")
	exec(t, first, "commit")
	require.GreaterOrEqual(t, one[int64](t, first, "select fluxbase.schema_version()"), int64(2))
}

func TestClaimReaders(t *testing.T) {
	t.Parallel()
	c := open(t)
	bothIsolations(t, func(t *testing.T, shared bool) {
		a := create(t, c, shared).authenticator(t)
		read := "select concat_ws(' ', auth.uid(), auth.role(), auth.email(), auth.jwt() ->> 'aal')"
		require.Empty(t, one[string](t, a, read))
		exec(t, a, `select set_config('request.jwt.claim.sub', '33333333-3333-3333-3333-333333333333', false)`)
		require.Equal(t, "33333333-3333-3333-3333-333333333333", one[string](t, a, read))
		exec(t, a, `select set_config('request.jwt.claims', '{"sub":"11111111-1111-1111-1111-111111111111","role":"authenticated","email":"a@b.c","aal":"aal1"}', false)`)
		require.Equal(t, "11111111-1111-1111-1111-111111111111 authenticated a@b.c aal1", one[string](t, a, read))
		plan := one[string](t, a, "explain (verbose, format json) select auth.uid() from generate_series(1, 2)")
		require.NotContains(t, plan, "auth.uid()", "the reader is inlined")
	})
}
