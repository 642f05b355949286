package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func asError(err error, target any) bool { return errors.As(err, target) }

// SQLSTATEs of refusals.
const (
	denied      = "42501" // insufficient privilege
	noTable     = "42P01"
	noSchema    = "3F000"
	noRole      = "42704"
	noDatabase  = "3D000"
	noSuchValue = "22023" // of a setting: no such role
	otherBase   = "0A000" // cross-database references, extensions that are not there
	noFile      = "58P01"
	noFunction  = "42883"
)

// refused is an attempt of the attacker's owner in a session of its own: the last statement must fail with one of the
// SQLSTATEs.
func refused(name string, states []string, statements ...string) attack {
	return attack{name, func(t *testing.T, s *scene) string {
		conn := s.connect(t, s.attacker)
		return s.attempt(t, conn, states, statements...)
	}}
}

func (s *scene) attempt(t *testing.T, conn *pgx.Conn, states []string, statements ...string) string {
	t.Helper()
	for i, statement := range statements {
		got, err := s.run(t.Context(), conn, statement)
		require.NotContains(t, got, s.mark, "the victim's secret was read by %s", statement)
		if i == len(statements)-1 {
			require.Error(t, err, "not refused: %s\n%s", s.fill(statement), got)
			require.True(t, slices.Contains(states, code(err)), "%s: %s", s.fill(statement), err)
			return code(err)
		}
		if err != nil && slices.Contains(states, code(err)) {
			return code(err) // refused before its end
		}
		require.NoError(t, err, s.fill(statement))
	}
	return ""
}

// run runs a statement and returns what it gave, as text.
func (s *scene) run(ctx context.Context, conn *pgx.Conn, statement string) (string, error) {
	var out strings.Builder
	results, err := conn.PgConn().Exec(ctx, s.fill(statement)).ReadAll()
	for _, result := range results {
		for _, row := range result.Rows {
			for _, value := range row {
				fmt.Fprintf(&out, "%s|", value)
			}
			out.WriteString("\n")
		}
	}
	return out.String(), err
}

// absent is how a table of another project is refused, owns what belongs to another role, roles a role of another project.
var (
	absent = []string{denied, noTable, noSchema}
	owns   = []string{denied}
	roles  = []string{denied, noRole, noSuchValue}
)

func sqlAttacks() []attack {
	return slices.Concat(tableAttacks(), loginAttacks(), serverAttacks())
}

func tableAttacks() []attack {
	return []attack{
		refused("read a table by its physical name", absent, `select secret from "{B.public}".vault`),
		refused("read a table by the database's name", []string{otherBase, denied, noTable}, `select secret from "{B}".public.vault`),
		refused("read a table through search_path", absent, `set search_path = "{B.public}", public`, `select secret from vault`),
		refused("write a table by its physical name", absent, `update "{B.public}".vault set secret = 'x'`),
		refused("lock a table", absent, `begin`, `lock table "{B.public}".vault`),
		refused("truncate a table", absent, `truncate "{B.public}".vault`),
		refused("drop a schema", absent, `drop schema "{B.public}" cascade`),
		refused("make a table in a schema", absent, `create table "{B.public}".planted (x int)`),
		refused("make a function in a schema", absent, `create function "{B.public}".planted() returns int language sql as 'select 1'`),
		refused("put a view over a table", absent, `create view window_to_b as table "{B.public}".vault`),
		refused("refer to a table by a foreign key", absent, `create table spy (x int references "{B.public}".vault)`),
		refused("inherit from a table", absent, `create table child () inherits ("{B.public}".vault)`),
		refused("put a trigger on a table", absent, `create function leak() returns trigger language plpgsql as 'begin return new; end'`,
			`create trigger leak before insert on "{B.public}".vault for each row execute function leak()`),
		refused("put a policy on a table", absent, `create policy open on "{B.public}".vault using (true)`),
		refused("grant a schema to oneself", absent, `grant all on schema "{B.public}" to "{A}_owner"`),
		refused("take a table over", absent, `alter table "{B.public}".vault owner to "{A}_owner"`),
		refused("call a function by its physical name", append(slices.Clone(absent), noFunction), `select "{B.public}".reveal()`),
		refused("read the users", absent, `table "{B.auth}".users`),
		refused("read the refresh tokens", absent, `table "{B.auth}".refresh_tokens`),
		refused("change default privileges for the owner", roles, `alter default privileges for role "{B}_owner" grant all on tables to "{A}_owner"`),
	}
}

func loginAttacks() []attack {
	return []attack{
		refused("set role to the owner", roles, `set role "{B}_owner"`),
		refused("set role to the admin", roles, `set role "{B}_admin"`),
		refused("set role to the authenticator", roles, `set role "{B}_authenticator"`),
		refused("set role to the request role service_role", roles, `set role "{B.service_role}"`),
		refused("set role by set_config", roles, `select set_config('role', '{B}_owner', false)`),
		refused("set role to the superuser", owns, `set role postgres`),
		refused("set session authorization to the owner", roles, `set session authorization "{B}_owner"`),
		refused("set session authorization to the superuser", owns, `set session authorization postgres`),
		refused("set role in a function", roles, `create function hop() returns void language plpgsql as $$ begin execute 'set role "{B}_owner"'; end $$`, `select hop()`),
		refused("set role in a definer's function", roles,
			`create function hop_as() returns text language sql security definer set role = '{B}_owner' as 'select current_user::text'`, `select hop_as()`),
		refused("become a member of the owner's role", roles, `grant "{B}_owner" to "{A}_owner"`),
		refused("give the owner's password a new value", roles, `alter role "{B}_owner" password 'x'`),
		refused("change settings of the owner's role", roles, `alter role "{B}_owner" set search_path = "{A.public}"`),
		refused("change a role that projects share", owns, `alter role service_role set row_security = off`),
		refused("become a member of a role that projects share, with admin option", owns, `grant service_role to "{A}_owner" with admin option`),
		refused("act as the group of owners", owns, `set role fluxbase_owner`),
		refused("drop the owner's role", roles, `drop role "{B}_owner"`),
		refused("reassign what the owner owns", roles, `reassign owned by "{B}_owner" to "{A}_owner"`),
		refused("drop what the owner owns", roles, `drop owned by "{B}_owner"`),
		{"drop what is granted to a role that projects share", dropSharedGrants},
		{"change settings of a shared role as that role", changeSharedRole},
		refused("make oneself superuser", owns, `alter role "{A}_owner" superuser`),
		refused("let oneself bypass row-level security", owns, `alter role "{A}_owner" bypassrls`),
		refused("make a role", owns, `create role planted superuser`),
	}
}

func serverAttacks() []attack {
	return []attack{
		refused("drop the database", []string{denied, noDatabase}, `drop database "{B}"`),
		refused("drop the database that projects share", []string{denied, "55006"}, `drop database fluxbase_shared`),
		refused("make a database", owns, `create database planted template "{B.db}"`),
		refused("change the database's settings", []string{denied, noDatabase}, `alter database "{B.db}" set search_path = 'x'`),
		refused("change the server's settings", owns, `alter system set log_statement = 'all'`),
		refused("reload the server's settings", owns, `select pg_reload_conf()`),
		refused("run triggers as a replica does", owns, `set session_replication_role = replica`),
		refused("make an event trigger", owns, `create function et() returns event_trigger language plpgsql as 'begin end'`, `create event trigger et on ddl_command_end execute function et()`),
		refused("replace Fluxbase's own functions", owns, `create or replace function fluxbase.on_sql_drop() returns event_trigger language plpgsql as 'begin end'`),
		refused("plant a function in pg_catalog", owns, `create function pg_catalog.planted() returns int language sql as 'select 1'`),
		refused("load a library", []string{denied, noFile}, `load 'auto_explain'`),
		refused("make a function of the language C", owns, `create function c() returns int language c as 'libc', 'getpid'`),

		refused("connect out by dblink", []string{denied, otherBase}, `create extension dblink`),
		refused("connect out by postgres_fdw", []string{denied, otherBase}, `create extension postgres_fdw`),
		refused("read files by file_fdw", []string{denied, otherBase}, `create extension file_fdw`),
		refused("subscribe to another database", owns, `create subscription s connection 'dbname={B.db}' publication p with (connect = false)`),
		refused("publish all tables", owns, `create publication everything for all tables`),
		refused("read the log of changes by a replication slot", []string{denied, "55000"}, `select pg_create_logical_replication_slot('spy', 'test_decoding')`),
		refused("run a program by COPY", owns, `copy (select 1) to program 'id'`),
		refused("read a file by COPY", owns, `create table lines (l text)`, `copy lines from '/etc/passwd'`),
		refused("read a file by pg_read_file", owns, `select pg_read_file('/etc/passwd')`),
		refused("list the server's folder", owns, `select pg_ls_dir('.')`),
		refused("read a file by lo_import", owns, `select lo_import('/etc/passwd')`),
		refused("write a file by lo_export", owns, `select lo_export(lo_from_bytea(0, 'x'), '/tmp/planted')`),
		refused("read all large objects", owns, `table pg_largeobject`),
		{"read a large object by its number", readLargeObject},
		{"end a session by pg_terminate_backend", endSession},
		{"cancel a statement by pg_cancel_backend", cancelStatement},
		{"hear notifications", hearNotifications},
		{"hold an advisory lock that the victim wants", holdAdvisoryLock},
	}
}

// dropSharedGrants: in a database of its own, the attacker drops nothing but its own grants.
func dropSharedGrants(t *testing.T, s *scene) string {
	for _, role := range []string{"{A.anon}", "{A.service_role}"} {
		conn := s.connect(t, s.attacker)
		_, err := s.run(t.Context(), conn, `set role "`+role+`"`)
		require.NoError(t, err)
		_, err = s.run(t.Context(), conn, `begin; drop owned by anon; rollback`)
		if s.shared {
			require.Equal(t, denied, code(err), "%v", err)
		}
	}
	s.requireUnharmed(t)
	if s.shared {
		return denied
	}
	return "its own database only"
}

// changeSharedRole: Postgres lets a session change the defaults of the role that it runs as. They count at login, and no one
// logs in as a request role.
func changeSharedRole(t *testing.T, s *scene) string {
	conn := s.connect(t, s.attacker)
	_, err := s.run(t.Context(), conn, `set role "{A.anon}"`)
	require.NoError(t, err)
	_, err = s.run(t.Context(), conn, `alter role "{A.anon}" set search_path = "{A.auth}"`)
	require.NoError(t, err)
	_, err = s.run(t.Context(), conn, `alter role anon set statement_timeout = 1`)
	if s.shared {
		require.Equal(t, denied, code(err), "%v", err)
	}
	s.requireUnharmed(t)
	_, err = s.run(t.Context(), conn, `alter role "{A.anon}" reset all`)
	require.NoError(t, err)
	return "without effect"
}

func readLargeObject(t *testing.T, s *scene) string {
	var number uint32
	s.asOwner(t, s.victim, func(conn *pgx.Conn) {
		require.NoError(t, conn.QueryRow(t.Context(), "select lo_from_bytea(0, convert_to($1, 'UTF8'))", s.mark).Scan(&number))
	})
	return s.attempt(t, s.connect(t, s.attacker), []string{denied, noRole}, fmt.Sprintf("select convert_from(lo_get(%d), 'UTF8')", number))
}

func endSession(t *testing.T, s *scene) string {
	victim := s.connect(t, s.victim)
	state := s.attempt(t, s.connect(t, s.attacker), []string{denied}, fmt.Sprintf("select pg_terminate_backend(%d)", victim.PgConn().PID()))
	require.NoError(t, victim.Ping(t.Context()))
	return state
}

func cancelStatement(t *testing.T, s *scene) string {
	victim := s.connect(t, s.victim)
	return s.attempt(t, s.connect(t, s.attacker), []string{denied}, fmt.Sprintf("select pg_cancel_backend(%d)", victim.PgConn().PID()))
}

// hearNotifications: channels belong to a database. In the shared one their names and payloads are open to all.
func hearNotifications(t *testing.T, s *scene) string {
	ear := s.connect(t, s.attacker)
	for _, channel := range []string{"fluxbase_ddl", "secrets", "over"} {
		_, err := ear.Exec(t.Context(), "listen "+channel)
		require.NoError(t, err)
	}
	s.asOwner(t, s.victim, func(conn *pgx.Conn) {
		_, err := conn.Exec(t.Context(), "create table noise (x int); drop table noise; notify secrets, 'whisper'")
		require.NoError(t, err)
	})
	_, err := s.connect(t, s.attacker).Exec(t.Context(), "notify over") // comes after what the victim sent
	require.NoError(t, err)
	heard := map[string]bool{}
	for {
		n, err := ear.WaitForNotification(t.Context())
		require.NoError(t, err)
		if n.Channel == "over" {
			break
		}
		heard[n.Channel+" "+n.Payload] = true
	}
	if !s.shared {
		require.Empty(t, heard)
		return "hears nothing"
	}
	require.Contains(t, heard, "secrets whisper")
	require.Contains(t, heard, "fluxbase_ddl "+s.victim.ref)
	return "shown: channels are shared"
}

// holdAdvisoryLock: advisory locks belong to a database too.
func holdAdvisoryLock(t *testing.T, s *scene) string {
	_, err := s.connect(t, s.attacker).Exec(t.Context(), "select pg_advisory_lock(42)")
	require.NoError(t, err)
	var free bool
	s.asOwner(t, s.victim, func(conn *pgx.Conn) {
		require.NoError(t, conn.QueryRow(t.Context(), "select pg_try_advisory_lock(42)").Scan(&free))
	})
	require.Equal(t, !s.shared, free)
	if s.shared {
		return "shown: locks are shared"
	}
	return "locks are its own"
}
