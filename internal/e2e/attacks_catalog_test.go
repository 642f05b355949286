package e2e

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// visibility is what a catalog tells of the victim in one isolation.
type visibility string

const (
	nothing visibility = "tells nothing"
	// names: refs, and the names of roles, databases and schemas that are made of them. A ref is public: it is in each URL.
	names visibility = "shown: names"
	// shapes: also the definitions of tables and functions, sizes and counts of rows, but never a value.
	shapes visibility = "shown: shapes"
)

// looks reads a catalog as the attacker's owner. The statement must not tell more of the victim than said, and must
// still tell of it what is said to be visible: docs/isolation.md would be wrong otherwise.
func looks(name, statement string, database, schema visibility) attack {
	return attack{name, func(t *testing.T, s *scene) string {
		want := database
		if s.shared {
			want = schema
		}
		victim := s.connect(t, s.victim) // there is something to see
		require.NoError(t, victim.Ping(t.Context()))
		got, err := s.run(t.Context(), s.connect(t, s.attacker), statement)
		if err != nil {
			require.Contains(t, []string{denied, noTable}, code(err), err)
			require.Equal(t, nothing, want)
			return code(err)
		}
		require.NotContains(t, withoutSource(got, want), s.mark, "a value of the victim's is shown")
		require.Equal(t, want != nothing, strings.Contains(got, s.victim.ref), "%s\n%s", s.fill(statement), got)
		return string(want)
	}}
}

// withoutSource leaves the text out where definitions are visible: a secret in a function's source is no secret there.
func withoutSource(got string, want visibility) string {
	if want == shapes {
		return ""
	}
	return got
}

func catalogAttacks() []attack {
	return []attack{
		looks("list databases by pg_database", `table pg_database`, nothing, names),
		looks("list roles by pg_roles", `table pg_roles`, nothing, nothing),
		looks("list roles by pg_user", `table pg_user`, nothing, nothing),
		looks("list roles and passwords by pg_authid", `table pg_authid`, nothing, nothing),
		looks("list passwords by pg_shadow", `table pg_shadow`, nothing, nothing),
		looks("list groups by pg_group", `table pg_group`, nothing, nothing),
		looks("list roles by the information schema", `select role_name from information_schema.enabled_roles union all select role_name from information_schema.applicable_roles`, nothing, nothing),
		looks("list memberships by pg_auth_members", `select m, roleid::regrole, member::regrole from pg_auth_members m`, nothing, nothing),
		looks("list role settings by pg_db_role_setting", `select setrole::regrole, setconfig from pg_db_role_setting`, nothing, nothing),
		looks("list the relations behind the views", `table pg_catalog.fluxbase_all_pg_database`, nothing, nothing),
		looks("list sessions by pg_stat_activity", `table pg_stat_activity`, nothing, nothing),
		looks("list sessions by pg_stat_get_activity", `select a from pg_stat_get_activity(null) a`, nothing, nothing),
		looks("list sessions by pg_stat_get_backend_idset", `select pg_stat_get_backend_activity(i) from pg_stat_get_backend_idset() i`, nothing, nothing),
		looks("list sessions by pg_stat_ssl", `table pg_stat_ssl`, nothing, nothing),
		looks("list replication by pg_stat_replication", `table pg_stat_replication`, nothing, nothing),
		looks("list databases by pg_stat_database", `table pg_stat_database`, nothing, nothing),
		looks("list databases by pg_stat_database_conflicts", `table pg_stat_database_conflicts`, nothing, nothing),
		looks("list locks by pg_locks", `select l, d.datname from pg_locks l left join pg_database d on d.oid = l.database`, nothing, nothing),
		looks("list owners by pg_shdepend", `select refobjid::regrole from pg_shdepend where refclassid = 1260`, nothing, names),
		looks("list comments by pg_shdescription", `table pg_shdescription`, nothing, nothing),
		looks("list prepared transactions", `table pg_prepared_xacts`, nothing, nothing),
		looks("list subscriptions", `select subname, subconninfo from pg_subscription`, nothing, nothing),
		looks("read the server's configuration files", `table pg_hba_file_rules`, nothing, nothing),
		looks("list tablespaces' databases", `select pg_tablespace_databases(oid) from pg_tablespace`, nothing, nothing),
		looks("guess roles' names by number", `select pg_get_userbyid(n) from generate_series(16384, 16384 + 200000) n where pg_get_userbyid(n) like '{B}%'`, names, names),
		looks("guess databases' names by number", `select d from (select pg_describe_object(1262, n, 0) as d from generate_series(16384, 16384 + 200000) n) x where d like '%{B}%'`, names, nothing),
		looks("list schemas by pg_namespace", `select nspname from pg_namespace`, nothing, names),
		looks("list tables by pg_class", `select relnamespace::regnamespace, relname, reltuples from pg_class`, nothing, shapes),
		looks("list columns by pg_attribute", `select c.relnamespace::regnamespace, attname from pg_attribute join pg_class c on c.oid = attrelid`, nothing, shapes),
		looks("list tables by the information schema", `table information_schema.tables`, nothing, nothing),
		looks("read functions' source by pg_proc", `select pronamespace::regnamespace, prosrc from pg_proc where proowner <> '"{A}_owner"'::regrole`, nothing, shapes),
		looks("read policies by pg_policies", `table pg_policies`, nothing, nothing),
		looks("read samples of values by pg_stats", `select s from pg_stats s where schemaname like '{B}%'`, nothing, nothing),
		looks("read samples of values by pg_statistic", `table pg_statistic`, nothing, nothing),
		looks("count rows by pg_stat_all_tables", `table pg_stat_all_tables`, nothing, shapes),
		looks("read Fluxbase's own counts", `table fluxbase.schema_change`, nothing, nothing),
	}
}

// connectionAttacks use the attacker's own database login, in every way that a URL has.
func connectionAttacks() []attack {
	var all []attack
	for _, name := range []string{"{B}", "postgres", "template1", "template0", "fluxbase_control", "fluxbase_shared", "platform"} {
		all = append(all, attack{"connect to the database " + name, func(t *testing.T, s *scene) string {
			if s.shared && name == "fluxbase_shared" {
				return "its own"
			}
			return s.cannotConnect(t, func(u *url.URL) { u.Path = "/" + s.fill(name) })
		}})
	}
	as := func(name, user string) attack {
		return attack{name, func(t *testing.T, s *scene) string {
			return s.cannotConnect(t, func(u *url.URL) {
				secret, _ := u.User.Password()
				u.User = url.UserPassword(s.fill(user), secret)
			})
		}}
	}
	option := func(name, key, value string) attack {
		return attack{name, func(t *testing.T, s *scene) string {
			return s.cannotConnect(t, func(u *url.URL) {
				q := u.Query()
				q.Set(key, s.fill(value))
				u.RawQuery = q.Encode()
			})
		}}
	}
	return append(all,
		as("log in as the other owner with one's own password", "{B}_owner"),
		as("log in as the superuser with one's own password", "postgres"),
		as("log in as a role that projects share", "service_role"),
		option("log in with the option role", "options", "-crole={B}_owner"),
		option("log in with the option session_authorization", "options", "-csession_authorization=postgres"),
		option("log in with a setting for superusers", "options", "-csession_preload_libraries=auto_explain"),
		option("log in for replication", "replication", "database"),
		attack{"take all connections of the server", takeAllConnections},
	)
}

func (s *scene) cannotConnect(t *testing.T, change func(*url.URL)) (state string) {
	t.Helper()
	s.lend(t, s.attacker, func(databaseURL string) {
		u, err := url.Parse(databaseURL)
		require.NoError(t, err)
		change(u)
		conn, err := pgx.Connect(t.Context(), u.String())
		if err == nil {
			_ = conn.Close(t.Context())
		}
		require.Error(t, err)
		allowed := []string{denied, "28P01", "28000", noDatabase, noSuchValue, "55000", noRole}
		require.True(t, slices.Contains(allowed, code(err)), "%v", err)
		state = code(err)
	})
	return state
}

// takeAllConnections: an owner has a few connections, and no more.
func takeAllConnections(t *testing.T, s *scene) (state string) {
	var held []*pgx.Conn
	defer func() {
		for _, conn := range held {
			_ = conn.Close(t.Context())
		}
	}()
	s.lend(t, s.attacker, func(databaseURL string) {
		for len(held) < 60 && state == "" {
			conn, err := pgx.Connect(t.Context(), databaseURL)
			if err != nil {
				require.Equal(t, "53300", code(err), err)
				state = fmt.Sprintf("53300 after %d", len(held))
				continue
			}
			held = append(held, conn)
		}
	})
	require.NotEmpty(t, state, "an owner took 60 connections")
	s.requireUnharmed(t)
	return state
}
