package provision

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/layout"
)

//go:embed busy.sql
var busySQL string

// reconciler compares what is wanted of projects with what is, and queues the differences: work whose job was lost, purges
// whose time has come, migrations.
type reconciler struct {
	river.WorkerDefaults[project.ReconcileArgs]
	p *Provisioner
}

// Work queues at most one job for each project that has none.
func (w *reconciler) Work(ctx context.Context, _ *river.Job[project.ReconcileArgs]) error {
	rows, err := w.p.Pool.Query(ctx, busySQL)
	if err != nil {
		return fmt.Errorf("list projects at work: %w", err)
	}
	busy, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("list projects at work: %w", err)
	}
	if busy == nil {
		busy = []uuid.UUID{} // null would match nothing
	}
	found, err := store.New(w.p.Pool).ProjectsToReconcile(ctx, store.ProjectsToReconcileParams{
		Now: w.p.Now(), Version: int32(layout.Version()), Busy: busy,
	})
	if err != nil {
		return fmt.Errorf("list projects to reconcile: %w", err)
	}
	var failed error
	for _, f := range found {
		failed = errors.Join(failed, w.reconcile(ctx, f.ID))
	}
	return failed
}

func (w *reconciler) reconcile(ctx context.Context, id uuid.UUID) error {
	client := river.ClientFromContext[pgx.Tx](ctx)
	return pgx.BeginFunc(ctx, w.p.Pool, func(tx pgx.Tx) error {
		q := store.New(tx)
		row, err := q.LockWholeProject(ctx, id)
		if err != nil {
			return fmt.Errorf("lock project: %w", err)
		}
		desired, status, args := w.next(row)
		if args == nil {
			return nil
		}
		if desired != row.Desired || status != row.Status {
			if err := q.SetIntent(ctx, store.SetIntentParams{ID: id, Desired: desired, Status: status}); err != nil {
				return fmt.Errorf("set intent of %s: %w", row.Ref, err)
			}
		}
		if _, err := client.InsertTx(ctx, tx, args, &river.InsertOpts{Queue: project.QueueProvision}); err != nil {
			return fmt.Errorf("queue %s of %s: %w", args.Kind(), row.Ref, err)
		}
		w.p.Log.InfoContext(ctx, "queued what a project lacks", "project", row.Ref, "job", args.Kind(), "status", row.Status, "desired", row.Desired)
		return nil
	})
}

// next says which job brings a project nearer to what is wanted, and the row that goes with it; a nil job means none.
func (w *reconciler) next(p store.Project) (desired, status string, job river.JobArgs) {
	due := p.Desired == project.WantDeleted && p.PurgeAt != nil && !w.p.Now().Before(*p.PurgeAt)
	switch {
	case p.Status == project.StatusPurged, p.Status == project.StatusFailed && !due:
		return "", "", nil // over, or by hand; but what failed on its way out is purged all the same
	case p.Desired == project.WantPurged, due:
		return project.WantPurged, project.StatusPurging, project.PurgeArgs{ProjectID: p.ID}
	case p.Desired == project.WantDeleted:
		return p.Desired, project.StatusDeleted, project.DeleteArgs{ProjectID: p.ID}
	case p.Status == project.StatusProvisioning:
		return p.Desired, p.Status, project.ProvisionArgs{ProjectID: p.ID}
	case p.Desired == project.WantPaused && p.Status != project.StatusPaused:
		return p.Desired, project.StatusPausing, project.PauseArgs{ProjectID: p.ID}
	case p.Desired == project.WantActive && p.Status != project.StatusActive:
		return p.Desired, project.StatusResuming, project.ResumeArgs{ProjectID: p.ID}
	case int(p.MigrationVersion) < layout.Version():
		return p.Desired, p.Status, project.MigrateArgs{ProjectID: p.ID}
	}
	return "", "", nil
}
