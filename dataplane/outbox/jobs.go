package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
	"golang.org/x/sync/errgroup"
)

// The queues of River.
const (
	queueDeliver = "outbox_deliver"
	queueSweep   = "outbox_sweep"
)

// deliverArgs asks to handle one item. Arguments of jobs are names and ids only.
type deliverArgs struct {
	Ref    string    `json:"ref"`
	Schema string    `json:"schema"`
	ID     uuid.UUID `json:"id"`
}

// Kind names the job.
func (deliverArgs) Kind() string { return "outbox_deliver" }

// sweepArgs asks to queue what an outbox holds.
type sweepArgs struct {
	Ref    string `json:"ref"`
	Schema string `json:"schema"`
	// At tells sweeps apart: the Unix time that one is for.
	At int64 `json:"at"`
}

// Kind names the job.
func (sweepArgs) Kind() string { return "outbox_sweep" }

// unfinished are the states in which a job of the same arguments is not queued again.
var unfinished = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
}

func (q *Queue) delivery(args deliverArgs) river.InsertManyParams {
	return river.InsertManyParams{Args: args, InsertOpts: &river.InsertOpts{
		Queue: queueDeliver, MaxAttempts: maxTries, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished},
	}}
}

// sweepFor is the sweep after all transactions that began in a minute.
func (q *Queue) sweepFor(b box, minute time.Time) river.InsertManyParams {
	return sweep(b, minute.Unix(), minute.Add(time.Minute+q.deps.Grace))
}

// sweepAt is a sweep at a time; those within ten seconds are one.
func (q *Queue) sweepAt(b box, at time.Time) river.InsertManyParams {
	// One more than a multiple of ten: no minute begins there, so that it is not one of sweepFor.
	return sweep(b, at.Truncate(10*time.Second).Unix()+1, at)
}

func sweep(b box, at int64, scheduled time.Time) river.InsertManyParams {
	return river.InsertManyParams{Args: sweepArgs{b.ref, b.schema, at}, InsertOpts: &river.InsertOpts{
		Queue: queueSweep, MaxAttempts: 25, ScheduledAt: scheduled, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished},
	}}
}

func (q *Queue) newClient() (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &deliverer{queue: q})
	river.AddWorker(workers, &sweeper{queue: q})
	client, err := river.NewClient(riverpgxv5.New(q.pool), &river.Config{
		Logger: slog.New(quiet{q.deps.Log.Handler()}), Workers: workers,
		// Jobs that are queued within the cooldown of a notification wait for the poll.
		FetchCooldown: 2 * time.Millisecond, FetchPollInterval: 500 * time.Millisecond,
		JobTimeout: jobTimeout, RescueStuckJobsAfter: rescueAfter, SoftStopTimeout: q.deps.Drain,
		CompletedJobRetentionPeriod: time.Hour, CancelledJobRetentionPeriod: time.Hour, DiscardedJobRetentionPeriod: 24 * time.Hour,
		Queues: map[string]river.QueueConfig{queueDeliver: {MaxWorkers: q.deps.Workers}, queueSweep: {MaxWorkers: 4}},
	})
	if err != nil {
		return nil, fmt.Errorf("prepare jobs: %w", err)
	}
	return client, nil
}

// Run carries out what is in the outboxes until ctx ends, and lets what is being handled come to its end. While the jobs' database is down
// it waits for it.
func (q *Queue) Run(ctx context.Context) error {
	defer q.pool.Close()
	// What requests leave until the very end is queued too.
	enqueuing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group errgroup.Group
	group.Go(func() error { q.enqueue(enqueuing); return nil })
	err := q.work(ctx)
	stop()
	return errors.Join(err, group.Wait())
}

// work prepares the jobs' database, carries jobs out and drains.
func (q *Queue) work(ctx context.Context) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, maxProbe) {
		err := Migrate(ctx, q.deps.URL)
		if err == nil {
			err = q.client.Start(context.WithoutCancel(ctx))
		}
		if err == nil {
			q.started.Store(true)
			break
		}
		if ctx.Err() == nil {
			q.deps.Log.ErrorContext(ctx, "jobs cannot be carried out yet; trying again", "error", err, "in", wait.String())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
	<-ctx.Done()
	close(q.crowd.closed)
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.deps.Drain+max(q.deps.Drain/2, time.Second))
	defer cancel()
	if err := q.client.Stop(draining); err != nil {
		return fmt.Errorf("stop jobs: %w", err)
	}
	return nil
}

// quiet lets only warnings and errors of the job engine through.
type quiet struct{ slog.Handler }

// Enabled tells whether a line of this level is written.
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// WithAttrs keeps the handler quiet.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup keeps the handler quiet.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
