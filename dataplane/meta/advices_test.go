package meta_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/meta/advice"
	"github.com/wayli-app/fluxbase/internal/pg"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// adviceCase is a thing that a rule finds. {anon}, {authenticated}, {public}, {auth} and {extensions} are as SQL names them.
type adviceCase struct {
	rule, bad, object string
	// detail is part of what is told.
	detail string
	level  string
	// mend is for rules where only a person can decide, or what the fix needs beside it.
	mend string
	// good is what looks alike and is not found.
	good, goodObject string
	// private tells cases for projects with a database of their own.
	private bool
}

var adviceCases = []adviceCase{
	{rule: "rls_disabled_in_public", level: "error", detail: `Every row of Open "table is open: anon may select, insert`, object: `Open "table`,
		bad:  `create table "Open ""table" (id int primary key); grant select, insert on "Open ""table" to {anon}`,
		good: `create table "Shut" (id int primary key); alter table "Shut" enable row level security; create view shut_view with (security_invoker = on) as select 1 as x`, goodObject: "Shut"},
	{rule: "rls_disabled_in_public", level: "warning", detail: "Nothing of bare is granted", object: "bare", bad: `create table bare (id int primary key)`,
		good: `create schema if not exists "{hidden}"; create table "{hidden}".inner_table (id int primary key)`, goodObject: "inner_table", private: true},
	{rule: "policy_exists_rls_disabled", level: "error", detail: `these policies do not hold: it's "mine`, object: `no "force'`,
		bad:  `create table "no ""force'" (id int primary key); create policy "it's ""mine" on "no ""force'" using (id > 1)`,
		good: `create table forced (id int primary key); alter table forced enable row level security; create policy p on forced using (id > 1)`, goodObject: "forced"},
	{rule: "rls_enabled_no_policy", level: "info", detail: "anon and authenticated, which see none", object: `Silent "one"`,
		bad:  `create table "Silent ""one""" (id int primary key); alter table "Silent ""one""" enable row level security; grant select on "Silent ""one""" to {anon}, {authenticated}`,
		mend: `create policy x on "Silent ""one""" using (id > 3)`,
		good: `create table of_service (id int primary key); alter table of_service enable row level security`, goodObject: "of_service"},
	{rule: "permissive_policy_true", level: "warning", detail: `Policy do "it" of Writable! lets everyone update any row`, object: `do "it"`,
		bad:  `create table "Writable!" (id int primary key); alter table "Writable!" enable row level security; create policy "do ""it""" on "Writable!" for update using (true)`,
		mend: `drop policy "do ""it""" on "Writable!"`,
		good: `create policy "for servants" on "Writable!" for insert to {service_role} with check (true); create policy "for readers" on "Writable!" for select using (true)`, goodObject: "for servants"},
	{rule: "permissive_policy_true", detail: "lets anon insert any row", object: "put in", bad: `create policy "put in" on "Writable!" for insert to {anon} with check (true)`, mend: `drop policy "put in" on "Writable!"`,
		good: `create table limited (id int primary key); alter table limited enable row level security; create policy wide on limited using (true); create policy narrow on limited as restrictive using (id > 3)`, goodObject: "wide"},
	{rule: "storage_policy_true", level: "error", detail: `Policy up "load of storage.objects lets anon add any file of any bucket.`, object: `up "load`,
		bad:  `create policy "up ""load" on {storage}.objects for insert to {anon} with check (true)`,
		mend: `drop policy "up ""load" on {storage}.objects`,
		good: `create policy "of a bucket" on {storage}.objects for insert to {anon} with check (bucket_id = 'inbox'); create policy "of servants" on {storage}.objects to {service_role} using (true)`, goodObject: "of a bucket"},
	{rule: "storage_policy_true", level: "warning", detail: "lets authenticated see any file of any bucket", object: "all seen",
		bad: `create policy "all seen" on {storage}.objects for select to {authenticated} using (true)`, mend: `drop policy "all seen" on {storage}.objects`,
		good: `create policy "list of buckets" on {storage}.buckets for select using (true)`, goodObject: "list of buckets"},
	{rule: "storage_policy_true", level: "error", detail: "lets everyone see and change any bucket", object: "all buckets",
		bad: `create policy "all buckets" on {storage}.buckets using (true)`, mend: `drop policy "all buckets" on {storage}.buckets`,
		good: `create table mine_too (id int)`, goodObject: "mine_too"},
	{rule: "multiple_permissive_policies", level: "warning", detail: "2 policies to select as anon and authenticated: a \"b, c'd", object: "Twice'",
		bad: `create table "Twice'" (id int primary key, "B b" text); alter table "Twice'" enable row level security;
			create policy "a ""b" on "Twice'" for select using ("B b" = 'x'); create policy "c'd" on "Twice'" for select using (id > 4 or id = 2)`,
		good: `create table once (id int primary key); alter table once enable row level security; create policy one on once for select to {anon} using (id > 1);
			create policy two on once for select to {authenticated} using (id > 2)`, goodObject: "once"},
	{rule: "security_definer_view", level: "error", detail: "anon may read the view Definer \"view", object: `Definer "view`, bad: `create view "Definer ""view" as select 1 as x; grant select on "Definer ""view" to {anon}`,
		good: `create view invoker with (security_invoker = true) as select 1 as x; grant select on invoker to {anon}; create view nobodys as select 1 as x`, goodObject: "invoker"},
	{rule: "auth_users_exposed", level: "error", detail: "authenticated may read Over \"users, which reads auth.users", object: `Over "users`,
		bad:  `create view inner_users as select id, email from {auth}.users; create view "Over ""users" as select email from inner_users; grant select on "Over ""users" to {authenticated}`,
		good: `create view guarded_users with (security_invoker = on) as select id from {auth}.users; grant select on guarded_users to {anon}`, goodObject: "guarded_users"},
	{rule: "auth_users_exposed", detail: "may call User's \"list, which reads auth.users as its owner", object: `User's "list(n integer)`,
		bad: `create function "User's ""list"(n int) returns setof text language sql security definer set search_path = '' as $$ select email from {auth}.users limit n $$`,
		good: `create function counted() returns int language sql security definer set search_path = '' as $$ select 1 -- my_{auth}.users_x
			$$`, goodObject: "counted()"},
	{rule: "function_search_path_mutable", level: "info", detail: `Loose "one runs as its caller`, object: `Loose "one(a "char", b text[])`,
		bad:  `create function "Loose ""one"(a "char", b text[] default '{}') returns int language sql as $$ select 1 $$`,
		good: `create function tight() returns int language sql set search_path = '' as $$ select 1 $$; create function bound() returns int language sql return 1`, goodObject: "bound()"},
	{rule: "function_search_path_mutable", level: "warning", detail: "loose_owner runs as its owner", object: "loose_owner()", bad: `create procedure loose_owner() language sql security definer as $$ select 1 $$`},
	{rule: "definer_function_executable_by_anon", level: "warning", detail: `anon may call Act "as`, object: `Act "as(x text)`,
		bad: `create function "Act ""as"(x text) returns int language sql security definer set search_path = '' as $$ select 1 $$`,
		good: `create function of_members() returns int language sql security definer set search_path = '' as $$ select 1 $$; revoke execute on function of_members from public;
			create function by_trigger() returns trigger language plpgsql security definer set search_path = '' as $$ begin return new; end $$`, goodObject: "by_trigger()"},
	{rule: "extension_in_public", level: "warning", detail: "uuid-ossp is in the schema public", object: "uuid-ossp", private: true,
		bad: `create extension "uuid-ossp" schema public`, good: `create extension pgcrypto schema extensions`, goodObject: "pgcrypto"},
	{rule: "sensitive_columns_exposed", level: "error", detail: `anon may read User password, apiKey of Sec"rets`, object: `Sec"rets`,
		bad:  `create table "Sec""rets" (id int primary key, "User password" text, "apiKey" text, "It's ok" text); grant select on "Sec""rets" to {anon}`,
		good: `create table compass (id int primary key, passenger text, tokenizer text, secretary text); grant select on compass to {anon}`, goodObject: "compass"},
	{rule: "sensitive_columns_exposed", level: "warning", detail: "authenticated may read token of handed", object: "handed",
		bad:  `create table handed (id int primary key, token text); alter table handed enable row level security; grant select (id, token) on handed to {authenticated}; create policy own on handed for select using (id = 1)`,
		good: `create table unseen (id int primary key, token text); alter table unseen enable row level security; grant select on unseen to {authenticated}; create policy own on unseen for insert with check (id = 1)`, goodObject: "unseen"},
	{rule: "materialized_view_in_api", level: "warning", detail: "anon may read all of Kept \"copy", object: `Kept "copy`, bad: `create materialized view "Kept ""copy" as select 1 as x; grant select on "Kept ""copy" to {anon}`,
		good: `create materialized view kept_private as select 1 as x`, goodObject: "kept_private"},
	{rule: "foreign_table_in_api", level: "error", detail: "authenticated may read all of Far \"away", object: `Far "away`,
		bad:  `create foreign table "Far ""away" (x int) server "{server}"; grant select on "Far ""away" to {authenticated}`,
		good: `create foreign table far_private (x int) server "{server}"`, goodObject: "far_private"},
	{rule: "rls_user_metadata", level: "error", detail: "Policy trusting of Trust reads user_metadata", object: "trusting",
		bad:  `create table "Trust" (id int primary key, team text); alter table "Trust" enable row level security; create policy trusting on "Trust" using (team = ((select auth.jwt()) -> 'user_metadata' ->> 'team'))`,
		mend: `alter policy trusting on "Trust" using (team = ((select auth.jwt()) -> 'app_metadata' ->> 'team'))`,
		good: `create policy proper on "Trust" for select to {service_role} using (team = ((select auth.jwt()) -> 'app_metadata' ->> 'team'))`, goodObject: "proper"},
	{rule: "schema_open_to_requests", level: "error", detail: "authenticated may create in the schema public", object: "public", bad: `grant create on schema {public} to {authenticated}`},
	{rule: "unindexed_foreign_keys", level: "info", detail: `The foreign key refers "to of Chil'd (b "B, a) has no index`, object: `refers "to`,
		bad: `create table "Par'ent" (x int, y int, primary key (x, y)); create table "Chil'd" (id int primary key, a int, "b ""B" int, constraint "refers ""to" foreign key ("b ""B", a) references "Par'ent" on delete cascade);
			create index on "Chil'd" (a)`,
		good: `create table indexed_child (id int primary key, a int, b int, constraint indexed_key foreign key (a, b) references "Par'ent"); create index on indexed_child (b, a, id)`, goodObject: "indexed_key"},
	{rule: "unused_index", level: "info", detail: "and was not used since the statistics", object: `Idle "index`,
		bad:  `create table "Busy!" (id int primary key, a int, b int, c int unique); insert into "Busy!" select n, n, n, n from generate_series(1, 1000) n; create index "Idle ""index" on "Busy!" (b); select count(*) from "Busy!"`,
		good: `create unique index busy_a on "Busy!" (a)`, goodObject: "busy_a"},
	{rule: "duplicate_index", level: "warning", detail: `Again "x of Doubled is the same as first`, object: `Again "x`,
		bad:  `create table "Doubled" (id int primary key, a int, b text); create index first on "Doubled" (a, lower(b)) where a > 3; create index "Again ""x" on "Doubled" (a, lower(b)) where a > 3`,
		good: `create index other_place on "Doubled" (a, lower(b)) where a > 4; create index down on "Doubled" (a desc, lower(b)) where a > 3`, goodObject: "down"},
	{rule: "duplicate_index", detail: "key_again of Doubled is the same as Doubled_pkey", object: "key_again", bad: `create unique index key_again on "Doubled" (id)`,
		good: `create index key_and_more on "Doubled" (id) include (a)`, goodObject: "key_and_more"},
	{rule: "auth_rls_initplan", level: "warning", detail: `Policy per "row of Rowly's calls auth.uid()`, object: `per "row`,
		bad: `create table "Rowly's" (id uuid primary key, "User" text); alter table "Rowly's" enable row level security;
			create policy "per ""row" on "Rowly's" using (id = auth.uid() or (select auth.role()) = 'x' and "User" = current_setting('request.jwt.claim.email', true)) with check ((auth.jwt() ->> 'o''k') = "User")`,
		good: `create policy "per query" on "Rowly's" for select to {service_role} using (id = (select auth.uid()) and "User" = (select (auth.jwt() -> 'a') ->> 'b') and "User" <> 'auth.uid()')`, goodObject: "per query"},
	{rule: "auth_rls_initplan", detail: "Policy in text of Rowly's", object: "in text", bad: `create policy "in text" on "Rowly's" for delete to {service_role} using (id = auth.uid() and "User" <> 'auth.uid()')`,
		mend: `drop policy "in text" on "Rowly's"`},
	{rule: "no_primary_key", level: "info", detail: `Key"less has no primary key`, object: `Key"less`, bad: `create table "Key""less" (a int); insert into "Key""less" values (1), (1)`,
		good: `create table keyed_parts (id int primary key) partition by range (id); create table keyed_part partition of keyed_parts default`, goodObject: "keyed_part"},
	{rule: "table_bloat", level: "warning", detail: "dead rows beside", object: `Full "of`,
		bad:  `create table "Full ""of" (id int primary key) with (autovacuum_enabled = off); insert into "Full ""of" select generate_series(1, 12000); delete from "Full ""of" where id > 100`,
		good: `create table tidy (id int primary key); insert into tidy select generate_series(1, 12000)`, goodObject: "tidy"},
	{rule: "stale_statistics", level: "info", detail: "changed since it was analyzed (never)", object: `Sta"le`,
		bad:  `create table "Sta""le" (id int primary key) with (autovacuum_enabled = off); insert into "Sta""le" select generate_series(1, 2000)`,
		good: `create table slight (id int primary key) with (autovacuum_enabled = off); insert into slight select generate_series(1, 900)`, goodObject: "slight"},
}

// physical puts in what SQL of a project must name.
func (b *bundle) physical(sql string) string {
	p := b.project
	r := strings.NewReplacer("{anon}", pg.Ident(p.Role("anon")), "{authenticated}", pg.Ident(p.Role("authenticated")), "{service_role}", pg.Ident(p.Role("service_role")),
		"{public}", pg.Ident(p.Schema("public")), "{auth}", pg.Ident(p.Schema("auth")), "{storage}", pg.Ident(p.Schema("storage")), "{hidden}", "Hid den", "{server}", p.Ref+"_server")
	return r.Replace(sql)
}

// found is what rules say of a project, by rule and object.
func (b *bundle) advices() map[string]map[string]any {
	b.t.Helper()
	out := map[string]map[string]any{}
	for _, item := range b.list("/advice") {
		out[fmt.Sprint(item["rule"], " ", item["object"])] = item
	}
	return out
}

// foreignServer makes what only a superuser can.
func (b *bundle) foreignServer() {
	b.t.Helper()
	at, err := url.Parse(testkit.AdminURL(b.t))
	require.NoError(b.t, err)
	at.Path = "/" + b.project.Database
	admin, err := pgx.Connect(b.t.Context(), at.String())
	require.NoError(b.t, err)
	defer func() { _ = admin.Close(context.Background()) }()
	name := pg.Ident(b.project.Ref + "_server")
	_, err = admin.Exec(b.t.Context(), `create foreign data wrapper `+name+`; create server `+name+` foreign data wrapper `+name+`; grant usage on foreign server `+name+` to `+pg.Ident(b.project.Owner.User))
	require.NoError(b.t, err)
	b.t.Cleanup(func() {
		admin, err := pgx.Connect(context.Background(), at.String())
		if err == nil { // the database may be gone
			_, _ = admin.Exec(context.Background(), `drop foreign data wrapper `+name+` cascade`)
			_ = admin.Close(context.Background())
		}
	})
}

func TestAdvice(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.foreignServer()
		require.Empty(t, b.list("/advice"), "of a new project")
		var cases []adviceCase
		for _, c := range adviceCases {
			if !c.private || !b.project.Shared {
				cases = append(cases, c)
				b.run(b.physical(c.bad))
				if c.good != "" {
					b.run(b.physical(c.good))
				}
			}
		}
		var list map[string]map[string]any
		require.Eventually(t, func() bool { list = b.advices(); return list[`table_bloat Full "of`] != nil }, 20*time.Second, 100*time.Millisecond, "what is counted comes in late")
		for _, c := range cases {
			item := list[c.rule+" "+c.object]
			require.NotNil(t, item, "%s of %s", c.rule, c.object)
			require.Contains(t, item["detail"], c.detail, c.rule)
			require.Regexp(t, "^"+c.rule+"-[0-9a-f]{16}$", item["key"])
			require.NotEmpty(t, item["title"])
			require.Contains(t, []any{"table", "view", "materialized_view", "foreign_table", "function", "index", "policy", "constraint", "extension", "schema"}, item["kind"])
			schema := "public"
			if strings.HasPrefix(c.rule, "storage_") {
				schema = "storage"
			}
			require.Equal(t, schema, item["schema"])
			if c.level != "" {
				require.Equal(t, c.level, item["level"], c.rule)
			}
			require.NotContains(t, list, c.rule+" "+c.goodObject)
			require.Equal(t, c.mend != "", item["fix"] == nil, "%s is mended by a person or by its fix", c.rule)
		}
		for _, c := range cases {
			fix := b.physical(c.mend)
			if fix == "" {
				fix = list[c.rule+" "+c.object]["fix"].(string)
			}
			require.Eventually(t, func() bool { // what others' snapshots still see is not vacuumed
				status, body := b.migrate(map[string]string{"name": "mend", "sql": fix})
				require.Equal(t, 200, status, "%s\n%s", fix, body)
				return c.rule != "table_bloat" || b.advices()[c.rule+" "+c.object] == nil
			}, time.Minute, time.Second)
		}
		after := b.advices()
		for _, c := range cases {
			require.NotContains(t, after, c.rule+" "+c.object)
		}
		b.whatFixesKeep(t)
	})
}

// whatFixesKeep looks at what fixes must not change.
func (b *bundle) whatFixesKeep(t *testing.T) {
	t.Helper()
	policy := b.one("/policies?table="+url.QueryEscape("Twice'"), `a "b`)
	require.Equal(t, `"B b" = 'x'::text OR id > 4 OR id = 2`, policy["using"])
	require.Nil(t, policy["check"])
	policy = b.one("/policies?table="+url.QueryEscape("Rowly's"), `per "row`)
	require.Equal(t, `id = (( SELECT auth.uid() AS uid)) OR (( SELECT auth.role() AS role)) = 'x'::text AND "User" = (( SELECT current_setting('request.jwt.claim.email'::text, true) AS current_setting))`, policy["using"])
	require.Equal(t, `((( SELECT auth.jwt() AS jwt)) ->> 'o''k'::text) = "User"`, policy["check"])
	var privileges []string
	for _, g := range b.list("/grants?table=" + url.QueryEscape(`Sec"rets`)) {
		if g["role"] == "anon" {
			privileges = append(privileges, fmt.Sprint(g["column"], g["privileges"]))
		}
	}
	require.Equal(t, []string{"It's ok[select]", "id[select]"}, privileges)
	_, body := b.query(fmt.Sprintf(`select has_function_privilege('%s', '"Act ""as"(text)', 'execute'), has_function_privilege('%s', '"Act ""as"(text)', 'execute')`,
		b.project.Role("authenticated"), b.project.Role("anon")))
	require.Contains(t, body, "[[true,false]]")
	has(t, b.one("/functions?search="+url.QueryEscape("loose_owner")), `{"kind":"procedure"}`)
}

func TestAdviceIsAList(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.run(b.physical(`create table one (a int); create table two (a int); create table three (a int); create view v as select 1 as x; grant select on v to {anon};
			create table ` + pg.Ident(b.project.Schema("supabase_migrations")) + `.x (id int)`))
		all := b.list("/advice")
		var rules []string
		for _, item := range all {
			rules = append(rules, fmt.Sprint(item["level"], " ", item["rule"], " ", item["object"]))
		}
		require.Equal(t, []string{"error security_definer_view v", "warning rls_disabled_in_public one", "warning rls_disabled_in_public three", "warning rls_disabled_in_public two",
			"info no_primary_key one", "info no_primary_key three", "info no_primary_key two"}, rules, "the worst first")
		require.Equal(t, all[2:4], b.list("/advice?limit=2&offset=2"))
		require.Equal(t, all, b.list("/advice"), "with the same keys")
		require.Len(t, b.list("/advice?search=ROW+LEVEL"), 3)
		require.Len(t, b.list("/advice?table=two"), 2)
		require.Len(t, b.list("/advice?schema=public&search=three"), 2)
		require.Empty(t, b.list("/advice?schema=auth"))
		require.Empty(t, b.list("/advice?search=nothing+is+so'%25_"))
		app := *b
		app.caller.Developer, app.caller.Role = "", "service_role"
		status, body := app.call(t.Context(), "GET", "/advice", "")
		require.Equal(t, 401, status, body)
		status, body = b.call(t.Context(), "POST", "/advice", `{}`)
		require.Equal(t, 405, status, body)
		status, body = b.call(t.Context(), "GET", "/advice?limit=0", "")
		require.Equal(t, 400, status, body)
	})
}

func TestAdviceIsOfOneProject(t *testing.T) {
	t.Parallel()
	us, them := setup(t, true), setup(t, true)
	them.foreignServer()
	for _, c := range adviceCases {
		if !c.private {
			them.run(them.physical(c.bad))
		}
	}
	them.run("grant all on all tables in schema " + pg.Ident(them.project.Schema("public")) + " to public, " + pg.Ident(us.project.Owner.User) + ", " + pg.Ident(us.project.Role("anon")) + `;
		grant all on schema ` + pg.Ident(them.project.Schema("public")) + " to public, " + pg.Ident(us.project.Owner.User))
	us.run(`create table mine (a int)`)
	status, body := us.call(t.Context(), "GET", "/advice", "")
	require.Equal(t, 200, status, body)
	require.NotContains(t, body, them.project.Ref)
	require.Len(t, us.advices(), 2, "those of its table")
	require.Empty(t, us.list("/advice?schema="+them.project.Schema("public")))
}

func TestEveryRuleOfAdviceIsTold(t *testing.T) {
	t.Parallel()
	rules, err := advice.Rules()
	require.NoError(t, err)
	docs, err := os.ReadFile("../../docs/advisors.md")
	require.NoError(t, err)
	tried := map[string]bool{"invalid_index": true} // TestAdviceOnInvalidIndexes
	for _, c := range adviceCases {
		tried[c.rule] = true
	}
	for _, r := range rules {
		require.True(t, tried[r.Name], "%s has a case", r.Name)
		require.Contains(t, string(docs), "### `"+r.Name+"`", "docs/advisors.md")
		require.Contains(t, string(docs), r.Title)
		require.Contains(t, []string{"security", "performance"}, r.Category)
		require.Contains(t, []string{"error", "warning", "info"}, r.Level)
		require.NotEmpty(t, r.Explanation)
	}
}

func TestAdviceOnInvalidIndexes(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.run(`create table "Twi""ns" (id int primary key, a int); insert into "Twi""ns" values (1, 1), (2, 1)`)
		status, body := b.query(`create unique index concurrently "bro'ken" on "Twi""ns" (a)`)
		require.Equal(t, 400, status, body)
		item := b.advices()["invalid_index bro'ken"]
		require.NotNil(t, item)
		b.run(`delete from "Twi""ns" where id = 2`)
		status, body = b.migrate(map[string]string{"name": "mend", "sql": item["fix"].(string)})
		require.Equal(t, 200, status, body)
		require.NotContains(t, b.advices(), "invalid_index bro'ken")
	})
}

// BenchmarkAdvice looks at 1,000 tables of ten columns with a key, an index, a foreign key without one and a policy each.
func BenchmarkAdvice(b *testing.B) {
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		p := setup(b, shared)
		p.run("create table up (id int primary key)")
		for from := 0; from < 1000; from += 250 {
			p.run(fmt.Sprintf(`do $do$ begin for n in %d..%d loop
				execute format('create table t%%s (id int primary key, c1 text, c2 text, c3 int references up, c4 int, c5 date, c6 uuid, c7 jsonb, c8 bool, token text)', n);
				execute format('create index on t%%s (c1)', n); execute format('alter table t%%s enable row level security', n);
				execute format('create policy own on t%%s using (c6 = auth.uid())', n); end loop; end $do$`, from, from+249))
		}
		require.Len(b, p.list("/advice?limit=10000"), 2001, "a key and a policy of each table, and the first table")
		b.Run(name, func(b *testing.B) { p.measure(b, "GET", "/advice?limit=10000", "") })
	}
}
