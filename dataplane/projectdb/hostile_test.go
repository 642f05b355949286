package projectdb

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// hostile are statements that a project's function may run to leave something behind.
var hostile = map[string]string{
	"set role":              `set role {service_role}`,
	"reset role":            `reset role`,
	"set config":            `select set_config('app.secret', 'left', false), set_config('request.jwt.claims', '{"role":"service_role"}', false), set_config('search_path', 'pg_temp', false)`,
	"set local config":      `select set_config('app.secret', 'left', true), set_config('statement_timeout', '0', true)`,
	"set session role":      `select set_config('role', '{service_role}', false)`,
	"own authorization":     `set session authorization {login}`,
	"default authorization": `set session authorization default`,
	"discard plans":         `discard plans`,
	"discard sequences":     `discard sequences`,
	"listen":                `listen fluxbase_leak`,
	"advisory lock":         `select pg_advisory_lock(4711)`,
	"prepare":               `prepare leak as select 'left'`,
	"deallocate all":        `deallocate all`,
	"replace our statements": `do $do$ declare n text; begin for n in select name from pg_prepared_statements loop execute 'deallocate ' || quote_ident(n);
		execute 'prepare ' || quote_ident(n) || ' as select ''hijacked'''; end loop; end $do$`,
	"cursor":          `declare leak cursor with hold for select 'left'`,
	"timeouts":        `select set_config('statement_timeout', '1', false), set_config('lock_timeout', '1', false), set_config('transaction_read_only', 'on', false)`,
	"default read":    `set default_transaction_read_only = on`,
	"isolation":       `set session characteristics as transaction isolation level serializable`,
	"search path":     `set search_path = pg_catalog, nowhere`,
	"row security":    `set row_security = off`,
	"replication":     `set session_replication_role = replica`,
	"log":             `set client_min_messages = debug5`,
	"date style":      `set datestyle = 'German'`,
	"temp table":      `create temp table notes as select 'left' as body`,
	"temp view":       `create temp view notes as select 'left' as body`,
	"end transaction": `commit`,
}

// state is everything of a session that a request could see of the one before it.
const state = `select json_build_array(current_user, session_user, coalesce(current_setting('app.secret', true), ''), current_setting('request.jwt.claims'),
	current_setting('search_path'), current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('row_security'),
	current_setting('default_transaction_read_only'), current_setting('transaction_isolation'), current_setting('datestyle'), current_setting('client_min_messages'),
	current_setting('session_replication_role'),
	(select body from notes), array(select * from pg_listening_channels()), (select count(*) from pg_cursors where name <> ''),
	(select count(*) from pg_prepared_statements where from_sql),
	(select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()))::text`

// TestNothingIsLeftBehind lets a hostile function do its worst, and looks from the next request on the same worker.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		p := newProject(t, shared)
		setup := newDoor(t, Deps{})
		ownerSQL(t, setup, p, `create table notes (body text); insert into notes values ('mine'); grant all on notes to {anon}, {authenticated}, {service_role};
			create function attack(sql text) returns text language plpgsql as $$ begin execute sql; return 'done'; end $$`)
		for name, sql := range hostile {
			for _, readOnly := range []bool{true, false} {
				for _, fails := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/read=%v/fails=%v", name, readOnly, fails), func(t *testing.T) {
						d := newDoor(t, Deps{MaxConnections: 2})
						attack := physical(p, sql)
						attack = replaceLogin(attack, p.Authenticator.User)
						s := anon(d, p)
						o := Options{ReadOnly: true, SearchPath: []string{"public"}}
						before, err := one(ctx, s, o, state)
						require.NoError(t, err)
						statement := `select attack($1)`
						if fails {
							statement += `, 1 / (random() * 0)::int`
						}
						for range 3 {
							_, _ = one(ctx, s, Options{ReadOnly: readOnly, SearchPath: []string{"public"}}, statement, attack)
							after, err := one(ctx, s, o, state)
							require.NoError(t, err)
							require.Equal(t, before, after)
						}
						err = s.InTx(ctx, Options{SearchPath: []string{"public"}}, func(tx pgx.Tx) error {
							_, err := tx.Exec(ctx, statement, attack)
							return err
						})
						if pg.Code(err) != "" {
							require.NotEqual(t, "26000", pg.Code(err))
						}
						after, err := one(ctx, s, o, state)
						require.NoError(t, err)
						require.Equal(t, before, after)
						requireNoAdvisoryLock(t, setup, p)
					})
				}
			}
		}
	})
}

// TestServicesSurviveTriggers lets a project's trigger poison the services' own connections.
func TestServicesSurviveTriggers(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		p := newProject(t, shared)
		d := newDoor(t, Deps{MaxConnections: 4})
		ownerSQL(t, d, p, `create table script (sql text); grant select on script to public; grant usage on schema {public} to public;
			create function attack() returns trigger language plpgsql as $$ declare s text; begin
				for s in select sql from {public}.script loop execute s; end loop; return new; end $$;
			create trigger attack before insert on `+p.Schema("auth")+`.users for each row execute function attack()`)
		for name, sql := range hostile {
			t.Run(name, func(t *testing.T) {
				ownerSQL(t, d, p, `truncate script; insert into script values (`+pg.Literal(replaceLogin(physical(p, sql), p.Admin.User))+`)`)
				s := anon(d, p)
				for range 3 {
					_ = s.InService(ctx, "auth", func(tx pgx.Tx) error {
						_, err := tx.Exec(ctx, "insert into users (id, aud) values (gen_random_uuid(), $1)", "x")
						return err
					})
					err := s.InService(ctx, "auth", func(tx pgx.Tx) error {
						var user, path string
						var n int
						if err := tx.QueryRow(ctx, "select current_user, current_setting('search_path'), count(*) from users where aud <> $1", "y").Scan(&user, &path, &n); err != nil {
							return err
						}
						require.Equal(t, p.Admin.User, user)
						require.Contains(t, path, p.Schema("auth"))
						return nil
					})
					require.NoError(t, err)
				}
			})
		}
	})
}

// TestPlainReadsKeepTheirConnection checks the fast way: no clean-up, same connection, same plans.
func TestPlainReadsKeepTheirConnection(t *testing.T) {
	t.Parallel()
	d, p := newDoor(t, Deps{MaxConnections: 2}), newProject(t, false)
	s := anon(d, p)
	for range 200 { // more statements than a connection keeps
		for i := range 3 {
			sql := fmt.Sprintf("select %d + $1::int", i)
			err := s.Query(ctx, Options{ReadOnly: true}, Statement{SQL: sql, Args: []any{5}, Plain: true}, func(rows pgx.Rows) error {
				require.True(t, rows.Next())
				var n int
				require.NoError(t, rows.Scan(&n))
				require.Equal(t, i+5, n)
				return nil
			})
			require.NoError(t, err)
		}
	}
	for i := range statementsPerConnection * 2 {
		err := s.Query(ctx, Options{ReadOnly: true}, Statement{SQL: fmt.Sprintf("select %d", i), Plain: true}, nil)
		require.NoError(t, err)
	}
	got, err := one(ctx, s, Options{}, "select count(*) from pg_prepared_statements")
	require.NoError(t, err)
	n, err := strconv.Atoi(got)
	require.NoError(t, err)
	require.LessOrEqual(t, n, statementsPerConnection+3)
	open, _ := d.Connections()
	require.Equal(t, 1, open)
}

// TestSchemaChangesAreSurvived alters a table between two uses of a prepared statement.
func TestSchemaChangesAreSurvived(t *testing.T) {
	t.Parallel()
	d, p := newDoor(t, Deps{MaxConnections: 4}), newProject(t, false)
	ownerSQL(t, d, p, `create table t (a int); insert into t values (1); grant select on t to {anon}`)
	s := anon(d, p)
	for i, ddl := range []string{"select 1", "alter table t alter a type text", "alter table t add b int", "revoke usage on schema public from anon"} {
		ownerSQL(t, d, p, ddl)
		_, err := one(ctx, s, Options{ReadOnly: true}, "select * from public.t")
		if i == 3 {
			require.Equal(t, "42501", pg.Code(err))
			continue
		}
		require.NoError(t, err)
	}
}

// TestTypesThatAreGoneAreSurvived: a prepared statement keeps the types that its values had.
func TestTypesThatAreGoneAreSurvived(t *testing.T) {
	t.Parallel()
	d, p := newDoor(t, Deps{MaxConnections: 4}), newProject(t, false)
	ownerSQL(t, d, p, `create type mood as enum ('x'); create table t (m mood); insert into t values ('x'); grant select on t to {anon}`)
	s := anon(d, p)
	for _, ddl := range []string{"select 1", "alter table t alter m type text; drop type mood", "create domain mood as text; alter table t alter m type mood",
		"alter table t alter m type text; drop type mood; create domain mood as text; alter table t alter m type mood"} {
		ownerSQL(t, d, p, ddl)
		got, err := one(ctx, s, Options{ReadOnly: true}, "select m::text from public.t where m = $1", "x")
		require.NoError(t, err, ddl)
		require.Equal(t, "x", got)
	}
}

func TestAHugeResultIsRefused(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		d, p := newDoor(t, Deps{MaxConnections: 4}), newProject(t, shared)
		s := d.Bind(p, Caller{Role: "service_role", Claims: []byte(`{"role":"service_role"}`)})
		const huge = "select repeat('x', 80 * 1024 * 1024)"
		_, err := one(ctx, s, Options{ReadOnly: true}, huge)
		requireFault(t, err, fault.Invalid, "RESULT_TOO_LARGE")
		err = s.InTx(ctx, Options{ReadOnly: true}, func(tx pgx.Tx) error { _, err := tx.Exec(ctx, huge); return err })
		requireFault(t, err, fault.Invalid, "RESULT_TOO_LARGE")
		got, err := one(ctx, s, Options{ReadOnly: true}, "select length(repeat('x', 80 * 1024 * 1024))")
		require.NoError(t, err)
		require.Equal(t, "83886080", got)
	})
}

// A service collects rows before it answers: many large ones must not fill the worker's memory.
func TestManyLargeRowsAreRefused(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		d, p := newDoor(t, Deps{MaxConnections: 4}), newProject(t, shared)
		s := d.Bind(p, Caller{})
		collect := func(rows int) error {
			return s.InService(ctx, "auth", func(tx pgx.Tx) error {
				found, err := tx.Query(ctx, "select repeat('x', 1024 * 1024) from generate_series(1, $1::int)", rows)
				if err != nil {
					return err
				}
				_, err = pgx.CollectRows(found, pgx.RowTo[string])
				return err
			})
		}
		requireFault(t, collect(80), fault.Invalid, "RESULT_TOO_LARGE")
		for range 3 {
			require.NoError(t, collect(40), "each transaction begins anew")
		}
	})
}

func TestLongStatementsAreNotKept(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		d, p := newDoor(t, Deps{MaxConnections: 1}), newProject(t, shared)
		pid, err := one(ctx, anon(d, p), Options{ReadOnly: true}, "select pg_backend_pid()")
		require.NoError(t, err)
		for i := range 3 {
			for _, plain := range []bool{true, false} {
				sql := "select '" + strings.Repeat(string(rune('a'+i)), statementBytes) + "'"
				err := anon(d, p).Query(ctx, Options{ReadOnly: true}, Statement{SQL: sql, Plain: plain}, func(rows pgx.Rows) error {
					require.True(t, rows.Next())
					require.Len(t, rows.RawValues()[0], statementBytes)
					return nil
				})
				require.NoError(t, err)
			}
		}
		got, err := one(ctx, anon(d, p), Options{ReadOnly: true}, "select count(*) from pg_prepared_statements where length(statement) > 8192")
		require.NoError(t, err)
		require.Equal(t, "0", got)
		same, err := one(ctx, anon(d, p), Options{ReadOnly: true}, "select pg_backend_pid()")
		require.NoError(t, err)
		require.Equal(t, pid, same, "the connection is used on")
	})
}
