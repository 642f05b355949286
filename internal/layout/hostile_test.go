package layout

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/pg"
)

// TestOwnerCannotReachOut lets the owner of a database run SQL against everything else. Docs: docs/isolation.md.
func TestOwnerCannotReachOut(t *testing.T) {
	t.Parallel()
	c := open(t)
	hostile, victim := create(t, c, false), create(t, c, false)
	exec(t, hostile.owner(t), "create table t (a int)")
	exec(t, victim.owner(t), "create table secret (a int)")
	for _, attack := range []string{
		"copy (select 1) to program 'id'", "copy t from program 'id'", "copy t from '/etc/passwd'", "copy t to '/tmp/x'",
		"select pg_read_file('/etc/passwd')", "select pg_read_file('postgresql.conf')", "select pg_ls_dir('.')", "select pg_stat_file('PG_VERSION')",
		"select lo_import('/etc/passwd')", "select lo_export(lo_from_bytea(0, 'x'), '/tmp/x')",
		"alter system set work_mem = '1GB'", "select pg_reload_conf()", "select pg_rotate_logfile()",
		"create role other", "create database other", "alter role anon bypassrls", "alter role " + pg.Ident(hostile.Owner()) + " superuser",
		"alter role " + pg.Ident(hostile.Owner()) + " connection limit -1", "alter role " + pg.Ident(hostile.Owner()) + " createrole",
		"alter role " + pg.Ident(victim.Owner()) + " password 'x'", "grant " + pg.Ident(victim.Owner()) + " to " + pg.Ident(hostile.Owner()),
		"set role " + pg.Ident(victim.Owner()), "set session authorization " + pg.Ident(victim.Owner()), "set role postgres", "set role fluxbase_owner",
		"set role " + pg.Ident(hostile.Admin()), "set role " + pg.Ident(hostile.Storage()), "set role fluxbase_template_admin", "set role fluxbase_template_storage", "grant anon to " + pg.Ident(hostile.Owner()),
		"grant pg_read_all_data to " + pg.Ident(hostile.Owner()), "grant pg_read_server_files to " + pg.Ident(hostile.Owner()),
		"alter database " + pg.Ident(hostile.Database()) + " connection limit -1", "alter database " + pg.Ident(hostile.Database()) + " rename to mine",
		"drop database " + pg.Ident(victim.Database()), "comment on database " + pg.Ident(victim.Database()) + " is 'x'",
		"grant connect on database " + pg.Ident(victim.Database()) + " to anon", "create database copy template " + pg.Ident(victim.Database()),
		"create extension dblink", "create extension postgres_fdw", "create extension file_fdw", "create extension plpython3u", "create extension adminpack",
		"create extension pg_stat_statements", "create extension pageinspect", "create extension pg_buffercache",
		"create function f() returns int language c as 'libc', 'system'", "create function f() returns int language internal as 'x'", "load 'plperl'",
		"create event trigger e on ddl_command_end execute function fluxbase.on_sql_drop()", "drop event trigger fluxbase_sql_drop",
		"alter event trigger fluxbase_ddl_command_end disable", "set session_replication_role = replica", "set event_triggers = off", "set allow_system_table_mods = on",
		"create publication p for all tables", "create subscription s connection 'host=x' publication p",
		"select pg_create_logical_replication_slot('s', 'pgoutput')", "select * from pg_replication_slots",
		"create tablespace x location '/tmp'", "create foreign data wrapper x", "create server s foreign data wrapper postgres_fdw",
		"drop schema auth cascade", "drop schema fluxbase cascade", "update fluxbase.schema_change set version = 0", "drop table auth.users",
		"drop function auth.uid()", "create or replace function auth.uid() returns uuid language sql as 'select null::uuid'", "create table auth.mine ()", "create table pg_catalog.mine ()",
		"select * from pg_authid", "select * from pg_shadow", "select * from pg_catalog.fluxbase_all_pg_roles", "select * from pg_catalog.fluxbase_all_pg_database",
		"select * from pg_catalog.fluxbase_all_pg_stat_activity", "select * from pg_catalog.fluxbase_all_pg_auth_members", "select * from pg_stat_get_activity(null)",
		"select pg_stat_get_backend_idset()", "select pg_stat_get_db_numbackends(1)", "select * from pg_lock_status()", "select * from pg_prepared_xact()",
		"select pg_tablespace_databases(1663)", "select pg_database_size('" + victim.Database() + "')", "select * from pg_group", "update fluxbase.system_view set definition = ''",
		"select * from pg_stat_ssl", "select * from pg_stat_replication", "select * from pg_hba_file_rules", "select * from pg_file_settings",
		"select pg_switch_wal()", "checkpoint", "select pg_log_backend_memory_contexts(1)", "set temp_file_limit = -1",
		"select pg_terminate_backend(pid) from pg_catalog.fluxbase_all_pg_stat_activity",
	} {
		if c.major < 16 && attack == "set role fluxbase_owner" {
			continue // grants have no SET option yet; the role owns nothing and reaches no other database
		}
		owner := hostile.owner(t)
		_, err := owner.Exec(t.Context(), attack)
		require.Error(t, err, attack)
		require.NoError(t, owner.Close(t.Context()))
	}
}

func TestOwnerCannotConnectElsewhere(t *testing.T) {
	t.Parallel()
	c := open(t)
	hostile, victim, shared := create(t, c, false), create(t, c, false), create(t, c, true)
	logins := map[string]string{
		hostile.Owner(): hostile.passwords.Owner, hostile.Admin(): hostile.passwords.Admin, hostile.Storage(): hostile.passwords.Storage, hostile.Authenticator(): hostile.passwords.Authenticator,
	}
	for _, database := range []string{victim.Database(), SharedDatabase, "postgres", "template1", "template0", templateDatabase()} {
		for user, password := range logins {
			_, err := pgx.Connect(t.Context(), hostile.url(t, user, password, database))
			require.Error(t, err, "%s to %s", user, database)
		}
	}
	_, err := pgx.Connect(t.Context(), hostile.url(t, shared.Owner(), shared.passwords.Owner, hostile.Database()))
	require.Equal(t, pgerrcode.InsufficientPrivilege, pg.Code(err))
	// The logins' own databases work.
	for user, password := range logins {
		require.NoError(t, hostile.connect(t, user, password).Ping(t.Context()))
	}
}

// TestCatalogsTellNothingOfOthers reads every catalog relation as each login of a project, and looks for another project's ref.
func TestCatalogsTellNothingOfOthers(t *testing.T) {
	t.Parallel()
	c := open(t)
	curious, other := create(t, c, false), create(t, c, false)
	busy := other.owner(t)
	exec(t, busy, "begin; create table secret_of_other (a int); select pg_advisory_lock(42)") // sessions, locks
	exec(t, busy, "commit; alter role %s set search_path = public", pg.Ident(other.Owner()))
	exec(t, busy, "begin; set local role anon; alter role anon set application_name = '%s'; commit", other.Ref()) // no one can forbid that
	t.Cleanup(func() {
		_, err := c.admin.Exec(context.WithoutCancel(t.Context()), `alter role anon reset application_name`)
		require.NoError(t, err)
	})
	for user, password := range map[string]string{
		curious.Owner(): curious.passwords.Owner, curious.Authenticator(): curious.passwords.Authenticator, curious.Admin(): curious.passwords.Admin,
		curious.Storage(): curious.passwords.Storage,
	} {
		conn := curious.connect(t, user, password)
		rows, err := conn.Query(t.Context(), `select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where n.nspname in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v') and has_table_privilege(c.oid, 'select')
			order by 1`)
		require.NoError(t, err)
		relations, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		require.Greater(t, len(relations), 100)
		for _, relation := range relations {
			var found int
			err := conn.QueryRow(t.Context(), fmt.Sprintf(`select count(*) from %s t where strpos(t::text, $1) > 0`, relation), other.Ref()).Scan(&found)
			if err != nil {
				require.Contains(t, []string{pgerrcode.InsufficientPrivilege, pgerrcode.ObjectNotInPrerequisiteState}, pg.Code(err), "%s: %v", relation, err)
				continue
			}
			require.Zero(t, found, "%s tells %s of another project", relation, user)
		}
		require.Equal(t, int64(1), one[int64](t, conn, "select count(*) from pg_database"))
		require.Zero(t, one[int64](t, conn, "select count(*) from pg_locks where database is distinct from (select oid from pg_database where datname = current_database())"))
	}
}

// TestToolsStillWork runs the queries of psql and pg_dump that lean on what was hidden.
func TestToolsStillWork(t *testing.T) {
	t.Parallel()
	m := create(t, open(t), false)
	owner := m.owner(t)
	exec(t, owner, "create table notes (id int primary key); alter table notes enable row level security; create policy p on notes to authenticated using (true)")
	for _, q := range []string{
		// psql \l, \du, \d with policies, \dt
		`select d.datname, pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding) from pg_catalog.pg_database d`,
		`select r.rolname, array(select b.rolname from pg_catalog.pg_auth_members m join pg_catalog.pg_roles b on m.roleid = b.oid where m.member = r.oid) from pg_catalog.pg_roles r`,
		`select polname, array(select rolname from pg_catalog.pg_roles where oid = any (polroles)) from pg_catalog.pg_policy`,
		`select n.nspname, c.relname, pg_catalog.pg_get_userbyid(c.relowner) from pg_catalog.pg_class c left join pg_catalog.pg_namespace n on n.oid = c.relnamespace`,
		`select oid, datname, datdba, pg_encoding_to_char(encoding), datacl from pg_catalog.pg_database where datname = current_database()`,
		// pg_dump, which lets no view pass that Postgres did not make
		`do $$ begin perform set_config('restrict_nonsystem_relation_kind', 'view, foreign-table', false); exception when undefined_object then null; end $$`,
		`select oid, rolname from pg_catalog.pg_roles order by 1`, `select pg_catalog.pg_is_in_recovery()`,
		`select count(*) from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())`,
		`select tableoid, oid, datname from pg_catalog.pg_database`,
		`do $$ begin perform set_config('restrict_nonsystem_relation_kind', '', false); exception when undefined_object then null; end $$`,
		`select pid, usename, query from pg_stat_activity`, `select datname, numbackends from pg_stat_database`, `select * from pg_stat_user_tables`,
	} {
		_, err := owner.Exec(t.Context(), q)
		require.NoError(t, err, q)
	}
	require.Zero(t, one[int64](t, owner, `select count(*) from (
		select relowner as o from pg_class union select nspowner from pg_namespace union select proowner from pg_proc) owners
		where o not in (select oid from pg_roles)`), "pg_dump needs the name of every owner")
	require.Zero(t, one[int64](t, owner, `select count(*) from pg_class c left join pg_init_privs i on i.objoid = c.oid and i.classoid = 'pg_class'::regclass and i.objsubid = 0
		where c.relnamespace = 'pg_catalog'::regnamespace and c.relacl is distinct from i.initprivs`), "pg_dump writes out what differs here")
	// The owner sees and ends its own sessions.
	second := m.owner(t)
	require.True(t, one[bool](t, owner, "select pg_terminate_backend($1)", second.PgConn().PID()))
}

func TestOneOwnersLimits(t *testing.T) {
	t.Parallel()
	m := create(t, open(t), false)
	for range maxOwner {
		m.owner(t)
	}
	_, err := pgx.Connect(t.Context(), m.url(t, m.Owner(), m.passwords.Owner, m.Database()))
	require.Equal(t, pgerrcode.TooManyConnections, pg.Code(err))
	require.NoError(t, m.authenticator(t).Ping(t.Context()), "requests are served on")
}

// TestSchemaOwnerStaysAtHome is what isolation "schema" promises: another project's tables cannot be named.
func TestSchemaOwnerStaysAtHome(t *testing.T) {
	t.Parallel()
	c := open(t)
	a, b := create(t, c, true), create(t, c, true)
	exec(t, b.owner(t), "create table notes (a int); grant all on notes to anon, authenticated, service_role")
	notes := pg.Ident(b.Schema("public"), "notes")
	for _, attack := range []string{
		"table " + notes, "insert into " + notes + " values (1)", "set role " + pg.Ident(a.Role(Anon)) + "; table " + notes,
		"set role " + pg.Ident(a.Role(ServiceRole)) + "; table " + notes, "table " + pg.Ident(b.Schema("auth"), "users"),
		"set role service_role; table " + notes, "set role " + pg.Ident(b.Role(ServiceRole)), "set role service_role", "set role anon", "create table " + pg.Ident(b.Schema("public"), "x") + " ()",
		"create table public.x ()", "create table auth.x ()", "create schema mine", "grant usage on schema " + pg.Ident(b.Schema("public")) + " to public",
		"drop schema " + pg.Ident(b.Schema("public")) + " cascade", "create extension hstore", "select * from fluxbase.schema_change",
		"create event trigger e on sql_drop execute function fluxbase.on_sql_drop()", "select * from pg_authid", "copy (select 1) to program 'id'",
	} {
		if c.major < 16 && (attack == "set role service_role" || attack == "set role anon") {
			continue // grants have no SET option yet; the plain roles may use no project's schemas
		}
		conn := a.owner(t)
		_, err := conn.Exec(t.Context(), attack)
		require.Error(t, err, attack)
		require.NoError(t, conn.Close(t.Context()))
	}
}
