package outbox

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"
)

// behind are outboxes that the jobs do not know of.
type behind struct {
	mu sync.Mutex
	// boxes tells of each whether the journal has it.
	boxes map[box]bool
	wake  chan struct{}
}

func newBehind() *behind { return &behind{boxes: map[box]bool{}, wake: make(chan struct{}, 1)} }

// add reports whether there was room.
func (b *behind) add(x box) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, there := b.boxes[x]; there {
		return true
	}
	if len(b.boxes) >= maxBehind {
		return false
	}
	b.boxes[x] = false
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return true
}

func (b *behind) all() []box {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.boxes))
}

// fresh are those that the journal does not have.
func (b *behind) fresh() (out []box) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for x, kept := range b.boxes {
		if !kept {
			out = append(out, x)
		}
	}
	return out
}

// kept marks those that the journal has.
func (b *behind) kept(boxes []box) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range boxes {
		if _, there := b.boxes[x]; there {
			b.boxes[x] = true
		}
	}
}

func (b *behind) remove(done []box) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range done {
		delete(b.boxes, x)
	}
}

func (b *behind) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.boxes)
}

func (x box) String() string { return x.schema + " " + x.ref }

func parseBox(s string) (box, bool) {
	schema, ref, ok := strings.Cut(s, " ")
	return box{ref, schema}, ok
}

// insert queues jobs, those that are queued already excepted.
func (q *Queue) insert(ctx context.Context, jobs ...river.InsertManyParams) error {
	if len(jobs) == 0 {
		return nil
	}
	_, err := q.client.InsertMany(ctx, jobs)
	return err
}

// leastProbe is how long it waits first until it asks again whether the jobs' database is back.
const leastProbe = 250 * time.Millisecond

// enqueue queues items as their transactions commit, many at once, and outboxes that are behind, until ctx ends; then what still waits.
func (q *Queue) enqueue(ctx context.Context) {
	q.recall(ctx)
	wait, asked := leastProbe, time.Now()
	for {
		var probe <-chan time.Time
		if q.down.Load() || q.behind.count() > 0 {
			probe = time.After(time.Until(asked.Add(wait)))
		}
		select {
		case <-ctx.Done():
			q.flush(ctx)
			return
		case first := <-q.waiting:
			q.insertWaiting(ctx, first)
		case <-q.behind.wake:
			if q.down.Load() || !q.catchUp(ctx) {
				q.remember(ctx)
			}
		case <-probe:
			if q.catchUp(ctx) {
				wait = leastProbe
			} else {
				q.remember(ctx)
				wait = min(2*wait, maxProbe)
			}
			asked = time.Now()
		}
	}
}

// insertWaiting queues an item and all that wait with it. What cannot be queued is left to a sweep.
func (q *Queue) insertWaiting(ctx context.Context, first waiting) {
	batch := []waiting{first}
	for more := true; more && len(batch) < maxInsert; {
		select {
		case next := <-q.waiting:
			batch = append(batch, next)
		default:
			more = false
		}
	}
	jobs := make([]river.InsertManyParams, len(batch))
	for i, item := range batch {
		jobs[i] = q.delivery(item.deliverArgs)
		jobs[i].InsertOpts.ScheduledAt = item.at
	}
	inserting, cancel := context.WithTimeout(context.WithoutCancel(ctx), insertWait)
	defer cancel()
	var err error
	if !q.down.Load() {
		if err = q.insert(inserting, jobs...); err == nil {
			return
		}
		q.wentDown(err)
	}
	for _, item := range batch {
		q.fallBehind(box{item.Ref, item.Schema})
	}
}

// catchUp queues sweeps of the outboxes that are behind: one at once for what has committed, and one for what is about to.
func (q *Queue) catchUp(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), insertWait)
	defer cancel()
	boxes, now := q.behind.all(), time.Now()
	if len(boxes) == 0 {
		if err := q.pool.Ping(ctx); err != nil {
			q.wentDown(err)
			return false
		}
	}
	for len(boxes) > 0 {
		part := boxes[:min(len(boxes), maxInsert/2)]
		boxes = boxes[len(part):]
		jobs := make([]river.InsertManyParams, 0, 2*len(part))
		for _, b := range part {
			jobs = append(jobs, q.sweepAt(b, now), q.sweepFor(b, now.Truncate(time.Minute)))
		}
		if err := q.insert(ctx, jobs...); err != nil {
			q.wentDown(err)
			return false
		}
		q.behind.remove(part)
		q.forget(ctx, part)
	}
	q.cameBack()
	return true
}

// recall takes over what a worker that died had remembered.
func (q *Queue) recall(ctx context.Context) {
	if q.deps.Journal == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, insertWait)
	defer cancel()
	kept, err := q.deps.Journal.Recall(ctx)
	if err != nil {
		q.deps.Log.WarnContext(ctx, "outboxes that are behind cannot be recalled", "error", err)
	}
	for _, s := range kept {
		if b, ok := parseBox(s); ok {
			q.fallBehind(b)
		}
	}
}

func (q *Queue) remember(ctx context.Context) {
	if q.deps.Journal == nil {
		return
	}
	boxes := q.behind.fresh()
	if len(boxes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), insertWait)
	defer cancel()
	if err := q.deps.Journal.Remember(ctx, namesOf(boxes)); err != nil {
		q.deps.Log.WarnContext(ctx, "outboxes that are behind are known to this process only", "error", err)
		return
	}
	q.behind.kept(boxes)
}

func (q *Queue) forget(ctx context.Context, boxes []box) {
	if q.deps.Journal == nil {
		return
	}
	if err := q.deps.Journal.Forget(ctx, namesOf(boxes)); err != nil {
		q.deps.Log.WarnContext(ctx, "outboxes that caught up are swept again later", "error", err)
	}
}

func namesOf(boxes []box) []string {
	out := make([]string, len(boxes))
	for i, b := range boxes {
		out[i] = b.String()
	}
	return out
}

// flush queues what waits at the end.
func (q *Queue) flush(ctx context.Context) {
	for {
		select {
		case first := <-q.waiting:
			q.insertWaiting(ctx, first)
		default:
			if q.behind.count() > 0 && !q.catchUp(ctx) {
				q.remember(ctx)
			}
			return
		}
	}
}
