package layout

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/internal/pg"
)

// sizeBatch is how many projects are measured by one statement, so that what was measured is not lost when time runs out.
const sizeBatch = 100

// Connections tells how many sessions each project of the cluster has, by ref. Those that have none are left out.
func (c *Cluster) Connections(ctx context.Context) (map[string]int64, error) {
	rows, err := c.admin.Query(ctx, `
		select left(usename, 20), count(*) from pg_stat_activity
		where usename ~ '^[a-z]{20}_(authenticator|admin|storage|owner)$' group by 1`)
	if err != nil {
		return nil, fmt.Errorf("count connections: %w", err)
	}
	return collect(rows)
}

// Sizes tells how many bytes projects take, by ref: of a project with a database of its own all of that, of others their tables with indexes.
// Those that are gone, or that the admin login may not measure, are left out. What was measured is told even with an error.
func (c *Cluster) Sizes(ctx context.Context, projects []Names) (map[string]int64, error) {
	var own, shared []string
	for _, n := range projects {
		if n.shared {
			shared = append(shared, n.ref)
		} else {
			own = append(own, n.ref)
		}
	}
	out := map[string]int64{}
	ownErr := inBatches(own, out, func(refs []string) (pgx.Rows, error) {
		return c.admin.Query(ctx, `
			select datname::text, pg_database_size(oid) from pg_database
			where datname = any($1) and (has_database_privilege(oid, 'connect') or pg_has_role('pg_read_all_stats', 'usage'))`, refs)
	})
	if len(shared) == 0 {
		return out, ownErr
	}
	sharedErr := c.inShared(ctx, func(conn *pgx.Conn) error {
		for _, ref := range shared {
			if err := sizeOfSchemas(ctx, conn, ref, out); err != nil {
				return err
			}
		}
		return nil
	})
	return out, errors.Join(ownErr, sharedErr)
}

// sizeOfSchemas measures one project alone: its owner may lock its tables, or make very many, and keeps none but their own from being measured.
func sizeOfSchemas(ctx context.Context, conn *pgx.Conn, ref string, out map[string]int64) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "set local lock_timeout = '100ms'; set local statement_timeout = '3s'"); err != nil {
			return err
		}
		var size *int64
		err := tx.QueryRow(ctx, `
			select sum(pg_total_relation_size(c.oid))::bigint from pg_namespace n join pg_class c on c.relnamespace = n.oid
			where n.nspname = any($1) and c.relkind in ('r', 'm', 'S')`, schemasOf(ref)).Scan(&size)
		if err == nil && size != nil {
			out[ref] = *size
		}
		return err
	})
	switch pg.Code(err) {
	case pgerrcode.LockNotAvailable, pgerrcode.QueryCanceled:
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("measure %s: %w", ref, err)
	}
	return nil
}

func schemasOf(ref string) []string {
	out := make([]string, len(sharedSchemas))
	for i, name := range sharedSchemas {
		out[i] = Of(ref, true).Schema(name)
	}
	return out
}

func inBatches(refs []string, out map[string]int64, query func(refs []string) (pgx.Rows, error)) error {
	for batch := range slices.Chunk(refs, sizeBatch) {
		rows, err := query(batch)
		if err != nil {
			return fmt.Errorf("measure projects: %w", err)
		}
		sizes, err := collect(rows)
		if err != nil {
			return fmt.Errorf("measure projects: %w", err)
		}
		for ref, size := range sizes {
			out[ref] = size
		}
	}
	return nil
}

// collect reads rows of a ref and a number; null is left out.
func collect(rows pgx.Rows) (map[string]int64, error) {
	out := map[string]int64{}
	var ref string
	var n *int64
	_, err := pgx.ForEachRow(rows, []any{&ref, &n}, func() error {
		if n != nil {
			out[ref] = *n
		}
		return nil
	})
	return out, err
}
