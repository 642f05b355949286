package outbox

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

//go:embed sql/take.sql
var takeItem string

//go:embed sql/done.sql
var itemDone string

//go:embed sql/failed.sql
var itemFailed string

// errPaused says that the project is not served now, errGone that it never will be again.
var (
	errPaused = errors.New("outbox: the project is not served now")
	errGone   = errors.New("outbox: there is no such project")
)

// session finds a project that is served.
func (q *Queue) session(ctx context.Context, ref string) (*projectdb.Session, error) {
	p, err := q.deps.Projects.ByRef(ctx, ref)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		return nil, errGone
	case err != nil:
		return nil, err
	case p.Status == directory.Deleted:
		return nil, errGone
	case p.Status != directory.Active:
		return nil, errPaused
	}
	return q.deps.Binder.Bind(p, projectdb.Caller{Role: "service_role"}), nil
}

// deliverer handles one item.
type deliverer struct {
	river.WorkerDefaults[deliverArgs]
	queue *Queue
}

// NextRetry waits for longer from try to try: up to ten minutes at first, and later for a tenth of the time since the first try, up to an hour.
func (d *deliverer) NextRetry(job *river.Job[deliverArgs]) time.Time {
	now := time.Now()
	most := min(max(now.Sub(job.CreatedAt)/10, 10*time.Minute), time.Hour)
	return now.Add(jitter(min(d.queue.deps.Retry<<min(max(job.Attempt-1, 0), 16), most)))
}

func jitter(wait time.Duration) time.Duration {
	return wait + time.Duration(rand.Int64N(int64(wait)/4+1)) //nolint:gosec // to spread, not to hide
}

// Work takes the item, lets its service handle it, and writes down how that ended. Items of projects that are paused or whose database does
// not answer are left to the sweep.
func (d *deliverer) Work(ctx context.Context, job *river.Job[deliverArgs]) error {
	q, args := d.queue, job.Args
	handler := q.handlers[args.Schema]
	if handler == nil { // a newer worker queued it
		return river.JobSnooze(jitter(time.Minute))
	}
	session, err := q.session(ctx, args.Ref)
	switch {
	case errors.Is(err, errGone), errors.Is(err, errPaused):
		return nil
	case err != nil:
		return river.JobSnooze(jitter(30 * time.Second))
	}
	if !q.crowd.enter(ctx, args.Ref) {
		return river.JobSnooze(jitter(min(time.Second<<min(snoozes(job.JobRow), 4), 15*time.Second)))
	}
	defer q.crowd.leave(args.Ref)
	item, err := q.take(ctx, session, args)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil // done or given up
	case err != nil:
		q.deps.Log.WarnContext(ctx, "an outbox cannot be read", "ref", args.Ref, "schema", args.Schema, "error", err)
		return errors.New("the project's database does not answer")
	}
	if item.Payload == nil {
		return q.settle(ctx, session, args, item, Refuse(nil, "It is too large."))
	}
	return q.settle(ctx, session, args, item, handler.Handle(ctx, session, item))
}

// snoozes is how often a job was put off.
func snoozes(job *rivertype.JobRow) (n int) {
	var kept struct {
		Snoozes int `json:"snoozes"`
	}
	_ = json.Unmarshal(job.Metadata, &kept)
	return max(kept.Snoozes, 0)
}

// ask uses a project's database, a few at once: the budget of connections is for requests first.
func (q *Queue) ask(ctx context.Context, session *projectdb.Session, schema string, fn func(pgx.Tx) error) error {
	select {
	case q.asking <- struct{}{}:
		defer func() { <-q.asking }()
		return session.InService(ctx, schema, fn)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *Queue) take(ctx context.Context, session *projectdb.Session, args deliverArgs) (Item, error) {
	item := Item{ID: args.ID}
	err := q.ask(ctx, session, args.Schema, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, takeItem, args.ID).Scan(&item.Kind, &item.Payload, &item.Created, &item.Attempts)
	})
	return item, err
}

// settle writes down how an item ended. What River keeps of an error are its words, which hold nothing of the item.
func (q *Queue) settle(ctx context.Context, session *projectdb.Session, args deliverArgs, item Item, outcome error) error {
	// The outcome is written down even when the worker stops or the job's time is up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	log := q.deps.Log.With("ref", args.Ref, "schema", args.Schema, "kind", item.Kind, "id", item.ID)
	if outcome == nil {
		q.metrics.handled.WithLabelValues(args.Schema, "done").Inc()
		// It happened already: what is not written down happens again.
		err := persist(ctx, func() error { return q.exec(ctx, session, args.Schema, itemDone, item.ID) })
		if err != nil {
			log.WarnContext(ctx, "what was done could not be taken out of the outbox; it is done again", "error", err)
			return errors.New("the project's database does not answer")
		}
		return nil
	}
	failed, result, level, said := failure(outcome), "retried", slog.LevelInfo, "an item of an outbox was not done"
	switch {
	case failed.Permanent:
		result = "failed"
	case time.Since(item.Created) > giveUp || item.Attempts >= maxTries:
		q.metrics.givenUp.WithLabelValues(args.Schema).Inc()
		result, level, said = "failed", slog.LevelWarn, "an item of an outbox is given up: it was tried for too long"
		failed = Refuse(outcome, "It was tried for too long. Last: "+failed.Words)
	}
	q.metrics.handled.WithLabelValues(args.Schema, result).Inc()
	log.Log(ctx, level, said, "result", result, "words", failed.Words, "attempt", item.Attempts+1)
	log.DebugContext(ctx, "the cause", "error", outcome)
	err := persist(ctx, func() error {
		return q.exec(ctx, session, args.Schema, itemFailed, item.ID, failed.Words, failed.Permanent)
	})
	if err != nil {
		log.WarnContext(ctx, "a failure could not be written to the outbox", "error", err)
	}
	if failed.Permanent && err == nil {
		return nil
	}
	return errors.New(failed.Words) //nolint:err113 // for River, which keeps its text
}

// persist tries three times.
func persist(ctx context.Context, do func() error) (err error) {
	for try := range 3 {
		if err = do(); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(try+1) * 200 * time.Millisecond):
		}
	}
	return err
}

func (q *Queue) exec(ctx context.Context, session *projectdb.Session, schema, sql string, id uuid.UUID, args ...any) error {
	return q.ask(ctx, session, schema, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql, append([]any{id}, args...)...)
		return err
	})
}
