package catalog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// dump writes all that a catalog says.
func dump(t *testing.T, c *catalog.Catalog) string {
	t.Helper()
	var out strings.Builder
	line := func(prefix string, value any) {
		text, err := json.Marshal(value)
		require.NoError(t, err)
		fmt.Fprintf(&out, "%s %s\n", prefix, text)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Schemas)) {
		s := c.Schemas[name]
		line("schema "+s.Name, s.Comment)
		for _, relation := range slices.Sorted(maps.Keys(s.Relations)) {
			r := s.Relations[relation]
			line("relation", r)
			line("computed", slices.Sorted(maps.Keys(r.Computed)))
			for _, column := range r.Columns {
				line("representation", column.Representation)
			}
			for _, text := range describe(s, relation) {
				line("relationship", text)
			}
		}
		for _, function := range slices.Sorted(maps.Keys(s.Functions)) {
			line("function", s.Functions[function])
		}
	}
	line("representations", c.Representations)
	return out.String()
}

// describe lists a relation's relationships.
func describe(s *catalog.Schema, relation string) []string {
	out := []string{}
	for _, r := range s.Relationships(relation) {
		text := fmt.Sprintf("%s %s %s", r.Cardinality, r.To.Name, r.Constraint)
		if r.Junction != nil {
			text += fmt.Sprintf(" %v %s %s %v", r.Junction.From, r.Junction.Relation.Name, r.Junction.ToConstraint, r.Junction.To)
		}
		if r.Function != nil {
			text += fmt.Sprintf("%s single=%t", r.Function.Name, r.Single)
		}
		if len(r.Columns) > 0 {
			text += fmt.Sprintf(" %v", r.Columns)
		}
		if r.Parent {
			text += " parent"
		}
		out = append(out, text)
	}
	return out
}

// changes are changes of a schema that a catalog must notice, one after the other.
var changes = []string{
	`create table authors (id int primary key, name text); create table books (id int primary key, author int references authors, title text)`,
	`create table bystander (id int primary key)`,
	`alter table books add column pages int default 1`,
	`alter table books alter column pages set default 2`,
	`alter table books alter column pages drop default`,
	`alter table books alter column title set not null`,
	`alter table books alter column title type varchar(40)`,
	`comment on table books is 'Printed'; comment on column books.title is 'Title'`,
	`comment on column books.title is 'Its title'`,
	`comment on schema public is 'All of it'`,
	`alter table authors rename column id to key`,
	`alter table authors rename to writers`,
	`create view shelf as select b.id, b.author as by, w.name from books b join writers w on w.key = b.author`,
	`create view shelf_top as select id, by from shelf`,
	`alter table books rename column author to writer`,
	`alter view shelf rename column by to "by whom"`,
	`alter table books add unique (writer)`,
	`alter table books drop constraint books_writer_key`,
	`alter table books drop constraint books_pkey`,
	`alter table books add primary key (id, writer)`,
	`create schema hidden; grant usage on schema hidden to anon; create table hidden.tags (id int primary key, book int, writer int, foreign key (book, writer) references books)`,
	`create view tags as select * from hidden.tags`,
	`alter table hidden.tags rename column book to work`,
	`alter table hidden.tags add column label text`,
	`create or replace view tags as select id, work as book, writer from hidden.tags where id > 0`,
	`create type mood as enum ('a'); alter table books add column m mood`,
	`alter type mood add value 'b'`,
	`alter type mood rename to feeling`,
	`create domain dated as timestamptz; create table dates (d dated, n int)`,
	`alter domain dated set default now()`,
	`create function dated_json(dated) returns json language sql as 'select null::json'; create cast (dated as json) with function dated_json(dated) as implicit`,
	`drop cast (dated as json)`,
	`alter domain dated set not null`,
	`create function f(a int, b text default 'x') returns int language sql as 'select 1'`,
	`create or replace function f(a int, b text default 'x') returns int language sql stable as 'select 1'`,
	`alter function f(int, text) set statement_timeout = '3s'`,
	`comment on function f(int, text) is 'Does it'`,
	`create function full_title(books) returns text language sql stable as 'select $1.title'`,
	`create function near(books) returns setof books language sql stable as 'select * from books'`,
	`create function best(writers) returns setof books rows 1 language sql stable as 'select * from books limit 1'`,
	`alter function near(books) rename to books`,
	`drop function full_title(books)`,
	`create type pair as (a int, b text); create function pairs() returns setof pair language sql as 'select 1, ''x'''`,
	`alter type pair add attribute c feeling`,
	`alter table books enable row level security; create policy own on books using (id = 1)`,
	`create function mine() returns boolean language sql stable as 'select true'; create policy other on books using (mine())`,
	`alter policy other on books using (current_setting('request.method') = 'GET')`,
	`drop policy other on books`,
	`create index on writers (lower(name))`,
	`create function low(text) returns text language sql immutable as 'select lower($1)'; create index lows on writers (low(name))`,
	`drop index lows`,
	`create operator === (leftarg = int, rightarg = int, function = int4eq)`,
	`drop operator === (int, int)`,
	`create operator -> (leftarg = int, rightarg = int, function = int4eq)`,
	`drop operator -> (int, int)`,
	`create type shade as enum ('a'); create function shade(int) returns shade language sql as 'select null::shade'; create cast (int as shade) with function shade(int) as implicit`,
	`drop cast (int as shade)`,
	`create function noted() returns trigger language plpgsql as 'begin return new; end'; create trigger noted after insert on writers for each row execute function noted()`,
	`drop trigger noted on writers`,
	`alter table writers alter name set default set_config('a.b', 'c', false)`,
	`alter table writers alter name drop default`,
	`alter table writers add constraint named check (pg_input_is_valid(name, 'books'))`,
	`alter table writers drop constraint named`,
	`alter table writers enable row level security; create policy added on writers for insert with check (mine())`,
	`alter policy added on writers with check (name <> '')`,
	`alter policy added on writers with check (name <> current_setting('request.method'))`,
	`drop policy added on writers`,
	`alter table bystander add column writer int references writers`,
	`create index lows on writers (low(name))`,
	`drop index lows`,
	`alter table writers add column mood feeling`,
	`alter table writers drop column mood`,
	`create table apprentices () inherits (writers)`,
	`drop table apprentices`,
	`alter table bystander drop column writer`,
	`create view joined as select b.id from books b, writers w`,
	`create function instead() returns trigger language plpgsql as 'begin return new; end'; create trigger t instead of insert on joined for each row execute function instead()`,
	`create view over_joined as select * from joined`,
	`drop trigger t on joined`,
	`create table child () inherits (bystander)`,
	`drop table child`,
	`create table junction (w int references writers, b int, bw int, foreign key (b, bw) references books, primary key (w, b, bw))`,
	`alter table junction drop constraint junction_pkey`,
	`create table parts (id int, at date, primary key (id, at)) partition by range (at); create table parts1 partition of parts for values from ('2020-01-01') to ('2021-01-01')`,
	`alter table parts detach partition parts1`,
	`create materialized view kept as select id, name from shelf`,
	`alter table dates add column g int generated always as (n + 1) stored, add column i int generated always as identity`,
	`alter table dates alter column g drop expression`,
	`drop view tags`,
	`drop table hidden.tags`,
	`drop table books cascade`,
	`alter schema hidden rename to unseen`,
}

// unseen are those of the changes that make no difference to what is exposed.
var unseen = []string{
	`create operator === (leftarg = int, rightarg = int, function = int4eq)`,
	`drop operator === (int, int)`,
	`create or replace view tags as select id, work as book, writer from hidden.tags where id > 0`,
	`drop table hidden.tags`,
	`alter table hidden.tags rename column book to work`,
	`alter table hidden.tags add column label text`,
	`create index on writers (lower(name))`,
	`alter schema hidden rename to unseen`,
	`create schema hidden; grant usage on schema hidden to anon; create table hidden.tags (id int primary key, book int, writer int, foreign key (book, writer) references books)`,
	`alter table books enable row level security; create policy own on books using (id = 1)`,
}

// TestReload holds that a catalog that was loaded with what an earlier one had is what a whole load gives, whatever changed, and
// that it shares what did not.
func TestReload(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		s := setup(t, shared, "create table still (id int primary key)")
		c, err := catalog.Load(context.Background(), s, exposed(s))
		require.NoError(t, err)
		still := c.Schemas["public"].Relations["still"]
		for _, sql := range changes {
			if shared && (strings.Contains(sql, "hidden") || strings.Contains(sql, "tags") || strings.Contains(sql, "on schema public")) {
				continue // a project in a shared database makes no schemas
			}
			before := dump(t, c)
			owner(t, s, sql)
			var got string
			for earlier, settled := c, false; !settled; {
				whole := reload(t, s, nil)
				c = reload(t, s, earlier)
				got = dump(t, c)
				// In a shared database, a cast of a neighbour's is about every table too: it may come or go between two loads.
				if settled = dump(t, whole) == dump(t, reload(t, s, nil)); settled {
					require.Equal(t, dump(t, whole), got, "after: %s", sql)
				}
			}
			if !slices.Contains(unseen, sql) {
				assert.NotEqual(t, before, got, "this changes something: %s", sql)
			}
			// Those are about every table, and so is a neighbour's cast.
			if !strings.Contains(sql, "operator") && !strings.Contains(sql, "cast (int") && still.Plain == c.Schemas["public"].Relations["still"].Plain {
				require.Same(t, still, c.Schemas["public"].Relations["still"], "it did not change: %s", sql)
			}
			still = c.Schemas["public"].Relations["still"]
		}
	})
}

// reload loads the catalog with what an earlier one had.
func reload(t *testing.T, s *projectdb.Session, earlier *catalog.Catalog) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Reload(context.Background(), s, exposed(s), earlier)
	require.NoError(t, err)
	return c
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	s := setup(t, true, `create table a (id int, b int, c int); comment on table a is '`+strings.Repeat("x", 5000)+`'; create function f(a int, b int) returns int language sql as 'select 1'`)
	for _, room := range []int{1, 4, 6, 8, 16} {
		_, err := catalog.LoadBounded(context.Background(), s, exposed(s), room)
		require.ErrorIs(t, err, fault.New(fault.FailedPrecondition, "CATALOG_TOO_LARGE", ""), "with room for %d", room)
	}
	_, err := catalog.LoadBounded(context.Background(), s, exposed(s), 60)
	require.NoError(t, err)
}
