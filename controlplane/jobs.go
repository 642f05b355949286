package controlplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/wayli-app/fluxbase/controlplane/directory"
	"github.com/wayli-app/fluxbase/controlplane/idempotency"
	"github.com/wayli-app/fluxbase/controlplane/metric"
	"github.com/wayli-app/fluxbase/controlplane/organization"
	"github.com/wayli-app/fluxbase/controlplane/snippet"
)

// newJobs makes the River client. Workers may be added until it starts. A job is fetched milliseconds after its transaction
// commits, as the commit notifies the client.
func (s *Server) newJobs(workers *river.Workers) (*river.Client[pgx.Tx], error) {
	config := &river.Config{
		Logger:          slog.New(quiet{s.deps.Log.Handler()}),
		Workers:         workers,
		FetchCooldown:   10 * time.Millisecond,
		SoftStopTimeout: s.cfg.DrainTimeout,
		Queues: map[string]river.QueueConfig{
			organization.QueueControl: {MaxWorkers: 4},
		},
		PeriodicJobs: []*river.PeriodicJob{
			river.NewPeriodicJob(river.PeriodicInterval(time.Hour), func() (river.JobArgs, *river.InsertOpts) {
				return sweepArgs{}, &river.InsertOpts{Queue: organization.QueueControl, MaxAttempts: 3}
			}, &river.PeriodicJobOpts{ID: "sweep"}),
		},
	}
	s.provisioner.Configure(config)
	s.measures.Configure(config)
	client, err := river.NewClient(riverpgxv5.New(s.pool), config)
	if err != nil {
		return nil, fmt.Errorf("prepare jobs: %w", err)
	}
	return client, nil
}

// addWorkers registers what carries jobs out.
func (s *Server) addWorkers(workers *river.Workers) {
	river.AddWorker(workers, &organization.InvitationMailer{Service: s.organizations, Mail: s.deps.Mail})
	river.AddWorker(workers, s.sweeper())
}

// sweeper makes what forgets.
func (s *Server) sweeper() *sweeper {
	return &sweeper{repeats: s.repeats, organizations: s.organizations, snippets: s.snippets, usage: s.directory, measures: s.measures,
		usageRetention: s.cfg.Controlplane.UsageRetention, log: s.deps.Log}
}

// work carries jobs out until ctx ends, and lets those that run come to their end.
func (s *Server) work(ctx context.Context) error {
	if err := s.jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start jobs: %w", err)
	}
	<-ctx.Done()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainTimeout+5*time.Second)
	defer cancel()
	if err := s.jobs.Stop(drain); err != nil {
		return fmt.Errorf("stop jobs: %w", err)
	}
	return nil
}

// sweepArgs asks to forget what is kept for a time only.
type sweepArgs struct{}

// Kind names the job.
func (sweepArgs) Kind() string { return "control_sweep" }

type sweeper struct {
	river.WorkerDefaults[sweepArgs]
	repeats       *idempotency.Keys
	organizations *organization.Service
	snippets      *snippet.Service
	usage         *directory.Directory
	measures      *metric.Service
	// usageRetention is how long usage by the minute, and what was measured, is kept.
	usageRetention time.Duration
	log            *slog.Logger
}

// Timeout leaves time for the first sweep of an installation that kept usage for long.
func (w *sweeper) Timeout(*river.Job[sweepArgs]) time.Duration { return 15 * time.Minute }

// Work forgets idempotency keys of yesterday, invitations that expired long ago, snippets deleted before yesterday, old usage by the minute and old
// measures.
func (w *sweeper) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	keys, keysErr := w.repeats.Sweep(ctx)
	invitations, invitationsErr := w.organizations.SweepInvitations(ctx)
	snippets, snippetsErr := w.snippets.Sweep(ctx)
	minutes, usageErr := w.usage.SweepUsage(ctx, time.Now().Add(-w.usageRetention))
	measures, measuresErr := w.measures.Sweep(ctx, time.Now().Add(-w.usageRetention))
	if keys+invitations+snippets+minutes+measures > 0 {
		w.log.InfoContext(ctx, "swept the control database", "idempotency_keys", keys, "invitations", invitations, "snippets", snippets, "usage_minutes", minutes, "measures", measures)
	}
	return errors.Join(keysErr, invitationsErr, snippetsErr, usageErr, measuresErr)
}

// quiet is a log handler that lets only warnings and errors of the job engine through.
type quiet struct{ slog.Handler }

// Enabled tells whether a line of this level is written.
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// WithAttrs keeps the handler quiet.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup keeps the handler quiet.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
