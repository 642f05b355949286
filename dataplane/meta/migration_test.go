package meta_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/pg"
)

type migration struct {
	Version, Name string
	Statements    []string
	CreatedBy     *string    `json:"created_by"`
	CreatedAt     *time.Time `json:"created_at"`
}

func (b *bundle) migrate(body map[string]string) (int, string) {
	b.t.Helper()
	encoded, err := json.Marshal(body)
	require.NoError(b.t, err)
	return b.call(b.t.Context(), "POST", "/migrations", string(encoded))
}

func (b *bundle) migrations(filter string) []migration {
	b.t.Helper()
	status, body := b.call(b.t.Context(), "GET", "/migrations"+filter, "")
	require.Equal(b.t, 200, status, body)
	var list []migration
	require.NoError(b.t, json.Unmarshal([]byte(body), &list))
	return list
}

// ledger is how SQL names the table of migrations.
func (b *bundle) ledger() string {
	return pg.Ident(b.project.Schema("supabase_migrations"), "schema_migrations")
}

func TestMigrations(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		require.Empty(t, b.migrations(""), "there is no table yet")
		before := time.Now().Add(-time.Minute)
		status, body := b.migrate(map[string]string{"name": " Notes & “more” ", "sql": "create table notes (id int); -- one;\ninsert into notes values (1);"})
		require.Equal(t, 200, status, body)
		var one migration
		require.NoError(t, json.Unmarshal([]byte(body), &one))
		require.Equal(t, "Notes & “more”", one.Name)
		require.Regexp(t, `^20\d{12}$`, one.Version)
		require.Equal(t, []string{"create table notes (id int)", "-- one;\ninsert into notes values (1)"}, one.Statements)
		require.Equal(t, "an account", *one.CreatedBy)
		require.WithinRange(t, *one.CreatedAt, before, time.Now().Add(time.Minute))

		status, body = b.migrate(map[string]string{"name": "second", "sql": "alter table notes add body text"})
		require.Equal(t, 200, status, body)
		status, body = b.migrate(map[string]string{"name": "old", "sql": "set local search_path to pg_catalog; set role " + b.project.Role("anon"), "version": "001"})
		require.Equal(t, 200, status, body)
		list := b.migrations("")
		require.Len(t, list, 3)
		require.Equal(t, []string{"second", one.Name, "old"}, []string{list[0].Name, list[1].Name, list[2].Name}, "the newest first")
		require.Equal(t, one.Version, list[1].Version)
		require.Len(t, b.migrations("?search=SECOND"), 1)
		require.Len(t, b.migrations("?search=into+notes"), 1)
		require.Len(t, b.migrations("?limit=1&offset=2"), 1)

		status, body = b.migrate(map[string]string{"name": "again", "sql": "drop table notes", "version": "001"})
		require.Equal(t, 409, status, body)
		require.Contains(t, body, "MIGRATION_EXISTS")
		_, body = b.query("select count(*)::int from notes")
		require.Contains(t, body, "[[1]]", "nothing of it ran")
	})
}

func TestMigrationIsAllOrNothing(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		status, body := b.migrate(map[string]string{"name": "fails", "sql": "create table gone (id int);\nselect 'ä', nosuch from gone"})
		require.Equal(t, 400, status)
		require.Contains(t, body, `"code":"42703"`)
		require.Contains(t, body, `"position":41,"line":2`)
		status, body = b.migrate(map[string]string{"name": "fails late", "sql": `create table a (id int primary key); create table gone (a int references a deferrable initially deferred); insert into gone values (1)`})
		require.Equal(t, 400, status)
		require.Contains(t, body, `"code":"23503"`)
		require.Empty(t, b.migrations(""))
		status, _ = b.query("select * from gone")
		require.Equal(t, 400, status)

		status, body = b.migrate(map[string]string{"name": "hides its end", "sql": "create table kept (id int); do $$ begin commit; end $$"})
		require.Equal(t, 400, status)
		require.Contains(t, body, `"code":"2D000"`)
		status, body = b.migrate(map[string]string{"name": "loses its table", "sql": "drop table " + b.ledger()})
		require.Equal(t, 400, status)
		require.Contains(t, body, `"code":"42P01"`)
	})
}

func TestMigrationOutsideOfTransactions(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		status, body := b.query("create table notes (id int)")
		require.Equal(t, 200, status, body)
		status, body = b.migrate(map[string]string{"name": "two", "sql": "create index concurrently a on notes (id); create index concurrently b on notes (id)"})
		require.Equal(t, 400, status)
		require.Contains(t, body, `"code":"25001"`)
		require.Contains(t, body, "migration of its own")
		status, body = b.migrate(map[string]string{"name": "one", "sql": "/* x */ create index concurrently a on notes (id);"})
		require.Equal(t, 200, status, body)
		status, body = b.migrate(map[string]string{"name": "one that fails", "sql": "create index concurrently a on notes (id)"})
		require.Equal(t, 400, status)
		require.Contains(t, body, `"code":"42P07"`)
		require.Len(t, b.migrations(""), 1)
		_, body = b.call(t.Context(), "GET", "/indexes?table=notes", "")
		require.Contains(t, body, `"name":"a"`)
	})
}

func TestMigrationRefusals(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		cases := []struct {
			name string
			body map[string]string
			has  string
		}{
			{"no name", map[string]string{"sql": "select 1"}, "MIGRATION_NAME_INVALID"},
			{"a name that leads elsewhere", map[string]string{"name": "../x", "sql": "select 1"}, "MIGRATION_NAME_INVALID"},
			{"a name that leads elsewhere on Windows", map[string]string{"name": `a\b`, "sql": "select 1"}, "MIGRATION_NAME_INVALID"},
			{"a hidden file", map[string]string{"name": ".x", "sql": "select 1"}, "MIGRATION_NAME_INVALID"},
			{"a name of two lines", map[string]string{"name": "a\nb", "sql": "select 1"}, "MIGRATION_NAME_INVALID"},
			{"a long name", map[string]string{"name": strings.Repeat("ä", 201), "sql": "select 1"}, "MIGRATION_NAME_INVALID"},
			{"a version of letters", map[string]string{"name": "a", "version": "1'--", "sql": "select 1"}, "MIGRATION_VERSION_INVALID"},
			{"no SQL", map[string]string{"name": "a"}, "QUERY_EMPTY"},
			{"only comments", map[string]string{"name": "a", "sql": "-- ;"}, "QUERY_EMPTY"},
			{"a transaction", map[string]string{"name": "a", "sql": "select 1; COMMIT; select 2"}, "MIGRATION_TRANSACTION"},
			{"a copy", map[string]string{"name": "a", "sql": "copy t from stdin"}, "COPY_UNSUPPORTED"},
			{"an end that is hidden", map[string]string{"name": "a", "sql": `set standard_conforming_strings = off; select '\'; commit; select '\''`}, "MIGRATION_TRANSACTION"},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				status, body := b.migrate(c.body)
				require.Equal(t, 400, status, body)
				require.Contains(t, body, c.has)
			})
		}
		require.Empty(t, b.migrations(""))
		app := *b
		app.caller.Developer = ""
		status, body := app.migrate(map[string]string{"name": "a", "sql": "select 1"})
		require.Equal(t, 401, status, body)
	})
}

// TestMigrationsOfOtherTools makes the table as Supabase's command line does, and lets it read what was applied here.
func TestMigrationsOfOtherTools(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		if !b.project.Shared {
			status, body := b.query("drop schema supabase_migrations")
			require.Equal(t, 200, status, body)
			status, body = b.query("create schema if not exists supabase_migrations")
			require.Equal(t, 200, status, body)
		}
		status, body := b.query(fmt.Sprintf(`create table if not exists %[1]s (version text not null primary key);
			alter table %[1]s add column if not exists statements text[]; alter table %[1]s add column if not exists name text;
			insert into %[1]s (version, name, statements) values ('20200101000000', 'first', '{select 1}'), ('20200102000000', null, null)`, b.ledger()))
		require.Equal(t, 200, status, body)
		list := b.migrations("")
		require.Len(t, list, 2)
		require.Equal(t, migration{Version: "20200101000000", Name: "first", Statements: []string{"select 1"}}, list[1])
		require.Equal(t, migration{Version: "20200102000000", Statements: []string{}}, list[0])

		status, body = b.migrate(map[string]string{"name": "ours", "sql": "select 2"})
		require.Equal(t, 200, status, body)
		_, body = b.query(fmt.Sprintf("insert into %[1]s(version, name, statements) values ('20990101000000', 'theirs', '{}'); select version, name, statements[1] from %[1]s order by version", b.ledger()))
		require.Contains(t, body, `"ours","select 2"`)
		require.Len(t, b.migrations(""), 4)
	})
}

func TestMigrationsComeOneByOne(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		const many = 6
		var wait sync.WaitGroup
		statuses := make([]int, many)
		for i := range many {
			wait.Add(1)
			go func() {
				defer wait.Done()
				body := fmt.Sprintf(`{"name":"m%d","sql":"create table t%d (id int); select pg_sleep(0.01)"}`, i, i)
				statuses[i], _ = b.call(t.Context(), "POST", "/migrations", body)
			}()
		}
		wait.Wait()
		for _, status := range statuses {
			require.Equal(t, 200, status)
		}
		seen := map[string]bool{}
		for _, m := range b.migrations("") {
			seen[m.Version] = true
		}
		require.Len(t, seen, many)

		holder, err := pgx.Connect(t.Context(), b.ownerURL())
		require.NoError(t, err)
		defer func() { _ = holder.Close(t.Context()) }()
		tx, err := holder.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), "lock table "+b.ledger()+" in share row exclusive mode")
		require.NoError(t, err)
		status, body := b.migrate(map[string]string{"name": "waits", "sql": "select 1"})
		require.Equal(t, 400, status)
		require.Contains(t, body, "MIGRATION_RUNNING")
		require.Len(t, b.migrations(""), many, "they can be read meanwhile")
	})
}

// TestMigrationWaitsForLocksALittle: what waits for an exclusive lock holds up every reader after it.
func TestMigrationWaitsForLocksALittle(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		status, body := b.query("create table busy (id int primary key)")
		require.Equal(t, 200, status, body)
		holder, err := pgx.Connect(t.Context(), b.ownerURL())
		require.NoError(t, err)
		defer func() { _ = holder.Close(t.Context()) }()
		tx, err := holder.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), "lock table "+pg.Ident(b.project.Schema("public"), "busy")+" in access exclusive mode")
		require.NoError(t, err)

		var wait sync.WaitGroup
		wait.Go(func() { // both wait at once
			status, body := b.call(t.Context(), "POST", "/import", `{"schema":"public","table":"busy","columns":["id"],"rows":[["1"]],"keep_good":true}`)
			assert.Equal(t, 400, status, body)
			assert.Contains(t, body, `"code":"55P03"`)
			assert.Contains(t, body, "None of these rows was imported.")
		})
		status, body = b.migrate(map[string]string{"name": "waits", "sql": "create table other (id int);\nalter table busy add body text"})
		require.Equal(t, 400, status, body)
		require.Contains(t, body, `"code":"55P03","message":"Another session holds a lock`)
		require.Contains(t, body, "Nothing was done.")
		wait.Wait()
		require.Empty(t, b.migrations(""))
		_, body = b.migrate(map[string]string{"name": "says", "sql": "set local lock_timeout = '1ms'; alter table busy add body text"})
		require.Contains(t, body, `"code":"55P03"`, "the SQL may say how long")

		require.NoError(t, tx.Rollback(t.Context()))
		status, body = b.migrate(map[string]string{"name": "waits", "sql": "create table other (id int); alter table busy add body text"})
		require.Equal(t, 200, status, body)
	})
}
