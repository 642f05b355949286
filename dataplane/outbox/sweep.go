package outbox

import (
	"context"
	_ "embed" // the statements
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

//go:embed sql/due.sql
var dueItems string

//go:embed sql/kinds.sql
var kindsOfItems string

//go:embed sql/forget.sql
var forgetFailed string

// sweeper queues what an outbox holds.
type sweeper struct {
	river.WorkerDefaults[sweepArgs]
	queue *Queue
}

// How long until an outbox is swept again.
const (
	againMost   = 10 * time.Minute
	againPaused = 15 * time.Minute
)

// Work queues each item that is due, and itself for later while there are any: soon for those that are not done yet, else for when the next one is
// due.
func (s *sweeper) Work(ctx context.Context, job *river.Job[sweepArgs]) error {
	q, b := s.queue, box{job.Args.Ref, job.Args.Schema}
	session, err := q.session(ctx, b.ref)
	switch {
	case errors.Is(err, errGone):
		return nil
	case errors.Is(err, errPaused):
		return q.again(ctx, job, againPaused)
	case err != nil:
		return river.JobSnooze(jitter(30 * time.Second))
	}
	left, oldest, err := q.queueDue(ctx, session, b)
	if err != nil {
		q.deps.Log.WarnContext(ctx, "an outbox cannot be swept; it is tried again", "ref", b.ref, "schema", b.schema, "error", err)
		return river.JobSnooze(jitter(time.Minute))
	}
	if left == 0 {
		return q.comeWhenDue(ctx, session, job, b)
	}
	q.metrics.swept.Add(float64(left))
	return q.again(ctx, job, min(max(time.Since(oldest)/4, q.deps.Again), againMost))
}

// again queues the next sweep. All sweeps of an outbox that find something meet in one.
func (q *Queue) again(ctx context.Context, job *river.Job[sweepArgs], wait time.Duration) error {
	at := time.Now().Add(wait).Truncate(q.deps.Again).Add(q.deps.Again)
	next := sweep(box{job.Args.Ref, job.Args.Schema}, at.Unix()+2, at) // +2: neither sweepFor's nor sweepAt's
	return q.follow(ctx, job, next, wait)
}

// follow queues the sweep that follows one.
func (q *Queue) follow(ctx context.Context, job *river.Job[sweepArgs], next river.InsertManyParams, wait time.Duration) error {
	queued, err := q.client.InsertMany(ctx, []river.InsertManyParams{next})
	if err != nil || queued[0].UniqueSkippedAsDuplicate && queued[0].Job.ID == job.ID {
		// Also when the clocks of workers differ so much that the next one would be this one: it must not end then.
		return river.JobSnooze(jitter(wait))
	}
	return nil
}

// What a sweep queues at most of each kind; the next one goes on when the oldest are done. Many items of one kind hold up no other.
const (
	page    = 500
	maxPage = 4
)

// queueDue queues the items that are due and neither done nor given up, oldest first, unless they are queued, and tells how many there are.
func (q *Queue) queueDue(ctx context.Context, session *projectdb.Session, b box) (count int, oldest time.Time, err error) {
	var kinds []string
	err = q.ask(ctx, session, b.schema, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, forgetFailed); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, kindsOfItems)
		if err == nil {
			kinds, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		return err
	})
	for _, kind := range kinds {
		n, first, kindErr := q.queueKind(ctx, session, b, kind)
		if count += n; n > 0 && (oldest.IsZero() || first.Before(oldest)) {
			oldest = first
		}
		if err = kindErr; err != nil {
			break
		}
	}
	return count, oldest, err
}

// queueKind is queueDue of one kind.
func (q *Queue) queueKind(ctx context.Context, session *projectdb.Session, b box, kind string) (count int, oldest time.Time, err error) {
	after, last := time.Unix(0, 0), uuid.Nil
	for {
		var jobs []river.InsertManyParams
		err := q.ask(ctx, session, b.schema, func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, dueItems, after, last, page, kind)
			if err != nil {
				return err
			}
			_, err = pgx.ForEachRow(rows, []any{&last, &after}, func() error {
				if oldest.IsZero() {
					oldest = after
				}
				jobs = append(jobs, q.delivery(deliverArgs{b.ref, b.schema, last}))
				return nil
			})
			return err
		})
		if err == nil {
			err = q.insert(ctx, jobs...)
		}
		if err != nil {
			return count, oldest, err
		}
		if count += len(jobs); len(jobs) < page || count >= maxPage*page {
			return count, oldest, nil
		}
	}
}
