package rest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/setting"
)

const protocolFixtures = `
create function check_request() returns void language plpgsql as $$ begin
	if current_setting('request.headers', true)::json->>'x-refuse' is not null then raise sqlstate 'PT420' using message = 'refused'; end if;
	perform set_config('response.headers', '[{"X-Checked":"yes"}]', true);
end $$;
create function answer(headers text, status text default '') returns int language plpgsql as $$ begin
	perform set_config('response.headers', headers, true), set_config('response.status', status, true); return 1; end $$;
create function raised(message text, detail text) returns void language plpgsql as $$ begin raise sqlstate 'PGRST' using message = message, detail = detail; end $$;
create function slow() returns int language plpgsql set statement_timeout to '50ms' as $$ begin perform pg_sleep(5); return 1; end $$;
create function isolation() returns text language sql set default_transaction_isolation to 'serializable' as $$ select current_setting('transaction_isolation') $$;
create function zone() returns text language sql stable as $$ select current_setting('timezone') $$;
create function cookie() returns text language sql stable as $$ select current_setting('request.cookies', true)::json->>'a' $$;
create function many(n int) returns setof notes language plpgsql as $$ begin update notes set stars = coalesce(stars, 0) + 1 where id = 1; return query select * from notes order by id limit n; end $$;
create domain "text/plain" as text; create domain "image/x" as bytea; create domain "*/*" as bytea;
create function hello() returns "text/plain" language sql stable as $$ select 'hello' $$;
create function picture() returns "image/x" language sql stable as $$ select '\x00ff01'::bytea $$;
create function anything() returns "*/*" language sql stable as $$ select 'any'::bytea $$;
create table deferred (id int primary key, ref int references deferred deferrable initially deferred); grant all on deferred to {anon};
create table keys (a int, b text, c text, primary key (a, b)); grant all on keys to {anon};
create view readonly as select count(*) from notes; grant select on readonly to {anon};
`

func protocol() []row {
	header := func(kv ...string) map[string]string {
		out := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			out[kv[i]] = kv[i+1]
		}
		return out
	}
	accept := func(kind string) map[string]string { return header("Accept", kind) }
	prefer := func(p string) map[string]string { return header("Prefer", p) }
	return []row{
		{name: "CSV", target: "/notes?select=id,title,body,tags&order=id&limit=2", headers: accept("text/csv"), text: "id,title,body,tags\n1,first,\"a, \"\"b\"\"\",\"{x,y}\"\n2,second,,{}", wantHeaders: header("Content-Type", "text/csv; charset=utf-8")},
		{name: "CSV of nothing", target: "/notes?id=eq.99", headers: accept("text/csv"), text: "\n"},
		{name: "nulls stripped", target: "/notes?select=id,body&id=eq.2", headers: accept("application/vnd.pgrst.array+json;nulls=stripped"), want: `[{"id":2}]`, wantHeaders: header("Content-Type", "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8")},
		{name: "object with nulls stripped", target: "/notes?select=id,body&id=eq.2", headers: accept("application/vnd.pgrst.object+json;nulls=stripped"), want: `{"id":2}`},
		{name: "what a browser accepts", target: "/notes?select=id&id=eq.1", headers: accept("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), want: `[{"id":1}]`},
		{name: "function's own type", target: "/rpc/hello", headers: accept("text/plain"), text: "hello", wantHeaders: header("Content-Type", "text/plain; charset=utf-8")},
		{name: "or JSON of it", target: "/rpc/hello", want: `"hello"`},
		{name: "bytes", target: "/rpc/picture", headers: accept("image/x"), text: "\x00\xff\x01", wantHeaders: header("Content-Type", "image/x", "Content-Length", "3")},
		{name: "not another type", target: "/rpc/picture", headers: accept("image/y"), status: 406, has: []string{"PGRST107"}},
		{name: "any type", target: "/rpc/anything", headers: accept("image/y"), text: "any", wantHeaders: header("Content-Type", "application/octet-stream")},

		{name: "Content-Location in order", target: "/notes?select=id&order=id&limit=1", wantHeaders: header("Content-Location", "/notes?limit=1&order=id&select=id", "Vary", "Accept, Prefer, Range")},
		{name: "without the key", target: "/notes?apikey=secret&select=id,title", wantHeaders: header("Content-Location", "/notes?select=id%2Ctitle")},
		{name: "no address that is longer than clients take", target: "/notes?select=id&id=in.(1" + strings.Repeat(",12345", 4000) + ")", want: `[{"id":1}]`, wantHeaders: header("Content-Location", "")},
		{name: "errors name themselves", target: "/nothing", status: 404, wantHeaders: header("Proxy-Status", "PostgREST; error=PGRST205", "Content-Type", "application/json; charset=utf-8")},
		{name: "who is nobody is told how", target: "/secret", status: 401, wantHeaders: header("Www-Authenticate", "Bearer")},
		{name: "who is somebody is not", as: "authenticated", target: "/secret", status: 403, wantHeaders: header("Www-Authenticate", "")},

		{name: "headers of the database", method: "POST", target: "/rpc/answer", body: `{"headers":"[{\"X-A\":\"1\"},{\"X-A\":\"2\"},{\"Content-Type\":\"text/x\"}]","status":"202"}`, status: 202, wantHeaders: header("X-A", "1", "Content-Type", "text/x")},
		{name: "not those of the connection", method: "POST", target: "/rpc/answer", body: `{"headers":"[{\"Content-Length\":\"99\"},{\"Transfer-Encoding\":\"x\"},{\"X-B\":\"a\\nb\"},{\"X C\":\"1\"}]"}`, wantHeaders: header("Content-Length", "1", "Transfer-Encoding", "", "X-B", "", "X C", "")},
		{name: "headers that are none", method: "POST", target: "/rpc/answer", body: `{"headers":"{}"}`, status: 500, has: []string{"PGRST111"}},
		{name: "two in one", method: "POST", target: "/rpc/answer", body: `{"headers":"[{\"a\":\"1\",\"b\":\"2\"}]"}`, status: 500, has: []string{"PGRST111"}},
		{name: "status that is none", method: "POST", target: "/rpc/answer", body: `{"headers":"","status":"abc"}`, status: 500, has: []string{"PGRST112"}},
		{name: "error in whole", method: "POST", target: "/rpc/raised", body: `{"message":"{\"code\":\"X1\",\"message\":\"no\",\"hint\":\"h\"}","detail":"{\"status\":417,\"headers\":{\"X-Why\":\"so\"}}"}`, status: 417,
			want: `{"code":"X1","message":"no","details":null,"hint":"h"}`, wantHeaders: header("X-Why", "so", "Proxy-Status", "PostgREST; error=X1")},
		{name: "error in pieces", method: "POST", target: "/rpc/raised", body: `{"message":"nonsense","detail":"{}"}`, status: 500, has: []string{"PGRST121", "Invalid JSON value for MESSAGE: 'nonsense'"}},
		{name: "error without headers", method: "POST", target: "/rpc/raised", body: `{"message":"{\"code\":\"1\",\"message\":\"m\"}","detail":"{\"status\":400}"}`, status: 500, has: []string{"PGRST121", "Invalid JSON value for DETAIL"}},

		{name: "timeout of a function", method: "POST", target: "/rpc/slow", body: `{}`, status: 500, has: []string{"57014", "canceling statement due to statement timeout"}},
		{name: "isolation of a function", method: "POST", target: "/rpc/isolation", body: `{}`, want: `"serializable"`},
		{name: "time zone", target: "/rpc/zone", headers: prefer("timezone=Europe/Berlin"), want: `"Europe/Berlin"`, wantHeaders: header("Preference-Applied", "timezone=Europe/Berlin")},
		{name: "no such zone", target: "/rpc/zone", headers: prefer("timezone=Mars/Crater"), wantHeaders: header("Preference-Applied", "")},
		{name: "and strictly", target: "/rpc/zone", headers: prefer("handling=strict, timezone=Mars/Crater"), status: 400, has: []string{"22023", "Mars/Crater"}},
		{name: "cookies", target: "/rpc/cookie", headers: header("Cookie", `a=xy; b=2`), want: `"xy"`},

		{name: "most that may change", method: "PATCH", target: "/notes?id=lt.3", body: `{"stars":9}`, headers: prefer("handling=strict, max-affected=1"), status: 400, has: []string{"PGRST124", "The query affects 2 rows"}},
		{name: "then nothing changed", target: "/notes?select=id&stars=eq.9", want: `[]`},
		{name: "most of a function", method: "POST", target: "/rpc/many", body: `{"n":3}`, headers: prefer("handling=strict, max-affected=2"), status: 400, has: []string{"PGRST124", "The query affects 3 rows"}},
		{name: "of one without rows", method: "POST", target: "/rpc/touch", headers: prefer("handling=strict, max-affected=2"), status: 400, has: []string{"PGRST128"}},
		{name: "a function runs once to be counted", method: "POST", target: "/rpc/many?select=id&limit=1&offset=1", body: `{"n":3}`, headers: prefer("count=exact"), status: 206, want: `[{"id":2}]`, wantHeaders: header("Content-Range", "1-1/3")},
		{name: "as it shows", target: "/notes?select=stars&id=eq.1", want: `[{"stars":2}]`},
		{name: "planned count", target: "/notes?select=id&limit=1", headers: prefer("count=planned"), status: 206, wantHeaders: header("Preference-Applied", "count=planned")},
		{name: "estimated count of few is exact", target: "/notes?select=id&limit=1", headers: prefer("count=estimated"), status: 206, wantHeaders: header("Content-Range", "0-0/3")},

		{name: "deferred constraint", method: "POST", target: "/deferred", body: `{"id":1,"ref":2}`, headers: back, status: 409, has: []string{"23503"}},
		{name: "Location of two keys", method: "POST", target: "/keys", body: `{"a":1,"b":"x & y/é"}`, headers: prefer("return=headers-only"), status: 201, wantHeaders: header("Location", "/keys?a=eq.1&b=eq.x%20%26%20y%2F%C3%A9", "Content-Range", "*/*")},
		{name: "PUT of a new row", method: "PUT", target: "/keys?a=eq.2&b=eq.y", body: `{"a":2,"b":"y","c":"1"}`, headers: back, status: 201, want: `[{"a":2,"b":"y","c":"1"}]`},
		{name: "PUT of an old one", method: "PUT", target: "/keys?a=eq.2&b=eq.y", body: `{"a":2,"b":"y","c":"2"}`, headers: back, status: 200, want: `[{"a":2,"b":"y","c":"2"}]`},
		{name: "PUT without return", method: "PUT", target: "/keys?a=eq.2&b=eq.y", body: `{"a":2,"b":"y","c":"3"}`, status: 204},
		{name: "CSV is inserted", method: "POST", target: "/keys?select=c", body: "a,b,c\n5,x,NULL\n6,x,y", headers: header("Content-Type", "text/csv", "Prefer", "return=representation"), status: 201, want: `[{"c":null},{"c":"y"}]`},

		{name: "OPTIONS of a table", method: "OPTIONS", target: "/keys", wantHeaders: header("Allow", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE")},
		{name: "of a view", method: "OPTIONS", target: "/readonly", wantHeaders: header("Allow", "OPTIONS,GET,HEAD")},
		{name: "of a volatile function", method: "OPTIONS", target: "/rpc/touch", wantHeaders: header("Allow", "OPTIONS,POST")},
		{name: "of a stable one", method: "OPTIONS", target: "/rpc/newest", wantHeaders: header("Allow", "OPTIONS,GET,HEAD,POST")},
		{name: "of nothing", method: "OPTIONS", target: "/nothing", status: 404, has: []string{"PGRST205"}},
		{name: "of the root", method: "OPTIONS", target: "/", wantHeaders: header("Allow", "OPTIONS,GET,HEAD")},
		{name: "root without a describer", target: "/", status: 404, has: []string{"PGRST126"}},
		{name: "HEAD has no body", method: "HEAD", target: "/notes?limit=1&order=id", text: "", wantHeaders: header("Content-Range", "0-0/*", "Content-Type", "application/json; charset=utf-8", "Content-Length", "")},
		{name: "limit 0", target: "/notes?limit=0", want: `[]`, wantHeaders: header("Content-Range", "*/*")},
	}
}

func TestProtocol(t *testing.T) {
	t.Parallel()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, shared)
			b.owner(t, protocolFixtures)
			for _, c := range protocol() {
				t.Run(c.name, func(t *testing.T) { b.check(t, c) })
			}
			b.set(map[string]any{"rest.pre_request": "public.check_request"})
			t.Run("pre-request", func(t *testing.T) {
				b.check(t, row{target: "/notes?select=id&id=eq.1", want: `[{"id":1}]`, wantHeaders: map[string]string{"X-Checked": "yes"}})
				b.check(t, row{target: "/notes?id=eq.1", headers: map[string]string{"X-Refuse": "1"}, status: 420, has: []string{"PT420", "refused"}})
				b.check(t, row{method: "POST", target: "/keys", body: `{"a":9,"b":"9"}`, headers: map[string]string{"X-Refuse": "1"}, status: 420})
				b.check(t, row{target: "/keys?a=eq.9", want: `[]`})
			})
		})
	}
}

// set changes the project's settings.
func (b *bundle) set(values map[string]any) {
	p := *b.project
	p.Settings = setting.Values(values)
	b.project = &p
}

func TestSettings(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	all := row{target: "/notes?select=count()", want: `[{"count":3}]`}
	plan := row{target: "/notes?select=id", headers: map[string]string{"Accept": "application/vnd.pgrst.plan+json; options=analyze"}, has: []string{"Plan Rows", "Actual Rows"},
		wantHeaders: map[string]string{"Content-Type": `application/vnd.pgrst.plan+json; for="application/json"; options=analyze; charset=utf-8`}}
	tx := func(end, applied string) row {
		return row{method: "PATCH", target: "/notes?id=eq.1", body: `{"stars":7}`, headers: map[string]string{"Prefer": "tx=" + end}, status: 204, wantHeaders: map[string]string{"Preference-Applied": applied}}
	}
	unchanged := row{target: "/notes?select=stars&id=eq.1", want: `[{"stars":1}]`}
	steps := []struct {
		settings map[string]any
		rows     []row
	}{
		{map[string]any{"rest.aggregates_enabled": true}, []row{all}},
		{map[string]any{"rest.plan_enabled": true}, []row{plan}},
		{map[string]any{"rest.tx_end": "rollback"}, []row{tx("commit", ""), unchanged}},
		{nil, []row{tx("rollback", "tx=rollback"), unchanged}}, // who asks for it must not lose rows
		{map[string]any{"rest.require_filter": true}, []row{{method: "DELETE", target: "/notes", status: 400}, {method: "PATCH", target: "/notes", body: `{"stars":1}`, status: 400}, unchanged}},
		{map[string]any{"rest.max_query_cost": int64(1)}, []row{
			{target: "/notes?select=id&order=title", status: 400, has: []string{"QUERY_COST_EXCEEDED", "the limit is 1"}}, {target: "/notes?select=id&id=eq.1", want: `[{"id":1}]`}}},
		{map[string]any{"rest.server_timing": true}, []row{{target: "/notes?id=eq.1"}}},
		{map[string]any{"rest.tx_end": "rollback-allow-override"}, []row{tx("rollback", "tx=rollback"), unchanged, tx("commit", "tx=commit"), {target: "/notes?select=stars&id=eq.1", want: `[{"stars":7}]`}}},
	}
	b.check(t, row{target: all.target, status: 400, has: []string{"PGRST123"}})
	b.check(t, row{target: plan.target, headers: plan.headers, status: 406})
	for _, s := range steps {
		b.set(s.settings)
		for _, r := range s.rows {
			w := b.check(t, r)
			if s.settings["rest.server_timing"] != nil {
				require.Regexp(t, `^jwt;dur=[0-9.]+, parse;dur=[0-9.]+, plan;dur=[0-9.]+, transaction;dur=[0-9.]+, response;dur=[0-9.]+$`, w.Header().Get("Server-Timing"))
			}
		}
	}
}
