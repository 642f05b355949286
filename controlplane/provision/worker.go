package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/layout"
)

// step is one part of a job. Its deed is safe twice.
type step struct {
	name string
	do   func(context.Context, *run) error
}

// plan returns the steps of a job for a project as it is now; none when the job has become needless.
type plan func(store.Project) []step

// run is one attempt at a job. It holds the project's lock, and all it writes goes through the connection that does.
type run struct {
	project store.Project
	names   layout.Names
	conn    *pgxpool.Conn
}

func (r *run) queries() *store.Queries { return store.New(r.conn) }

type worker[A river.JobArgs] struct {
	river.WorkerDefaults[A]
	p       *Provisioner
	job     string
	timeout time.Duration
	plan    plan
	project func(A) uuid.UUID
}

func add[A river.JobArgs](to *river.Workers, p *Provisioner, job string, timeout time.Duration, plan plan, project func(A) uuid.UUID) {
	river.AddWorker(to, &worker[A]{p: p, job: job, timeout: timeout, plan: plan, project: project})
}

// Timeout bounds one attempt.
func (w *worker[A]) Timeout(*river.Job[A]) time.Duration { return w.timeout }

// NextRetry says when an attempt that ended in a defect (a panic, the control database away) is made again.
func (w *worker[A]) NextRetry(job *river.Job[A]) time.Time {
	return time.Now().Add(backoff(job.Attempt - 1))
}

var delays = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute}

func backoff(tries int) time.Duration { return delays[max(0, min(tries, len(delays)-1))] }

// Work runs the steps of a job, beginning after the last one that is recorded as done.
func (w *worker[A]) Work(ctx context.Context, job *river.Job[A]) error {
	id := w.project(job.Args)
	conn, locked, err := w.p.lock(ctx, id)
	if err != nil {
		return err
	}
	if !locked { // another job of this project is at work
		if err := river.MetadataSet(ctx, waitsKey, history(job.Metadata).Waits+1); err != nil {
			return fmt.Errorf("note that the job waited: %w", err)
		}
		return river.JobSnooze(time.Second)
	}
	defer release(ctx, conn, id)
	row, err := store.New(conn).GetProject(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return river.JobCancel(fmt.Errorf("project %s does not exist", id))
	}
	if err != nil {
		return fmt.Errorf("read project: %w", err)
	}
	steps := w.plan(row)
	if len(steps) == 0 {
		return nil
	}
	r := &run{project: row, names: layout.Of(row.Ref, row.Isolation == "schema"), conn: conn}
	tries := history(job.Metadata).tries()
	if err := w.p.listSteps(ctx, r, w.job, steps, job.Attempt == 1 && tries == 0); err != nil {
		return err
	}
	for _, s := range steps {
		river.ResumableStep(ctx, s.name, nil, func(ctx context.Context) error {
			err := w.p.take(ctx, r, w.job, s)
			if err == nil {
				return nil
			}
			return w.p.settle(ctx, r, w.job, s.name, tries+job.Attempt-1, err)
		})
	}
	return nil
}

// waitsKey is where a job's metadata says how often it waited for another job of its project.
const waitsKey = "fluxbase_waits"

// past is what a job's metadata tells of its earlier attempts.
type past struct {
	// Snoozes is how often River has put the job off, Waits how often of these another job of the project was at work.
	Snoozes int
	Waits   int `json:"fluxbase_waits"`
}

func history(metadata []byte) past {
	var p past
	_ = json.Unmarshal(metadata, &p) // River wrote it
	return p
}

// tries is how often a step failed and was put off: who only waited has not tried.
func (p past) tries() int { return max(0, p.Snoozes-p.Waits) }

// lock takes the project's advisory lock on a connection of its own. The lock ends with the process.
func (p *Provisioner) lock(ctx context.Context, project uuid.UUID) (*pgxpool.Conn, bool, error) {
	conn, err := p.Pool.Acquire(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("acquire connection: %w", err)
	}
	var locked bool
	err = conn.QueryRow(ctx, "select pg_try_advisory_lock(hashtextextended('fluxbase/project/' || $1::text, 0))", project.String()).Scan(&locked)
	if err != nil || !locked {
		conn.Release()
		if err != nil {
			err = fmt.Errorf("lock project: %w", err)
		}
		return nil, false, err
	}
	return conn, true, nil
}

func release(ctx context.Context, conn *pgxpool.Conn, project uuid.UUID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err := conn.Exec(ctx, "select pg_advisory_unlock(hashtextextended('fluxbase/project/' || $1::text, 0))", project.String())
	if err != nil { // never give a connection back with the lock on it
		_ = conn.Conn().Close(ctx)
	}
	conn.Release()
}

// listSteps writes the steps of a job, so that they can be shown before they begin.
func (p *Provisioner) listSteps(ctx context.Context, r *run, job string, steps []step, anew bool) error {
	names := make([]string, len(steps))
	for i, s := range steps {
		names[i] = s.name
	}
	return pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
		q := store.New(tx)
		if anew {
			if err := q.ForgetSteps(ctx, store.ForgetStepsParams{ProjectID: r.project.ID, Job: job}); err != nil {
				return fmt.Errorf("forget old steps: %w", err)
			}
		}
		if err := q.AddSteps(ctx, store.AddStepsParams{ProjectID: r.project.ID, Job: job, Names: names}); err != nil {
			return fmt.Errorf("write steps: %w", err)
		}
		return nil
	})
}

// take does one step. Its start also records the end of the one before.
func (p *Provisioner) take(ctx context.Context, r *run, job string, s step) error {
	if err := r.queries().StartStep(ctx, store.StartStepParams{ProjectID: r.project.ID, Job: job, Name: s.name}); err != nil {
		return fmt.Errorf("start step: %w", err)
	}
	if err := s.do(ctx, r); err != nil {
		return err
	}
	p.Stepped(job, s.name)
	return nil
}

// settle records a failed step and says what becomes of the job: it waits and tries again, or it is given up and the
// project has failed.
func (p *Provisioner) settle(ctx context.Context, r *run, job, step string, tries int, cause error) error {
	if ctx.Err() != nil { // shutting down, or out of time: the next attempt goes on from here
		return river.JobSnooze(time.Second)
	}
	known := classify(cause)
	// A project that lacks a migration or a setting is not broken. And nobody can retry the platform project by hand: without
	// it nobody can sign in.
	permanent := known.permanent(tries) && job != project.JobMigrate && job != jobSettings && r.project.Ref != id.PlatformRef
	log := p.Log.With("project", r.project.Ref, "job", job, "step", step, "tries", tries, "error", cause)
	status := "retrying"
	if permanent {
		status = "failed"
	}
	message := known.message
	err := pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
		q := store.New(tx)
		if err := q.FailStep(ctx, store.FailStepParams{ProjectID: r.project.ID, Job: job, Name: step, Status: status, Message: message}); err != nil {
			return err
		}
		if !permanent {
			return nil
		}
		_, err := q.SetStatusIf(ctx, store.SetStatusIfParams{ID: r.project.ID, Status: "failed", FailureMessage: message, Was: []string{r.project.Status}})
		return err
	})
	if err != nil {
		return fmt.Errorf("record failed step (%w): %w", cause, err)
	}
	if permanent {
		log.ErrorContext(ctx, "a step of a project failed for good")
		return river.JobCancel(fault.New(known.kind, known.reason, "%s", message))
	}
	wait := backoff(tries)
	log.WarnContext(ctx, "a step of a project failed and is tried again", "wait", wait)
	return river.JobSnooze(wait)
}
