package rest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// alone gives the bundle a door with one connection: what a request leaves behind, the next one finds.
func (b *bundle) alone(t *testing.T) {
	t.Helper()
	b.door = projectdb.New(projectdb.Deps{Log: testkit.Logger(t), MaxConnections: 1})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, b.door.Close(ctx))
	})
}

const (
	leaks   = "perform set_config('app.x', 'leak', false), pg_advisory_lock(4711);"
	leaking = `create function leak() returns text language plpgsql as $$ begin ` + leaks + ` return 'x'; end $$;
create function lie(int) returns boolean language plpgsql immutable as $$ begin ` + leaks + ` return true; end $$;
create function leaking() returns trigger language plpgsql as $$ begin ` + leaks + ` return new; end $$;
create function left_behind() returns json language sql stable as $$ select json_build_object('x', coalesce(current_setting('app.x', true), ''),
	'locks', (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())) $$;
create domain trap as int check (lie(value)); create table indexed (id int primary key); create index on indexed (id) where lie(5); insert into indexed values (1); `
	clean = `{"x":"","locks":0}`
)

// TestHostileTablesLeaveNothingBehind inserts into tables whose owner wants to leave something for the next request.
func TestHostileTablesLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	b.alone(t)
	b.owner(t, leaking)
	policy := `create table %s (id int, note text); alter table %[1]s enable row level security; create policy p on %[1]s `
	for i, sql := range []string{
		`create table %s (id int, note text default leak())`,
		`create table %s (id int, note text default set_config('app.x', 'leak', false))`,
		`create table %s (id int, note boolean default pg_try_advisory_lock(4711))`,
		`create table %s (id int, note boolean generated always as (lie(id)) stored)`,
		`create table %s (id int check (set_config('app.x', id::text, false) <> ''))`,
		`create table %s (id int check (lie(id)))`,
		`create table %s (id int check (pg_input_is_valid(id::text, 'public.trap')))`,
		`create table %s (id trap)`,
		`create table %s (id int); create index on %[1]s (lie(id))`,
		`create table %s (id int references indexed)`,
		`create table %s (id int references indexed deferrable initially deferred)`,
		`create table %s (id int); create trigger t before insert on %[1]s for each row execute function leaking()`,
		`create table %s (id int); create trigger t after insert on %[1]s for each statement execute function leaking()`,
		`create table %s (id int); create constraint trigger t after insert on %[1]s deferrable initially deferred for each row execute function leaking()`,
		`create table %s (id int); create rule r as on insert to %[1]s do also select leak()`,
		policy + `using (true) with check (leak() = 'x')`,
		policy + `with check (pg_try_advisory_lock(4711))`,
		policy + `with check (domain_in(id::text::cstring, 'public.trap'::regtype, -1) is not null)`,
		policy + `using (leak() = 'x') with check (true)`,
		policy + `for insert with check (true); create policy q on %[1]s for select using (true); create policy r on %[1]s for update using (lie(id))`,
		policy + `for insert with check (true); create policy q on %[1]s for select using (true); create policy r on %[1]s for delete using (leak() = 'x')`,
		`create table %s (id int); create trigger t before update or delete on %[1]s for each row execute function leaking()`,
		`create table %s (id int); create trigger t after delete on %[1]s for each statement execute function leaking()`,
		`create table %s (id int primary key, note text); create table %[1]s_below (id int default 1 references %[1]s on update cascade on delete cascade);
			create trigger t after update or delete on %[1]s_below for each row execute function leaking()`,
		`create table %s (id int primary key); create table %[1]s_below (id int references %[1]s); create index on %[1]s_below (id) where lie(5)`,
	} {
		table := fmt.Sprintf("hostile%d", i)
		b.owner(t, fmt.Sprintf(sql+`; grant all on all tables in schema public to {anon}`, table))
		for _, headers := range []map[string]string{nil, back, {"Prefer": "missing=default"}, {"Prefer": "return=headers-only"}, {"Prefer": "tx=rollback"}} {
			for _, r := range [][3]string{{"POST", "", `{"id":1}`}, {"POST", "_below", `{"id":1}`}, {"PATCH", "?id=eq.1", `{"id":2}`}, {"DELETE", "?id=eq.2", ""}} {
				_ = b.do("anon", r[0], "/"+table+r[1], r[2], headers)
				require.JSONEq(t, clean, b.do("anon", "GET", "/rpc/left_behind", "", nil).Body.String(), "%s %v %v", sql, r, headers)
			}
		}
	}
	// What was plain is so no longer.
	b.owner(t, `create table later (id int); grant all on later to {anon}`)
	b.check(t, row{method: "POST", target: "/later", body: `{"id":1}`, status: 201})
	b.owner(t, `create trigger t before insert on later for each row execute function leaking()`)
	b.check(t, row{target: "/made_a_moment_ago", status: 404}) // which makes the catalog look
	for range 2 {
		b.check(t, row{method: "POST", target: "/later", body: `{"id":1}`, status: 201})
		b.check(t, row{target: "/rpc/left_behind", want: clean})
	}
}

// TestPlainWrites writes tables that are not cleaned up after.
func TestPlainWrites(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		b := setup(t, shared)
		b.alone(t)
		b.owner(t, leaking+`
create table firms (id int primary key, name text not null); insert into firms values (1, 'a');
create table items (id bigserial primary key, firm int references firms deferrable initially deferred, name text unique, owner uuid default auth.uid(), at timestamptz default now(),
	method text default current_setting('request.method', true), size int generated always as (length(name)) stored check (size < 20));
alter table items enable row level security; create policy p on items for insert with check (owner is null or owner = auth.uid()); create policy q on items for select using (true);
create policy r on items for update using (true); create policy s on items for delete using (true);
grant all on firms, items to {anon}, {authenticated}; grant usage on sequence items_id_seq to {anon}, {authenticated}`)
		plural := func(prefer string) map[string]string { return map[string]string{"Prefer": prefer} }
		for _, c := range []row{
			{name: "one", body: `{"name":"one"}`, status: 201},
			{name: "by its user, with what the request is", as: "authenticated", target: "/items?select=id,owner,method,size", body: `{"name":"two","firm":1}`, headers: back, status: 201,
				want: `[{"id":2,"owner":"` + user + `","method":"POST","size":3}]`},
			{name: "several, counted", body: `[{"name":"a"},{"name":"b"}]`, headers: plural("count=exact"), status: 201, wantHeaders: map[string]string{"Content-Range": "*/2"}},
			{name: "none", body: `[]`, headers: plural("count=exact"), status: 201, wantHeaders: map[string]string{"Content-Range": "*/0"}},
			{name: "defaults only", body: `{}`, headers: plural("return=headers-only"), status: 201, wantHeaders: map[string]string{"Location": "/items?id=eq.5"}},
			{name: "ignored", target: "/items?on_conflict=name", body: `[{"name":"a"},{"name":"c"}]`, headers: plural("resolution=ignore-duplicates,count=exact"), status: 201,
				wantHeaders: map[string]string{"Content-Range": "*/1"}},
			{name: "embedding", target: "/items?select=name,firms(name)", body: `{"name":"d","firm":1}`, headers: back, status: 201, want: `[{"name":"d","firms":{"name":"a"}}]`},
			{name: "a duplicate", body: `{"name":"a"}`, status: 409, has: []string{`"23505"`}},
			{name: "of another's", as: "authenticated", body: `{"name":"e","owner":"00000000-0000-4000-8000-000000000000"}`, status: 403, has: []string{`"42501"`}},
			{name: "no such firm, at the end", body: `{"name":"f","firm":7}`, status: 409, has: []string{`"23503"`}},
			{name: "too long", body: `{"name":"01234567890123456789"}`, status: 400, has: []string{`"23514"`}},
			{name: "one of two as an object", body: `[{"name":"g"},{"name":"h"}]`, headers: map[string]string{"Accept": object["Accept"], "Prefer": "return=representation"}, status: 406},
			{name: "changed", method: "PATCH", target: "/items?name=in.(a,b)", body: `{"firm":1}`, headers: plural("count=exact"), status: 204, wantHeaders: map[string]string{"Content-Range": "0-1/2"}},
			{name: "changed and shown", method: "PATCH", target: "/items?name=eq.a&select=size,firms(name)", body: `{"name":"aa"}`, headers: back, want: `[{"size":2,"firms":{"name":"a"}}]`},
			{name: "changed for another", method: "PATCH", target: "/items?name=eq.b", body: `{"size":1}`, status: 400, has: []string{`"428C9"`}},
			{name: "changed to no firm", method: "PATCH", target: "/items?name=eq.b", body: `{"firm":7}`, status: 409, has: []string{`"23503"`}},
			{name: "nothing changed", method: "PATCH", target: "/items?name=eq.z", body: `{"firm":1}`, headers: plural("count=exact"), status: 204, wantHeaders: map[string]string{"Content-Range": "*/0"}},
			{name: "no column changed", method: "PATCH", target: "/items?name=eq.b", body: `{}`, headers: plural("count=exact"), status: 204, wantHeaders: map[string]string{"Content-Range": "*/0"}},
			{name: "too many deleted", method: "DELETE", target: "/items?name=in.(b,c,d)", headers: plural("handling=strict,max-affected=2"), status: 400, has: []string{"PGRST124"}},
			{name: "deleted", method: "DELETE", target: "/items?name=in.(c,d)", headers: plural("count=exact,handling=strict,max-affected=2"), status: 204, wantHeaders: map[string]string{"Content-Range": "*/2"}},
			{name: "deleted and shown", method: "DELETE", target: "/items?name=eq.b&select=name", headers: back, want: `[{"name":"b"}]`},
			{name: "referred to", method: "DELETE", target: "/firms?id=eq.1", status: 409, has: []string{`"23503"`}},
		} {
			if c.method == "" {
				c.method = "POST"
			}
			if c.target == "" {
				c.target = "/items"
			}
			t.Run(c.name, func(t *testing.T) {
				b.check(t, c)
				b.check(t, row{target: "/rpc/left_behind", want: clean})
			})
		}
		b.check(t, row{target: "/items?select=name&order=name", want: `[{"name":"aa"},{"name":"one"},{"name":"two"},{"name":null}]`})
	}
}
