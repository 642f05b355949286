package controlplane

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"regexp"
	"sort"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/pg"
	"github.com/wayli-app/fluxbase/migrations"
)

// migrateLock is the advisory lock under which one process at a time migrates.
const migrateLock = 0x666c7578 // "flux"

var migrationName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)

// Migrate brings the control database to the newest version: River's tables and ours, each migration once and in order. It
// may run in several processes at once; one works and the others wait.
func Migrate(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	pool, err := pgxpool.New(ctx, cfg.DatabaseURL.Reveal())
	if err != nil {
		return fmt.Errorf("control database: %w", err)
	}
	defer pool.Close()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to the control database: %w", err)
	}
	defer conn.Release()
	var version int
	if err := conn.QueryRow(ctx, "select current_setting('server_version_num')::int / 10000").Scan(&version); err != nil {
		return fmt.Errorf("ask for Postgres' version: %w", err)
	}
	if version < pg.MinVersion {
		return fmt.Errorf("the control database is PostgreSQL %d; Fluxbase needs %d or newer", version, pg.MinVersion)
	}
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", migrateLock); err != nil {
		return fmt.Errorf("wait for the migration lock: %w", err)
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", migrateLock) }()
	if err := migrateOwn(ctx, conn.Conn(), log); err != nil {
		return err
	}
	river, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("prepare the job tables: %w", err)
	}
	if _, err := river.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the job tables: %w", err)
	}
	return nil
}

func migrateOwn(ctx context.Context, conn *pgx.Conn, log *slog.Logger) error {
	files, err := fs.Glob(migrations.Controlplane, "controlplane/*.sql")
	if err != nil {
		return err
	}
	sort.Strings(files)
	const ledger = `create table if not exists schema_migration (
		version int primary key, name text not null, applied_at timestamptz not null default now())`
	if _, err := conn.Exec(ctx, ledger); err != nil {
		return fmt.Errorf("make the migration ledger: %w", err)
	}
	var at, newest int
	if err := conn.QueryRow(ctx, "select coalesce(max(version), 0) from schema_migration").Scan(&at); err != nil {
		return fmt.Errorf("read the migration ledger: %w", err)
	}
	for _, file := range files {
		name := path.Base(file)
		match := migrationName.FindStringSubmatch(name)
		if match == nil {
			return fmt.Errorf("migration %s is not named 0001_name.sql", name)
		}
		version, _ := strconv.Atoi(match[1])
		newest = max(newest, version)
		if version <= at {
			continue
		}
		if err := applyMigration(ctx, conn, file, version); err != nil {
			return err
		}
		log.Info("migrated the control database", "migration", name)
	}
	if at > newest {
		return fmt.Errorf("the control database is at migration %d and this binary knows only %d: run a newer Fluxbase", at, newest)
	}
	return nil
}

func applyMigration(ctx context.Context, conn *pgx.Conn, file string, version int) error {
	sql, err := fs.ReadFile(migrations.Controlplane, file)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "set local lock_timeout = '10s'"); err != nil {
			return err
		}
		// Without arguments the whole file goes as one simple query, so it may hold many statements.
		if _, err := tx.Conn().PgConn().Exec(ctx, string(sql)).ReadAll(); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "insert into schema_migration (version, name) values ($1, $2)", version, path.Base(file))
		return err
	})
	if err != nil {
		return fmt.Errorf("migration %s: %w", path.Base(file), err)
	}
	return nil
}
