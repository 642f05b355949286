package store

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

type txKey struct{}

// InTx runs fn in a transaction and commits when it returns nil. When the context already carries a transaction (that of
// an idempotent request), fn joins it behind a savepoint, so that all of the request commits at once or not at all. The
// context given to fn carries the transaction on.
func InTx(ctx context.Context, pool *pgxpool.Pool, fn func(context.Context, pgx.Tx) error) error {
	run := func(tx pgx.Tx) error { return fn(context.WithValue(ctx, txKey{}, tx), tx) }
	if outer, ok := ctx.Value(txKey{}).(pgx.Tx); ok {
		return pgx.BeginFunc(ctx, outer, run)
	}
	return pgx.BeginFunc(ctx, pool, run)
}

// Read returns queries on the transaction that the context carries, or else on the pool.
func Read(ctx context.Context, pool *pgxpool.Pool) *Queries {
	if tx, ok := ctx.Value(txKey{}).(pgx.Tx); ok {
		return New(tx)
	}
	return New(pool)
}
