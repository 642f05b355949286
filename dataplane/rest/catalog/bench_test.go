package catalog_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// large makes a thousand tables of ten columns, with foreign keys, policies and comments, and views and functions besides.
func large(t testing.TB, s *projectdb.Session) {
	t.Helper()
	for from := 0; from < 1000; from += 100 {
		var sql strings.Builder
		for i := from; i < from+100; i++ {
			fmt.Fprintf(&sql, `create table t%[1]d (id bigint generated always as identity primary key, owner uuid not null, parent bigint references t%[2]d,
				hub bigint references t0, name varchar(%[3]d) default 'none', amount numeric(10,2) check (amount >= 0), tags text[], extra jsonb default '{}',
				state boolean not null default false, created_at timestamptz default now());
				alter table t%[1]d enable row level security; create policy own on t%[1]d using (owner = (select auth.uid())) with check (owner = auth.uid());
				comment on table t%[1]d is 'Things number %[1]d';`, i, max(i-1, 0), i%50+1)
			if i%10 == 0 {
				fmt.Fprintf(&sql, `create view v%[1]d as select t.id, t.name, t.parent, h.name as hub_name from t%[1]d t left join t0 h on h.id = t.hub;
					create function f%[1]d(a int, b text default 'x') returns setof t%[1]d language sql stable as 'select * from t%[1]d where id = a';
					create function c%[1]d(t%[1]d) returns text language sql stable as 'select $1.name';`, i)
			}
		}
		owner(t, s, sql.String())
	}
}

func BenchmarkLoad1000(b *testing.B) {
	ctx := context.Background()
	p, err := directory.FromSnapshot(testkit.Project(b, false))
	require.NoError(b, err)
	door := projectdb.New(projectdb.Deps{Log: testkit.Logger(b), MaxConnections: 8})
	b.Cleanup(func() { require.NoError(b, door.Close(context.Background())) })
	s := door.Bind(p, projectdb.Caller{Role: "anon", Developer: "test"})
	large(b, s)
	load := func(previous *catalog.Catalog) *catalog.Catalog {
		c, err := catalog.Reload(ctx, s, exposed(s), previous)
		require.NoError(b, err)
		return c
	}
	c := load(nil)
	require.Len(b, c.Schemas["public"].Relations, 1100)
	floor := func() time.Duration {
		start := time.Now()
		require.NoError(b, s.Query(ctx, projectdb.Options{ReadOnly: true}, projectdb.Statement{Plain: true, SQL: `select a.attrelid, a.attnum, a.attname, a.atttypid,
			a.atttypmod, a.attnotnull from pg_attribute a join pg_class c on c.oid = a.attrelid where c.relnamespace = 'public'::regnamespace and a.attnum > 0
			and c.relkind in ('r', 'v') order by 1, 2`}, func(rows pgx.Rows) error {
			for rows.Next() {
				_ = rows.RawValues()
			}
			return rows.Err()
		}))
		return time.Since(start)
	}
	b.Run("whole", func(b *testing.B) {
		var bare time.Duration
		b.ReportAllocs()
		for b.Loop() {
			load(nil)
			b.StopTimer()
			bare += floor()
			b.StartTimer()
		}
		b.ReportMetric(float64(b.Elapsed())/float64(bare), "times-the-floor")
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			c = load(c)
		}
	})
	b.Run("one-table-changed", func(b *testing.B) {
		n := 0
		for b.Loop() {
			b.StopTimer()
			n++
			owner(b, s, fmt.Sprintf("alter table t500 add column if not exists c%d int; alter table t500 drop column if exists c%d", n, n-1))
			b.StartTimer()
			c = load(c)
		}
		require.NotNil(b, c.Schemas["public"].Relations["t500"].Column(fmt.Sprintf("c%d", n)))
	})
	b.Run("heap", func(b *testing.B) {
		var before, after runtime.MemStats
		kept := make([]*catalog.Catalog, 0, 16)
		runtime.GC()
		runtime.ReadMemStats(&before)
		for b.Loop() {
			kept = append(kept, load(nil))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(kept))/1024, "KiB/catalog")
		runtime.KeepAlive(kept)
	})
}
