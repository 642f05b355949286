package rest_test

import "testing"

// TestWritesReportWhatTheirCodeSays: triggers and defaults are the project's code, though reading the table runs none.
func TestWritesReportWhatTheirCodeSays(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	b.owner(t, `create table marked (id int primary key, note text); grant all on marked to {anon};
create function mark() returns trigger language plpgsql as $$ begin
	perform set_config('response.headers', json_build_array(json_build_object('X-Method', current_setting('request.method', true)))::text, true);
	perform set_config('response.status', '202', true); return null; end $$;
create trigger mark after insert or update or delete on marked for each row execute function mark();
create function defaulted() returns text language plpgsql as $$ begin perform set_config('response.status', '203', true); return 'x'; end $$;
create table filled (id int primary key, note text default defaulted()); grant all on filled to {anon}`)
	header := func(method string) map[string]string { return map[string]string{"X-Method": method} }
	for _, c := range []row{
		{method: "POST", target: "/marked", body: `{"id":1}`, status: 202, wantHeaders: header("POST")},
		{method: "PATCH", target: "/marked?id=eq.1", body: `{"note":"x"}`, status: 202, wantHeaders: header("PATCH")},
		{method: "DELETE", target: "/marked?id=eq.1", status: 202, wantHeaders: header("DELETE")},
		{method: "POST", target: "/filled", body: `{"id":1}`, status: 203},
	} {
		b.check(t, c)
	}
}

// TestChangedColumns writes to a table whose columns changed since the catalog was loaded: all of a row is what the table has now.
func TestChangedColumns(t *testing.T) {
	t.Parallel()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, shared)
			b.owner(t, `create table moving (id int primary key, a int, b int default 2); grant all on moving to {anon}`)
			b.check(t, row{target: "/moving", want: `[]`})
			b.owner(t, `alter table moving drop column a`)
			b.check(t, row{method: "POST", target: "/moving", body: `{"id":1}`, headers: back, status: 201, want: `[{"id":1,"b":2}]`})
			b.owner(t, `alter table moving add c int default 3`)
			b.check(t, row{method: "PATCH", target: "/moving?id=eq.1", body: `{"b":4}`, headers: back, want: `[{"id":1,"b":4,"c":3}]`})
			b.check(t, row{method: "DELETE", target: "/moving?id=eq.1", headers: back, want: `[{"id":1,"b":4,"c":3}]`})
		})
	}
}
