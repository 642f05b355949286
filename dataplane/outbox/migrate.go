package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/wayli-app/fluxbase/internal/pg"
)

// migrateLock is the advisory lock under which one process at a time migrates.
const migrateLock = 0x6a6f6273 // "jobs"

// Migrate brings the jobs' database to the newest version. It may run in several processes at once; one works and the others wait.
func Migrate(ctx context.Context, url string) error {
	options, err := pgxpool.ParseConfig(url)
	if err != nil {
		return errors.New("FLUXBASE_JOBS_URL is no address of a database") // the cause may hold the password
	}
	options.MaxConns = 2
	options.ConnConfig.ConnectTimeout = insertWait
	pool, err := pgxpool.NewWithConfig(ctx, options)
	if err != nil {
		return fmt.Errorf("jobs database: %w", err)
	}
	defer pool.Close()
	conn, err := pool.Acquire(ctx)
	if pg.Code(err) == pgerrcode.InvalidCatalogName {
		return fmt.Errorf("the jobs database %q does not exist: create it, empty, and give its address in FLUXBASE_JOBS_URL", options.ConnConfig.Database)
	}
	if err != nil {
		return fmt.Errorf("connect to the jobs database: %w", err)
	}
	defer conn.Release()
	var version int
	var control bool
	const ask = `select current_setting('server_version_num')::int / 10000, to_regclass('schema_migration') is not null and to_regclass('project') is not null`
	if err := conn.QueryRow(ctx, ask).Scan(&version, &control); err != nil {
		return fmt.Errorf("ask the jobs database what it is: %w", err)
	}
	switch {
	case version < pg.MinVersion:
		return fmt.Errorf("the jobs database is PostgreSQL %d; Fluxbase needs %d or newer", version, pg.MinVersion)
	case control:
		return errors.New("FLUXBASE_JOBS_URL names the control database: workers need a database of their own for their jobs")
	}
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", migrateLock); err != nil {
		return fmt.Errorf("wait for the migration lock: %w", err)
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", migrateLock) }()
	river, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("prepare the job tables: %w", err)
	}
	if _, err := river.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the job tables: %w", err)
	}
	return nil
}
