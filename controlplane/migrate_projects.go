package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/layout"
)

// MigrateProjects queues a job for each project that lacks the newest project migration; control planes carry them out. With
// wait it writes progress to out until every project has it.
func MigrateProjects(ctx context.Context, cfg config.Config, wait bool, out io.Writer) error {
	pool, err := pgxpool.New(ctx, cfg.DatabaseURL.Reveal())
	if err != nil {
		return errors.New("FLUXBASE_DATABASE_URL is not a postgres:// URL")
	}
	defer pool.Close()
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
	if err != nil {
		return fmt.Errorf("prepare jobs: %w", err)
	}
	// The reconciliation finds them, once for each project however often it is asked.
	if _, err := jobs.Insert(ctx, project.ReconcileArgs{}, &river.InsertOpts{Queue: project.QueueProvision, MaxAttempts: 3}); err != nil {
		return fmt.Errorf("queue the migration of projects: %w", err)
	}
	shown := ""
	for {
		at, err := store.New(pool).MigrationProgress(ctx, int32(layout.Version()))
		if err != nil {
			return fmt.Errorf("count migrated projects: %w", err)
		}
		line := fmt.Sprintf("%d of %d projects are at version %d; %d are failing.", at.Done, at.Total, layout.Version(), at.Failing)
		if line != shown {
			if _, err := fmt.Fprintln(out, line); err != nil {
				return err
			}
			shown = line
		}
		if !wait || at.Done >= at.Total {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
