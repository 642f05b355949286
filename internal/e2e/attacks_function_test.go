package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// ownerAttacks run SQL as the project's owner in the way that developers of both isolations have: by /meta/v1.
func ownerAttacks() []attack {
	byMetaAs := func(name, role, query string, states ...string) attack {
		return attack{"by meta: " + name, func(t *testing.T, s *scene) string {
			encoded, err := json.Marshal(map[string]string{"query": s.fill(query), "role": role})
			require.NoError(t, err)
			got := s.send(t, request{method: http.MethodPost, path: "/meta/v1/query", bearer: s.developer, body: string(encoded)})
			require.NotContains(t, got.body, s.mark)
			require.NotEqual(t, http.StatusOK, got.status, got.body)
			require.True(t, slices.Contains(states, got.code()), got.body)
			return fmt.Sprint(got.status, " ", got.code())
		}}
	}
	byMeta := func(name, query string, states ...string) attack { return byMetaAs(name, "", query, states...) }
	return []attack{
		byMetaAs("read a table as one's anon", "anon", `select secret from "{B.public}".vault`, denied, noTable),
		byMetaAs("become the victim's service_role from one's anon", "anon", `reset role; set role "{B.service_role}"; select secret from "{B.public}".vault`, denied, noSuchValue, noRole, noTable),
		byMetaAs("become the victim's owner from one's service_role", "service_role", `reset role; set role "{B}_owner"; select 1`, denied, noSuchValue, noRole),
		byMetaAs("become one's own admin from one's service_role", "service_role", `reset role; set role "{A}_admin"; select 1`, denied, noSuchValue, noRole),
		byMetaAs("become one's own storage login from one's anon", "anon", `reset role; set role "{A}_storage"; select 1`, denied, noSuchValue, noRole),
		byMetaAs("set session authorization from one's anon", "anon", `set session authorization "{B}_authenticator"; select 1`, denied, noSuchValue, noRole),
		byMeta("read a table by its physical name", `select secret from "{B.public}".vault`, denied, noTable),
		byMeta("set role to the victim's owner", `set role "{B}_owner"; select 1`, denied, noSuchValue, noRole),
		byMeta("set session authorization to the superuser", `set session authorization postgres; select 1`, denied),
		byMeta("end the transaction and become the superuser", `commit; reset role; reset session authorization; set role postgres; select 1`, denied, "0A000", "25P01", "2D000", "42601"),
		byMeta("run a program", `copy (select 1) to program 'id'`, denied),
		byMeta("read a file", `select pg_read_file('/etc/passwd')`, denied),
		byMeta("make a role", `create role planted`, denied),
		byMeta("make a database", `create database planted`, denied, "25001"),
		byMeta("read the passwords", `table pg_authid`, denied),
		byMeta("read a file by COPY", `create table l (x text); copy l from '/etc/passwd'`, denied),
	}
}

// functionAttacks run code of the attacker's inside a worker's sessions: functions that REST calls, and triggers on the
// service's own tables.
func functionAttacks() []attack {
	byRPC := func(name, body string, states ...string) attack {
		return attack{"in a function called by REST: " + name, func(t *testing.T, s *scene) string {
			s.asOwner(t, s.attacker, func(conn *pgx.Conn) {
				_, err := conn.Exec(t.Context(), s.fill(`create or replace function attempt() returns text language plpgsql as $$ declare got text; begin `+
					body+` return got; end $$; grant execute on function attempt() to "{A.anon}"; notify pgrst, 'reload schema'`))
				require.NoError(t, err)
			})
			got := s.callWhenKnown(t, "attempt")
			require.NotContains(t, got.body, s.mark)
			require.NotEqual(t, http.StatusOK, got.status, got.body)
			require.True(t, slices.Contains(states, got.code()), got.body)
			after := s.send(t, request{path: "/rest/v1/own?select=note", key: s.attacker.publishable})
			require.Equal(t, http.StatusOK, after.status, after.body)
			require.JSONEq(t, `[{"note":"mine"}]`, after.body)
			return fmt.Sprint(got.status, " ", got.code())
		}}
	}
	return []attack{
		byRPC("set role to the victim's authenticator", `execute 'set role "{B}_authenticator"'; got := current_user;`, denied, noSuchValue),
		byRPC("set role to the victim's service_role", `perform set_config('role', '{B}_service_role', false); got := current_user;`, denied, noSuchValue),
		byRPC("set role to one's own owner", `execute 'set role "{A}_owner"'; got := current_user;`, denied, noSuchValue),
		byRPC("set role to one's own storage", `execute 'set role "{A}_storage"'; got := current_user;`, denied, noSuchValue),
		byRPC("set role to one's own admin", `execute 'set role "{A}_admin"'; got := current_user;`, denied, noSuchValue),
		byRPC("set session authorization", `execute 'set session authorization "{B}_authenticator"'; got := current_user;`, denied, noSuchValue),
		byRPC("reset the role and read a table", `execute 'reset role'; execute 'select secret from "{B.public}".vault' into got;`, denied, noTable, noSchema),
		byRPC("reset the role and read one's own users", `execute 'reset role'; execute 'select email from "{A.auth}".users' into got;`, denied, noTable),
		byRPC("run a program", `execute $x$copy (select 1) to program 'id'$x$;`, denied),
		byRPC("end every session that there is", `got := (select string_agg(pg_terminate_backend(n)::text, '') from generate_series(1, 100000) n where n <> pg_backend_pid() and pg_get_userbyid(10) is not null);`,
			denied, "57014", "54000"),
		{"in a trigger on auth.users: set role to the victim's admin", triggerOnUsers},
		{"in a trigger on auth.users: read a table", triggerReads},
		{"in a trigger on auth.users: count files as less than they are", func(t *testing.T, s *scene) string {
			return s.signUpWithTrigger(t, `update "{A.storage}".usage_shards set bytes = 0, blobs = 0;`)
		}},
		{"in a trigger on auth.users: leave work for storage", func(t *testing.T, s *scene) string {
			return s.signUpWithTrigger(t, `insert into "{A.storage}".outbox (id, kind, payload) values (gen_random_uuid(), 'lease_ended', '{}');`)
		}},
		{"in a trigger on auth.users: become storage", func(t *testing.T, s *scene) string {
			return s.signUpWithTrigger(t, `execute 'set role "{A}_storage"';`)
		}},
	}
}

// callWhenKnown calls a function as anon. Workers learn of a new one by a notice, so the first calls may come too early.
func (s *scene) callWhenKnown(t *testing.T, function string) (got answer) {
	t.Helper()
	require.Eventually(t, func() bool {
		got = s.send(t, request{method: http.MethodPost, path: "/rest/v1/rpc/" + function, key: s.attacker.publishable, body: "{}"})
		return got.code() != "PGRST202"
	}, waitFor, tick)
	return got
}

func triggerOnUsers(t *testing.T, s *scene) string {
	return s.signUpWithTrigger(t, `execute 'set role "{B}_admin"';`)
}

func triggerReads(t *testing.T, s *scene) string {
	return s.signUpWithTrigger(t, `execute 'select secret from "{B.public}".vault' into strict new.phone;`)
}

// signUpWithTrigger has the auth service's own login run the attacker's code.
func (s *scene) signUpWithTrigger(t *testing.T, body string) string {
	t.Helper()
	s.asOwner(t, s.attacker, func(conn *pgx.Conn) {
		_, err := conn.Exec(t.Context(), s.fill(`create or replace function on_user() returns trigger language plpgsql as $$ begin `+body+` return new; end $$;
			create or replace trigger on_user before insert on "{A.auth}".users for each row execute function on_user()`))
		require.NoError(t, err)
		defer func() {
			_, err := conn.Exec(context.WithoutCancel(t.Context()), `drop function on_user() cascade`)
			require.NoError(t, err)
		}()
		got := s.send(t, request{method: http.MethodPost, path: "/auth/v1/signup", key: s.attacker.publishable,
			body: `{"email":"other@example.com","password":"` + password + `"}`})
		require.NotContains(t, got.body, s.mark)
		require.Equal(t, http.StatusInternalServerError, got.status, got.body)
		require.Equal(t, "unexpected_failure", got.code())
	})
	again := s.send(t, request{method: http.MethodPost, path: "/auth/v1/token?grant_type=password", key: s.attacker.publishable,
		body: `{"email":"mallory@example.com","password":"` + password + `"}`})
	require.Equal(t, http.StatusOK, again.status, again.body)
	return "500 unexpected_failure"
}
