package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/migrations"
)

func TestWhatCommitsIsHandledOnce(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		got := make(chan outbox.Item, 10)
		q := b.queue(func(_ context.Context, item outbox.Item) error { got <- item; return nil })
		b.run(q)
		require.Error(t, b.in(func(tx *tx) error {
			_, err := q.Add(t.Context(), tx, b.project.Ref, "auth", "test", map[string]any{"text": "rolled back"})
			require.NoError(t, err)
			return errors.New("the request fails")
		}))
		id := b.add(q, "one")
		item := <-got
		require.Equal(t, id, item.ID)
		require.Equal(t, "test", item.Kind)
		require.Equal(t, "one", textOf(t, item))
		require.Zero(t, item.Attempts)
		require.WithinDuration(t, time.Now(), item.Created, time.Minute)
		b.eventually(func() bool { return len(b.rows()) == 0 }, "it is taken out of the outbox")
		require.Empty(t, got)
		jobs := strings.Join(b.sql("select args::text || coalesce(metadata::text, '') || coalesce(errors::text, '') from river_job"), " ")
		require.Contains(t, jobs, id.String())
		require.NotContains(t, jobs, "c0de", "the jobs' database holds ids only")
		require.NotContains(t, jobs, "text")
	})
}

func TestASweepFindsWhatADeadWorkerLeft(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		require.NoError(t, outbox.Migrate(t.Context(), b.jobs))
		// This worker's queue never runs: it dies between the commit and the queuing of the item.
		dead := b.queue(nil)
		b.add(dead, "one")
		b.add(dead, "two")
		require.Equal(t, []string{"outbox_sweep"}, b.sql("select kind from river_job"), "one sweep for a minute's items, queued before the commit")
		after := b.sql("select 'ok' from river_job where scheduled_at >= date_trunc('minute', created_at) + interval '61 seconds'")
		require.Len(t, after, 1, "every transaction of the minute has ended by then")

		got := make(chan string, 10)
		b.run(b.queue(func(_ context.Context, item outbox.Item) error { got <- textOf(t, item); return nil }))
		b.hurry()
		both := []string{<-got, <-got}
		slices.Sort(both)
		require.Equal(t, []string{"one", "two"}, both)
		b.eventually(func() bool { return len(b.rows()) == 0 }, "both are taken out")
	})
}

func TestASweepComesAgainWhileSomethingIsLeft(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	var down atomic.Bool
	down.Store(true)
	got := make(chan string, 10)
	q := b.queue(func(_ context.Context, item outbox.Item) error {
		if down.Load() {
			return outbox.Retry(nil, "The mail server is down.")
		}
		got <- textOf(t, item)
		return nil
	}, silent, func(d *outbox.Deps) { d.Retry = time.Hour })
	b.run(q)
	b.add(q, "one")
	b.eventually(func() bool { return b.rows()[0].LastError == "The mail server is down." }, "developers read why")
	require.Contains(t, b.hurry(), "outbox_sweep")
	b.eventually(func() bool {
		return len(b.sql("select 'x' from river_job where kind = 'outbox_sweep' and state in ('scheduled', 'available')")) == 1
	}, "the sweep found something, and comes again")
	down.Store(false)
	// The job of the item is gone for some reason: the sweep makes another.
	b.sql("delete from river_job where kind = 'outbox_deliver' returning kind")
	b.hurry()
	require.Equal(t, "one", <-got)
	b.eventually(func() bool {
		b.hurry()
		return len(b.sql("select 'x' from river_job where state not in ('completed', 'cancelled')")) == 0
	}, "an outbox that is empty costs nothing")
}

func TestRequestsGoOnWithoutTheJobsDatabase(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		p := b.behindProxy()
		got := make(chan string, 10)
		q := b.queue(func(_ context.Context, item outbox.Item) error { got <- textOf(t, item); return nil }, silent,
			func(d *outbox.Deps) { d.URL = p.through(b.jobs) })
		b.run(q)
		began := time.Now()
		b.add(q, "one")
		b.add(q, "two")
		require.Less(t, time.Since(began), 5*time.Second)
		require.Len(t, b.rows(), 2)
		require.Empty(t, got)
		p.up()
		both := []string{<-got, <-got}
		slices.Sort(both)
		require.Equal(t, []string{"one", "two"}, both)

		p.down()
		b.add(q, "three")
		p.up()
		require.Equal(t, "three", <-got, "and again")
	})
}

// journal is the memory that workers share.
type journal struct {
	mu    sync.Mutex
	boxes map[string]bool
	asked chan struct{}
}

func (j *journal) Remember(_ context.Context, names []string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, n := range names {
		j.boxes[n] = true
	}
	select {
	case j.asked <- struct{}{}:
	default:
	}
	return nil
}

func (j *journal) Recall(context.Context) (out []string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for n := range j.boxes {
		out = append(out, n)
	}
	return out, nil
}

func (j *journal) Forget(_ context.Context, names []string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, n := range names {
		delete(j.boxes, n)
	}
	return nil
}

func TestAnotherWorkerTakesOverWhatWasBehind(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	p := b.behindProxy() // down for good
	kept := &journal{boxes: map[string]bool{}, asked: make(chan struct{}, 1)}
	with := func(d *outbox.Deps) { d.Journal = kept }
	dying := b.queue(nil, silent, with, func(d *outbox.Deps) { d.URL = p.through(b.jobs) })
	stop := b.run(dying)
	b.add(dying, "one")
	<-kept.asked
	stop()
	got := make(chan string, 1)
	b.run(b.queue(func(_ context.Context, item outbox.Item) error { got <- textOf(t, item); return nil }, with))
	require.Equal(t, "one", <-got)
	b.eventually(func() bool { left, _ := kept.Recall(t.Context()); return len(left) == 0 }, "and forgets it")
}

func TestTwoWorkersHandleNothingTwice(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	var mu sync.Mutex
	seen, total := map[string]int{}, 0
	count := func(_ context.Context, item outbox.Item) error {
		mu.Lock()
		defer mu.Unlock()
		seen[textOf(t, item)]++
		total++
		return nil
	}
	one, two := b.queue(count), b.queue(count)
	b.run(one)
	b.run(two)
	const items = 60
	for i := range items {
		q := one
		if i%2 == 1 {
			q = two
		}
		b.add(q, fmt.Sprint(i))
		if i%20 == 10 {
			b.hurry() // sweeps in the middle of it
		}
	}
	b.eventually(func() bool { return len(b.rows()) == 0 }, "all are done")
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, seen, items)
	require.Equal(t, items, total)
}

func TestTriesAndFailures(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		tried := make(chan string, 100)
		var unsteady atomic.Int32
		q := b.queue(func(_ context.Context, item outbox.Item) error {
			text := textOf(t, item)
			tried <- text
			switch text {
			case "refused":
				return outbox.Refuse(errors.New("550 ada@example.com"), "The mail server refused the recipient.")
			case "unsteady":
				if unsteady.Add(1) < 3 {
					return errors.New("with ada@example.com in it")
				}
			}
			return nil
		}, silent)
		b.run(q)
		b.add(q, "refused")
		require.Equal(t, "refused", <-tried)
		b.eventually(func() bool { return b.rows()[0].Failed }, "it is given up")
		require.Equal(t, []row{{Text: "refused", LastError: "The mail server refused the recipient.", Failed: true, Attempts: 1}}, b.rows(),
			"with the reason, and without what opens an account")

		b.add(q, "unsteady")
		for range 3 {
			require.Equal(t, "unsteady", <-tried)
		}
		b.eventually(func() bool { return len(b.rows()) == 1 }, "the third try succeeds")
		b.hurry() // a sweep
		b.eventually(func() bool {
			return len(b.sql("select 'x' from river_job where kind = 'outbox_sweep' and state = 'completed'")) > 0
		}, "it is swept")
		require.Empty(t, tried, "what was given up is not tried again")
		require.NotContains(t, strings.Join(b.sql("select coalesce(errors::text, '') from river_job"), ""), "ada@", "nor is what it holds kept with the jobs")
	})
}

func TestProjectsThatAreNotServed(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	got := make(chan string, 10)
	q := b.queue(func(_ context.Context, item outbox.Item) error { got <- textOf(t, item); return nil }, silent)
	b.known.set(directory.Paused, nil)
	stop := b.run(q)
	b.add(q, "paused")
	settled := func(kind string) func() bool {
		return func() bool {
			b.hurry()
			return len(b.sql("select 'x' from river_job where kind = '"+kind+"' and state = 'completed'")) > 0
		}
	}
	b.eventually(settled("outbox_deliver"), "the job of the item ends")
	b.eventually(settled("outbox_sweep"), "so does the sweep")
	require.Empty(t, got)
	require.Len(t, b.rows(), 1)

	b.known.set(directory.Active, nil)
	b.eventually(func() bool { b.hurry(); return len(got) == 1 }, "it is handled when the project is served again")
	stop()

	b.known.set(directory.Deleted, nil)
	q = b.queue(func(_ context.Context, item outbox.Item) error { got <- textOf(t, item); return nil }, silent)
	b.run(q)
	b.sql("delete from river_job returning kind")
	b.add(q, "deleted")
	b.eventually(func() bool {
		b.hurry()
		return len(b.sql("select 'x' from river_job where state not in ('completed', 'cancelled')")) == 0
	}, "nothing is left to be done for a project that is gone")
	require.Len(t, got, 1)
}

func TestRowsThatTheProjectsOwnerWrote(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		got := make(chan string, 10)
		q := b.queue(func(_ context.Context, item outbox.Item) error { got <- textOf(t, item); return nil }, silent)
		b.run(q)
		require.NoError(t, b.in(func(tx *tx) error {
			_, err := tx.Exec(t.Context(), `insert into outbox (id, kind, payload, created_at) values
				(gen_random_uuid(), 'test', jsonb_build_object('text', repeat('x', 30000000)), now()),
				(gen_random_uuid(), 'test', '{"text":"of no time"}', 'infinity'), (gen_random_uuid(), 'test', '{"text":"before all time"}', '-infinity')`)
			return err
		}))
		b.add(q, "true")
		require.Equal(t, "true", <-got)
		b.hurry() // a sweep, which finds the others
		b.eventually(func() bool {
			rows := b.rows()
			return slices.ContainsFunc(rows, func(r row) bool { return r.Failed && r.LastError == "It is too large." })
		}, "what is too large is not even read")
		require.Empty(t, got)
	})
}

func TestOneProjectDoesNotTakeAllWorkers(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	var now, most atomic.Int32
	entered, release := make(chan struct{}, 20), make(chan struct{})
	q := b.queue(func(context.Context, outbox.Item) error {
		n := now.Add(1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		entered <- struct{}{}
		<-release
		now.Add(-1)
		return nil
	}, silent, func(d *outbox.Deps) { d.Workers, d.PerProject = 3, 2 })
	b.run(q)
	for i := range 6 {
		b.add(q, fmt.Sprint(i))
	}
	<-entered
	<-entered
	b.eventually(func() bool {
		return len(b.sql("select 'x' from river_job where kind = 'outbox_deliver' and state in ('scheduled', 'available')")) >= 3
	}, "the others are put off")
	close(release)
	b.eventually(func() bool { b.hurry(); return len(b.rows()) == 0 }, "all are done in the end")
	require.LessOrEqual(t, most.Load(), int32(2))
}

func TestWhatIsBeingHandledComesToItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	began, end := make(chan struct{}), make(chan struct{})
	q := b.queue(func(ctx context.Context, _ outbox.Item) error {
		close(began)
		<-end
		return ctx.Err()
	})
	stop := b.run(q)
	b.add(q, "one")
	<-began
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	b.add(q, "left in the last moment")
	close(end)
	<-stopped
	left := b.rows()
	require.Len(t, left, 1)
	require.Equal(t, "left in the last moment", left[0].Text)
	require.NotEmpty(t, b.sql("select 'x' from river_job where state in ('available', 'scheduled')"), "and is known to other workers")
}

func TestMigrateRefusesOtherDatabases(t *testing.T) {
	t.Parallel()
	control := testkit.Database(t, migrations.Controlplane).Config().ConnString()
	conn, err := pgx.Connect(t.Context(), control)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "create table if not exists schema_migration (version int)")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	require.ErrorContains(t, outbox.Migrate(t.Context(), control), "FLUXBASE_JOBS_URL names the control database")

	missing, err := url.Parse(control)
	require.NoError(t, err)
	missing.Path = "/nothing_of_the_name"
	require.ErrorContains(t, outbox.Migrate(t.Context(), missing.String()), `the jobs database "nothing_of_the_name" does not exist`)
	require.ErrorContains(t, outbox.Migrate(t.Context(), "postgres://u:hunter2@[broken"), "no address")
	_, err = outbox.New(outbox.Deps{URL: "postgres://u:hunter2@[broken"})
	require.ErrorContains(t, err, "FLUXBASE_JOBS_URL")
	require.NotContains(t, err.Error(), "hunter2")
}
