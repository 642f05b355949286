package meta_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const user = "9f8b3f0e-54a5-4c11-8a55-6dd0b3d95d19"

// ask runs a query with options, and requires a status and a part of the answer.
func (b *bundle) ask(body string, status int, want string) {
	b.t.Helper()
	got, answer := b.call(b.t.Context(), "POST", "/query", body)
	require.Equal(b.t, status, got, answer)
	require.Contains(b.t, answer, want)
}

func TestQueryTakesValues(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.ask(`{"query":"select $1::int + 1 as x, $2 as y, $3::text[], $1::text","params":["41","'; drop table x; --",null]}`, 200, `[[42,"'; drop table x; --",null,"41"]]`)
		b.ask(`{"query":"select $1::int + 1, true, '{}'::jsonb, null","params":["41"],"text":true}`, 200, `[["42","t","{}",null]]`)
		b.ask(`{"query":"select 1;","params":[]}`, 200, `[[1]]`)
		b.ask(`{"query":"create table t (id int)","params":[]}`, 200, `"command":"CREATE TABLE"`)
		b.ask(`{"query":"insert into t select generate_series(1, $1::int) returning id","params":["3"],"limit":2}`, 200, `"rows":[[1],[2]],"row_count":3,"command":"INSERT","truncated":true`)
		b.ask(`{"query":"do $$ begin raise notice 'told'; end $$","params":[]}`, 200, `"message":"told"`)

		b.ask(`{"query":"select $1::int","params":[]}`, 400, `bind message supplies 0 parameters, but prepared statement \"\" requires 1`)
		b.ask(`{"query":"select $1::int","params":["1","2"]}`, 400, `"code":"08P01"`)
		b.ask(`{"query":"select $1::int","params":["x"]}`, 400, `"code":"22P02"`)
		b.ask(`{"query":"select 1; select 2","params":["1"]}`, 400, `cannot insert multiple commands into a prepared statement`)
		b.ask(`{"query":"select 'ä', nothing","params":["1"]}`, 400, `"position":13,"line":1`)
		b.ask(`{"query":"select $1","params":["a\u0000b"]}`, 400, "PARAMS_INVALID")
		b.ask(`{"query":"select $1","params":[1]}`, 400, "BODY_INVALID")
		b.ask(fmt.Sprintf(`{"query":"select 1","params":[%s null]}`, strings.Repeat("null,", 65535)), 400, "PARAMS_INVALID")
	})
}

// TestQueryKeepsAllOfJSON: what JavaScript would read as another number, or once of a key that repeats, comes as text.
func TestQueryKeepsAllOfJSON(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		for _, exact := range []string{`{"a": [1, -2.5, 1e20, 9007199254740991], "b\\\"9007199254740993": "9007199254740993"}`, `0.1000000000000000`, `null`, `"12345678901234567890"`,
			`[{"a": 1, "b": {"a": ["a", "a"]}}, {"a": {}}]`} {
			status, body := b.call(t.Context(), "POST", "/query", fmt.Sprintf(`{"query":%q}`, "select '"+exact+"'::json"))
			require.Equal(t, 200, status, body)
			require.Contains(t, body, "[["+strings.ReplaceAll(exact, " ", "")+"]]")
		}
		for _, other := range []string{`{"a":9007199254740993}`, `[12345678901234567890]`, `-9007199254740992`, `{"a":{"b":0.12345678901234567}}`, `1e400`,
			`{"a":1,"a":2}`, `[{"b":{"c":1,"a":[],"\u0063":2}}]`} {
			status, body := b.call(t.Context(), "POST", "/query", fmt.Sprintf(`{"query":%q}`, "select '"+other+"'::json"))
			require.Equal(t, 200, status, body)
			quoted, err := json.Marshal(other)
			require.NoError(t, err)
			require.Contains(t, body, "[["+string(quoted)+"]]")
		}
	})
}

func TestQueryReadsOnly(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.run("create table t (id int); create sequence s; grant insert on t to anon")
		for _, sql := range []string{"insert into t values (1)", "select 1; delete from t", "create table other (id int)", "select nextval('s')", "with x as (insert into t values (1) returning id) select * from x"} {
			b.ask(fmt.Sprintf(`{"query":%q,"read_only":true}`, sql), 400, `"code":"25006"`)
		}
		b.ask(`{"query":"insert into t values ($1)","params":["1"],"read_only":true}`, 400, `"code":"25006"`)
		b.ask(`{"query":"insert into t values (1)","role":"anon","read_only":true}`, 400, `"code":"25006"`)
		b.ask(`{"query":"select count(*)::int from t","read_only":true}`, 200, "[[0]]")
	})
}

// TestQueryAsARole holds that SQL runs as a request of that role would, and gets no further.
func TestQueryAsARole(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.run(`create table notes (owner uuid default auth.uid(), body text); alter table notes enable row level security;
			grant all on notes to anon, authenticated; create policy own on notes to authenticated using (owner = auth.uid());
			insert into notes values ('` + user + `', 'mine'), (gen_random_uuid(), 'theirs');
			create table hidden (id int); create function who() returns text language sql security invoker as 'select current_user::text'; grant execute on function who() to anon`)
		p := b.project
		physical := func(role string) string { return p.Role(role) }

		b.ask(`{"query":"select body from notes"}`, 200, `[["mine"],["theirs"]]`)
		b.ask(`{"query":"select body from notes","role":"service_role"}`, 200, `[["mine"],["theirs"]]`)
		b.ask(`{"query":"select body from notes","role":"anon"}`, 200, `"rows":[]`)
		b.ask(`{"query":"select body from notes","role":"authenticated"}`, 200, `"rows":[]`)
		b.ask(`{"query":"select body from notes","role":"authenticated","claims":{"sub":"`+user+`"}}`, 200, `[["mine"]]`)
		b.ask(`{"query":"insert into notes (body) values ($1) returning owner","params":["x"],"role":"authenticated","claims":{"sub":"`+user+`"}}`, 200, user)
		b.ask(`{"query":"insert into notes (owner, body) values (gen_random_uuid(), 'x')","role":"authenticated","claims":{"sub":"`+user+`"}}`, 400, `"code":"42501"`)
		b.ask(`{"query":"select * from hidden","role":"authenticated"}`, 400, `"code":"42501"`)
		b.ask(`{"query":"select who(), session_user, auth.role(), auth.jwt() ->> 'n', current_setting('statement_timeout')","role":"anon","claims":{"role":"service_role","n":12345678901234567890}}`, 200,
			fmt.Sprintf(`[[%q,%q,"anon","12345678901234567890","3s"]]`, physical("anon"), p.Authenticator.User))
		b.ask(`{"query":"create table mine (id int)","role":"service_role"}`, 400, `"code":"42501"`)
		b.ask(`{"query":"select pg_sleep(10)","role":"anon"}`, 400, `"code":"57014"`)

		// Whoever changes the role has what the authenticator has, and no more.
		b.ask(`{"query":"reset role; select current_user","role":"anon"}`, 200, fmt.Sprintf("[[%q]]", p.Authenticator.User))
		b.ask(`{"query":"reset role; select * from notes","role":"anon"}`, 400, `notes`)
		b.ask(fmt.Sprintf(`{"query":"set role \"%s\"; select * from hidden","role":"anon"}`, physical("authenticated")), 400, `"code":"42501"`)
		for _, other := range []string{p.Owner.User, p.Admin.User} {
			b.ask(fmt.Sprintf(`{"query":"set role %s","role":"anon"}`, other), 400, `"code":"42501"`)
			b.ask(fmt.Sprintf(`{"query":"set session authorization %s","role":"anon"}`, other), 400, `"code":"42501"`)
		}
		b.ask(`{"query":"begin; select 1; rollback; select current_user","role":"anon"}`, 200, fmt.Sprintf("[[%q]]", physical("anon")))
	})
}

// TestQueryLeavesNothingBehind holds that no session is used twice, whatever SQL made of it.
func TestQueryLeavesNothingBehind(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		for as, temporary := range map[string]string{``: `create temp table kept_here (id int); `, `,"role":"anon"`: ``} {
			b.ask(`{"query":"set app.kept = 'x'; select set_config('request.jwt.claims', '{\"sub\":\"x\"}', false); `+temporary+
				`listen kept_here; select pg_advisory_lock(4711); set search_path = pg_temp; prepare kept_here as select 1"`+as+`}`, 200, `"command":"PREPARE"`)
			for _, next := range []string{``, `,"role":"anon"`, `,"role":"authenticated"`} {
				b.ask(`{"query":"select coalesce(current_setting('app.kept', true), '') || coalesce(auth.uid()::text, ''), (select count(*) from pg_prepared_statements where from_sql)::int, current_setting('search_path') like '%extensions%'"`+next+`}`, 200, `[["",0,true]]`)
			}
		}
		require.Eventually(t, func() bool {
			_, idle := b.door.Connections()
			return idle == 0
		}, 20*time.Second, 10*time.Millisecond)
	})
}

func TestQueryRefusals(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		for _, role := range []string{"owner", "postgres", "Anon", "anon\x00", b.project.Owner.User, "public"} {
			encoded, err := json.Marshal(map[string]any{"query": "select 1", "role": role})
			require.NoError(t, err)
			b.ask(string(encoded), 400, "ROLE_INVALID")
		}
		for _, claims := range []string{`[]`, `"x"`, `1`, `true`} {
			b.ask(`{"query":"select 1","role":"anon","claims":`+claims+`}`, 400, "CLAIMS_INVALID")
		}
		b.ask(`{"query":"select 1","claims":{"sub":"x"}}`, 400, "CLAIMS_INVALID")
		b.ask(`{"query":"select 1","role":"anon","claims":{"a":"`+strings.Repeat("x", 16<<10)+`"}}`, 400, "CLAIMS_INVALID")
		b.ask(`{"query":"select 1","role":"anon","claims":null}`, 200, "[[1]]")
		b.ask(`{"query":"select auth.jwt()","role":"anon","claims":{"a":"x\u0000'); reset role; --"}}`, 400, `"code":"22P05"`)
		b.ask(`{"query":"copy t from stdin"}`, 400, "COPY_UNSUPPORTED")
		b.ask(`{"query":"select 1; copy t from stdin","params":[]}`, 400, "COPY_UNSUPPORTED")
		b.ask(`{"query":"create table t (id int); insert into t values (1); copy t to stdout"}`, 200, `"command":"COPY"`)
	})
}

func TestQueryNamesTypes(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.run(`create type "Mood! x" as enum ('a'); create domain positive as int; create type pair as (a int)`)
		body := b.run(`select 'a'::"Mood! x" as m, array['a']::"Mood! x"[] as ms, 1::positive as n, row(1)::pair as p, row(1) as r, 'x'::"char" as c, null as u, 1.5::numeric(4,2) as f, now()::timestamp(3) as t`)
		require.Contains(t, body, `[{"name":"m","type":"\"Mood! x\""},{"name":"ms","type":"\"Mood! x\"[]"},{"name":"n","type":"integer"},{"name":"p","type":"pair"},{"name":"r","type":"record"},`+
			`{"name":"c","type":"\"char\""},{"name":"u","type":"text"},{"name":"f","type":"numeric"},{"name":"t","type":"timestamp without time zone"}]`)
		b.ask(`{"query":"begin; set local role \"`+b.project.Role("anon")+`\"; select 1 as x"}`, 200, `{"name":"x","type":"integer"}`)
	})
}

// TestQueryTellsNamesOfASharedDatabase: SQL that was written for a database of its own names schemas that are called otherwise in a shared one.
func TestQueryTellsNamesOfASharedDatabase(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		for name, sql := range map[string]string{
			"auth": "create table posts (author uuid references auth.users)", "storage": "select * from storage.objects", "public": "create table public.posts (id int)",
		} {
			status, body := b.query(sql)
			if !b.project.Shared {
				require.Equal(t, 200, status, body)
				b.run("drop table if exists public.posts")
				continue
			}
			require.Equal(t, 400, status, body)
			require.Contains(t, body, "this project's schema "+name+" is called "+b.project.Schema(name))
		}
		status, body := b.query("select * from nosuch.thing")
		require.Equal(t, 400, status)
		require.NotContains(t, body, "shared database")
	})
}
