package projectdb

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/pg"
)

// TestPlainWritesLeaveNoSequenceBehind: a plain write is not cleaned up after, but what it took from a sequence is nothing that the
// next request's code may learn.
func TestPlainWritesLeaveNoSequenceBehind(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		p := newProject(t, shared)
		d := newDoor(t, Deps{MaxConnections: 1})
		ownerSQL(t, d, p, `create table orders (id bigserial primary key, body text); grant all on orders to {anon}; grant usage on sequence orders_id_seq to {anon}`)
		ctx := context.Background()
		insert := func() {
			s := anon(d, p)
			require.NoError(t, s.Query(ctx, Options{SearchPath: []string{"public"}}, Statement{SQL: `insert into orders (body) values ('x')`, Plain: true}, nil))
		}
		const last = "select lastval()::text"
		insert()
		pid, err := one(ctx, anon(d, p), Options{ReadOnly: true}, "select pg_backend_pid()::text")
		require.NoError(t, err)
		for name, read := range map[string]func() error{
			"a read":  func() error { _, err := one(ctx, anon(d, p), Options{ReadOnly: true}, last); return err },
			"a write": func() error { _, err := one(ctx, anon(d, p), Options{}, last); return err },
			"a transaction": func() error {
				return anon(d, p).InTx(ctx, Options{}, func(tx pgx.Tx) error {
					var out string
					return tx.QueryRow(ctx, last).Scan(&out)
				})
			},
		} {
			insert()
			insert()
			require.Equal(t, "55000", pg.Code(read()), name)
		}
		insert()
		again, err := one(ctx, anon(d, p), Options{ReadOnly: true}, "select pg_backend_pid()::text")
		require.NoError(t, err)
		require.Equal(t, pid, again, "it is the same session all along")
		count, err := one(ctx, anon(d, p), Options{ReadOnly: true}, "select count(*)::text from orders")
		require.NoError(t, err)
		require.Equal(t, "8", count)
	})
}
