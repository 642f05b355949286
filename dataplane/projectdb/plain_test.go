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

// TestPlainWritesAreTransactions: a plain write has no block around it, and is done whole or not at all.
func TestPlainWritesAreTransactions(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		p := newProject(t, shared)
		d := newDoor(t, Deps{MaxConnections: 1})
		ownerSQL(t, d, p, `create table parents (id int primary key); insert into parents values (1);
			create table orders (id int primary key, late int unique deferrable initially deferred, parent int references parents deferrable initially deferred);
			grant all on orders, parents to {anon}`)
		ctx := context.Background()
		o := Options{SearchPath: []string{"public"}}
		write := func(o Options, hold bool, list ...string) error {
			b := Batch{Hold: hold}
			for _, sql := range list {
				b.Statements = append(b.Statements, Statement{SQL: "insert into orders values " + sql, Plain: true})
			}
			return anon(d, p).Run(ctx, o, b, nil)
		}
		for range 2 { // prepared on the way, and before
			require.NoError(t, write(o, false, "(1, 1, 1)", "(2, 2, null)"))
			for _, hold := range []bool{false, true} {
				require.Equal(t, "23505", pg.Code(write(o, hold, "(3, 3, 1)", "(1, 4, 1)")), "the second refused, hold=%v", hold)
				require.Equal(t, "23505", pg.Code(write(o, hold, "(3, 3, 1)", "(4, 2, 1)")), "at the end, hold=%v", hold)
				require.Equal(t, "23503", pg.Code(write(o, hold, "(3, 3, 7)")), "at the end, hold=%v", hold)
			}
			undone := o
			undone.Rollback = true
			require.NoError(t, write(undone, false, "(3, 3, 1)"))
			refused := &readError{}
			err := anon(d, p).Query(ctx, o, Statement{SQL: "insert into orders values (3, 3, 1) returning 1", Plain: true, Hold: true}, func(pgx.Rows) error { return refused })
			require.ErrorIs(t, err, refused)
			left, err := one(ctx, anon(d, p), Options{ReadOnly: true}, "select string_agg(id::text, ',' order by id) from orders")
			require.NoError(t, err)
			require.Equal(t, "1,2", left)
			role, err := one(ctx, anon(d, p), Options{ReadOnly: true}, "select current_user::text")
			require.NoError(t, err)
			require.Equal(t, p.Role("anon"), role)
			require.NoError(t, anon(d, p).Query(ctx, o, Statement{SQL: "delete from orders"}, nil))
		}
	})
}
