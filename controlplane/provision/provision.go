// Package provision carries projects out: River workers that make, pause, resume, migrate and remove what a project has on its
// cluster and in the object store. Each job is a row of steps, each safe to run twice, so that a crash anywhere resumes.
package provision

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/seal"
)

const (
	// concurrency is how many jobs one control plane works at once.
	concurrency = 4
	// fetchCooldown is the least time between two fetches of jobs.
	fetchCooldown = 10 * time.Millisecond
	// rescueEvery is how often each control plane looks for jobs whose process died.
	rescueEvery = time.Second
	// reconcileEvery is how often what is wanted is compared with what is.
	reconcileEvery = 15 * time.Second
)

// Clusters connects to the servers that hold projects, as their admin.
type Clusters interface {
	Admin(ctx context.Context, cluster uuid.UUID) (*layout.Cluster, error)
}

// Keys makes the keys that each project starts with, once.
type Keys interface {
	EnsureDefaults(ctx context.Context, tx pgx.Tx, project uuid.UUID) error
}

// Buckets makes and removes projects' buckets. Both are safe twice. Create fails with fault.Exists when the bucket is
// someone else's.
type Buckets interface {
	Create(ctx context.Context, name string) error
	Remove(ctx context.Context, name string) error
}

// Deps is what the provisioner needs.
type Deps struct {
	Pool         *pgxpool.Pool
	Sealer       *seal.Sealer
	Clusters     Clusters
	Keys         Keys
	Buckets      Buckets
	BucketPrefix string
	Log          *slog.Logger
	// Now defaults to time.Now.
	Now func() time.Time
	// Stepped, if set, is called when a step has done its deed and before that is recorded. Tests die there.
	Stepped func(job, step string)
}

// Provisioner works the jobs of projects.
type Provisioner struct{ Deps }

// New makes a provisioner.
func New(d Deps) (*Provisioner, error) {
	if d.Pool == nil || d.Sealer == nil || d.Clusters == nil || d.Keys == nil || d.Buckets == nil || d.Log == nil {
		return nil, errors.New("provision: a dependency is missing")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Stepped == nil {
		d.Stepped = func(string, string) {}
	}
	return &Provisioner{d}, nil
}

// Configure adds the workers, their queue and the periodic reconciliation to the configuration of a River client. A job
// whose process died is picked up again by Run; River's own rescuer, by age, is the last resort.
func (p *Provisioner) Configure(c *river.Config) {
	if c.Workers == nil {
		c.Workers = river.NewWorkers()
	}
	if c.Queues == nil {
		c.Queues = map[string]river.QueueConfig{}
	}
	c.Queues[project.QueueProvision] = river.QueueConfig{
		MaxWorkers: concurrency, FetchCooldown: fetchCooldown, FetchPollInterval: 500 * time.Millisecond,
	}
	if c.FetchCooldown == 0 { // it is also the time within which River tells of one new job and not of the next
		c.FetchCooldown = fetchCooldown
	}
	add(c.Workers, p, project.JobProvision, 10*time.Minute, p.provisionPlan, func(a project.ProvisionArgs) uuid.UUID { return a.ProjectID })
	add(c.Workers, p, project.JobPause, time.Minute, p.pausePlan, func(a project.PauseArgs) uuid.UUID { return a.ProjectID })
	add(c.Workers, p, project.JobResume, 10*time.Minute, p.resumePlan, func(a project.ResumeArgs) uuid.UUID { return a.ProjectID })
	add(c.Workers, p, project.JobDelete, time.Minute, p.deletePlan, func(a project.DeleteArgs) uuid.UUID { return a.ProjectID })
	add(c.Workers, p, project.JobPurge, 30*time.Minute, p.purgePlan, func(a project.PurgeArgs) uuid.UUID { return a.ProjectID })
	add(c.Workers, p, project.JobMigrate, 30*time.Minute, p.migratePlan, func(a project.MigrateArgs) uuid.UUID { return a.ProjectID })
	add(c.Workers, p, jobSettings, time.Minute, p.settingsPlan, func(a project.SettingsArgs) uuid.UUID { return a.ProjectID })
	river.AddWorker(c.Workers, &reconciler{p: p})
	c.PeriodicJobs = append(c.PeriodicJobs, river.NewPeriodicJob(river.PeriodicInterval(reconcileEvery),
		func() (river.JobArgs, *river.InsertOpts) {
			return project.ReconcileArgs{}, &river.InsertOpts{Queue: project.QueueProvision, MaxAttempts: 1}
		}, &river.PeriodicJobOpts{RunOnStart: true}))
}

//go:embed rescue.sql
var rescueSQL string

// Run picks up, within seconds, the jobs of processes that died, until ctx ends. Every control plane runs it.
func (p *Provisioner) Run(ctx context.Context) error {
	tick := time.NewTicker(rescueEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		tag, err := p.Pool.Exec(ctx, rescueSQL)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			p.Log.WarnContext(ctx, "cannot look for jobs of dead processes", "error", err)
		case tag.RowsAffected() > 0:
			p.Log.InfoContext(ctx, "picked up jobs of a process that died", "jobs", tag.RowsAffected())
		}
	}
}

// Progress is how far the newest project migration has come.
type Progress struct {
	Version              int
	Total, Done, Failing int
}

// Progress tells how many projects have the newest migration.
func (p *Provisioner) Progress(ctx context.Context) (Progress, error) {
	row, err := store.New(p.Pool).MigrationProgress(ctx, int32(layout.Version()))
	if err != nil {
		return Progress{}, fmt.Errorf("count migrated projects: %w", err)
	}
	return Progress{Version: layout.Version(), Total: int(row.Total), Done: int(row.Done), Failing: int(row.Failing)}, nil
}
