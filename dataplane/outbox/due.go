package outbox

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

//go:embed sql/add_at.sql
var addItemAt string

//go:embed sql/next.sql
var nextItem string

// AddAt is Add of an item that is due at a time: it is handled then or soon after, and Item.Created is that time. What should not happen any
// more by then, the handler must see for itself.
func (q *Queue) AddAt(ctx context.Context, tx Tx, ref, schema, kind string, payload any, at time.Time) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	encoded, err := json.Marshal(payload)
	if err != nil {
		return uuid.Nil, fmt.Errorf("encode for the outbox: %w", err)
	}
	if _, err := tx.Exec(ctx, addItemAt, id, kind, encoded, at); err != nil {
		return uuid.Nil, fmt.Errorf("write to the outbox: %w", err)
	}
	tx.BeforeCommit(func(ctx context.Context) error { q.Announce(ctx, ref, schema, at); return nil })
	if at.Before(q.covered(time.Now())) { // the sweep comes later than that
		tx.AfterCommit(func(context.Context) { q.deliver(waiting{deliverArgs{ref, schema, id}, at}) })
	}
	q.metrics.added.Inc()
	return id, nil
}

// Announce sees to a sweep of an outbox soon after a time, for items that SQL of the project's database writes: in a transaction that begins
// within the request that announces. As with Add, it holds up a request for a moment only, and fails none.
func (q *Queue) Announce(ctx context.Context, ref, schema string, at time.Time) {
	b := box{ref, schema}
	if !at.After(q.covered(time.Now())) {
		q.announceSweep(ctx, b)
		return
	}
	key := dueKey{b, dueMinute(at).Unix()}
	if q.announcedDue.Contains(key) {
		return
	}
	if q.tryAnnounce(ctx, b, q.sweepDue(b, at)) {
		q.announcedDue.Add(key, struct{}{})
	}
}

// Deliver queues an item at once that SQL of the project's database has written, in a transaction that was announced. Where there is none of that
// id, nothing happens.
func (q *Queue) Deliver(ref, schema string, id uuid.UUID) {
	q.deliver(waiting{deliverArgs: deliverArgs{ref, schema, id}})
}

// covered is when the sweep runs that follows whatever begins now.
func (q *Queue) covered(now time.Time) time.Time {
	return now.Truncate(time.Minute).Add(time.Minute + q.deps.Grace)
}

// dueKey is a minute for which a sweep of an outbox was announced.
type dueKey struct {
	box    box
	minute int64
}

// dueMinute is the first full minute at which everything is due that is due at a time.
func dueMinute(at time.Time) time.Time {
	return at.Add(time.Minute - 1).Truncate(time.Minute)
}

// Sweeps of due items come some seconds after the minute, not all projects' at once.
const dueSpread = 20 * time.Second

// sweepDue is the sweep of what is due at a time; those of a minute are one.
func (q *Queue) sweepDue(b box, at time.Time) river.InsertManyParams {
	minute := dueMinute(at)
	return sweep(b, minute.Unix()+3, minute.Add(spread(b.ref, dueSpread))) // +3: none of the other sweeps
}

// spread is a project's own share of a time.
func spread(ref string, over time.Duration) time.Duration {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(ref))
	return time.Duration(sum.Sum64() % uint64(over))
}

// nextLook is how often an outbox that holds something for much later is looked at: SQL that nobody announced may have written to it.
const nextLook = 24 * time.Hour

// untilNext asks how long it takes until something becomes due; false when nothing waits.
func (q *Queue) untilNext(ctx context.Context, session *projectdb.Session, b box) (wait time.Duration, found bool, err error) {
	err = q.ask(ctx, session, b.schema, func(tx pgx.Tx) error {
		var seconds float64
		err := tx.QueryRow(ctx, nextItem).Scan(&seconds)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		// The bound comes first: a project's owner may write a time in the year 200,000.
		found, wait = err == nil, time.Duration(min(seconds, nextLook.Seconds())*float64(time.Second))
		return err
	})
	return wait, found, err
}

// comeWhenDue queues the sweep of what becomes due next.
func (q *Queue) comeWhenDue(ctx context.Context, session *projectdb.Session, job *river.Job[sweepArgs], b box) error {
	wait, found, err := q.untilNext(ctx, session, b)
	if err != nil {
		q.deps.Log.WarnContext(ctx, "an outbox cannot be swept; it is tried again", "ref", b.ref, "schema", b.schema, "error", err)
		return river.JobSnooze(jitter(time.Minute))
	}
	if !found {
		return nil
	}
	at := time.Now().Add(wait)
	if wait >= nextLook { // at the project's own time of day, where all sweeps that find nothing for now meet in one
		at = at.Truncate(nextLook).Add(spread(b.ref, nextLook))
		wait = time.Until(at)
	}
	return q.follow(ctx, job, q.sweepDue(b, at), max(wait, time.Minute))
}
