package catalog_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
)

func TestRelationships(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		s := setup(t, shared, `
			create table writer (id int primary key, name text);
			create table book (id int primary key, writer int references writer, editor int constraint edited_by references writer, main int references book);
			create table cover (book int primary key references book, art text);
			create table reader (id int primary key);
			create table loan (book int references book, reader int references reader, at date, primary key (book, reader, at));
			create table review (book int references book, reader int references reader, id int primary key);
			create table place (country text, town text, primary key (country, town));
			create table shop (id int primary key, town text, country text, foreign key (country, town) references place);
			create table road (a_country text, a_town text, b_country text, b_town text, primary key (a_country, a_town, b_country, b_town),
				constraint a foreign key (a_country, a_town) references place, constraint b foreign key (b_town, b_country) references place (town, country));
			create view books as select id as no, writer as "by", upper('x') as x from book;
			create view best as select no, by, by as again from books limit 3;
			create view loans as select * from loan;
			create view keyless_loans as select book, reader from loan;
			create view grouped as select writer, count(*) from book group by writer;
			create view united as select id, writer from book union all select 1, 2;
			create materialized view kept as select id, writer from book;
			create table part (id int, at date, book int references book, primary key (id, at)) partition by range (at);
			create table part1 partition of part for values from ('2020-01-01') to ('2021-01-01');
			create function similar_books(book) returns setof book language sql stable as 'select * from book';
			create function first_book(writer) returns setof book rows 1 language sql stable as 'select * from book';
			create function reader(loan) returns reader language sql stable as 'select * from reader';`)
		c, err := catalog.Load(context.Background(), s, exposed(s))
		require.NoError(t, err)
		public := c.Schemas["public"]
		for name, want := range map[string]string{
			"writer": `
				one-to-many best book_writer_fkey [{id again}]
				one-to-many best book_writer_fkey [{id by}]
				one-to-many book book_writer_fkey [{id writer}]
				one-to-many book edited_by [{id editor}]
				one-to-many books book_writer_fkey [{id by}]
				one-to-many grouped book_writer_fkey [{id writer}]
				one-to-many kept book_writer_fkey [{id writer}]
				many-to-one book first_book single=true`,
			"cover": `
				one-to-one best cover_book_fkey [{book no}]
				one-to-one book cover_book_fkey [{book id}]
				one-to-one books cover_book_fkey [{book no}]
				one-to-one kept cover_book_fkey [{book id}]`,
			"books": `
				one-to-many book book_main_fkey [{no main}]
				one-to-one cover cover_book_fkey [{no book}] parent
				one-to-many keyless_loans loan_book_fkey [{no book}]
				one-to-many loan loan_book_fkey [{no book}]
				one-to-many loans loan_book_fkey [{no book}]
				one-to-many part part_book_fkey [{no book}]
				many-to-many reader loan_book_fkey [{no book}] loan loan_reader_fkey [{reader id}]
				many-to-many reader loan_book_fkey [{no book}] loans loan_reader_fkey [{reader id}]
				one-to-many review review_book_fkey [{no book}]
				many-to-one writer book_writer_fkey [{by id}]`,
			"loan": `
				many-to-one best loan_book_fkey [{book no}]
				many-to-one book loan_book_fkey [{book id}]
				many-to-one books loan_book_fkey [{book no}]
				many-to-one kept loan_book_fkey [{book id}]
				many-to-one reader reader single=true`,
			"shop": `many-to-one place shop_country_town_fkey [{country country} {town town}]`,
			"place": `
				many-to-many place a [{country a_country} {town a_town}] road b [{b_town town} {b_country country}]
				many-to-many place b [{town b_town} {country b_country}] road a [{a_country country} {a_town town}]
				one-to-many road a [{country a_country} {town a_town}]
				one-to-many road b [{town b_town} {country b_country}]
				one-to-many shop shop_country_town_fkey [{country country} {town town}]`,
			"united": ``, "nowhere": ``,
			"part1": ``,
		} {
			want = strings.TrimSpace(strings.ReplaceAll(want, "\t", ""))
			require.Equal(t, want, strings.Join(describe(public, name), "\n"), name)
		}
		require.Contains(t, describe(public, "book"), "one-to-many book similar_books single=false")
		require.Contains(t, describe(public, "book"), "one-to-many book book_main_fkey [{id main}]")
		require.Contains(t, describe(public, "book"), "many-to-one book book_main_fkey [{main id}]")
	})
}

// TestRelationshipsAreBounded holds that a schema made for it does not make a worker hold any number of them.
func TestRelationshipsAreBounded(t *testing.T) {
	t.Parallel()
	c := catalog.New(&directory.Project{}, []string{"public"})
	add := func(format string, args ...any) {
		require.NoError(t, c.Add("relation", fmt.Appendf(nil, format, args...)))
	}
	var references []string
	for i := range 400 {
		add(`{"schema":"public","name":"t%d","kind":"r","columns":[{"name":"id"}],"keys":[{"primary":true,"columns":["id"]}]}`, i)
		for k := range 60 {
			references = append(references, fmt.Sprintf(`{"name":"f%d_%d","schema":"public","table":"t%d","columns":["a"],"targets":["id"]}`, i, k, i))
		}
	}
	add(`{"schema":"public","name":"j","kind":"r","columns":[{"name":"a"}],"keys":[{"primary":true,"columns":["a","b"]}],"references":[%s]}`, strings.Join(references, ","))
	s := c.Schemas["public"]
	for i := range 25 {
		list := s.Relationships(fmt.Sprintf("t%d", i))
		require.Len(t, list, 5_000, "of some 24,000 by the junction")
	}
}

// TestRelationshipsOfHiddenTables holds that views join by the keys of tables that are not exposed, and by junctions of any exposed schema.
func TestRelationshipsOfHiddenTables(t *testing.T) {
	t.Parallel()
	s := setup(t, false, `create schema api; create schema other; create schema private; grant usage on schema api, other to anon;
		create table private.a (id int primary key); create table private.b (id int primary key);
		create table private.ab (a int references private.a, b int references private.b, primary key (a, b));
		create view private.between as select b as inner_b, a as inner_a from private.ab;
		create view api.a as select id as a_id from private.a; create view api.b as select id from private.b; create view other.ab as select inner_a, inner_b from private.between;
		create table api.own (a int primary key references private.a); create view api.outside as select relname from pg_catalog.pg_class;`)
	load := func(schemas ...string) *catalog.Schema {
		c, err := catalog.Load(context.Background(), s, catalog.Exposure{Schemas: schemas})
		require.NoError(t, err)
		require.Len(t, c.Schemas, len(schemas))
		return c.Schemas["api"]
	}
	api := load("api", "other")
	require.Equal(t, []string{
		"many-to-many b ab_a_fkey [{a_id inner_a}] ab ab_b_fkey [{inner_b id}]",
		"one-to-one own own_a_fkey [{a_id a}] parent",
	}, describe(api, "a"))
	require.Equal(t, []string{"one-to-one a own_a_fkey [{a a_id}]"}, describe(api, "own"))
	require.Equal(t, []string{"a_id"}, api.Relations["a"].PrimaryKey())
	require.NotContains(t, api.Relations, "ab")
	require.Empty(t, api.Relations["outside"].Keys)
	require.Equal(t, []string{"one-to-one own own_a_fkey [{a_id a}] parent"}, describe(load("api"), "a"), "the junction is not exposed")
	require.Equal(t, []string{"one-to-one own own_a_fkey [{a_id a}] parent"}, describe(load("api", "nowhere"), "a"))
}
