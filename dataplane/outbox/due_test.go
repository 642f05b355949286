package outbox_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, string(line))
	return len(line), nil
}

func (l *lines) containing(word string) (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.text {
		if strings.Contains(line, word) {
			out = append(out, line)
		}
	}
	return out
}

// addAt leaves an item for a time.
func (b *bundle) addAt(q *outbox.Queue, text string, at time.Time) {
	b.t.Helper()
	require.NoError(b.t, outbox.InService(b.t.Context(), b.door.Bind(b.project, projectdb.Caller{}), "auth", func(tx *outbox.ServiceTx) error {
		_, err := q.AddAt(b.t.Context(), tx, b.project.Ref, "auth", "test", map[string]any{"text": text}, at)
		return err
	}))
}

// exec changes the project's outbox behind the queue's back.
func (b *bundle) exec(statement string, args ...any) {
	b.t.Helper()
	require.NoError(b.t, b.door.Bind(b.project, projectdb.Caller{}).InService(b.t.Context(), "auth", func(tx pgx.Tx) error {
		_, err := tx.Exec(b.t.Context(), statement, args...)
		return err
	}))
}

// sweeps are the times, in seconds from now, of the sweeps that wait.
func (b *bundle) sweeps() (out []time.Duration) {
	b.t.Helper()
	for _, s := range b.sql("select (extract(epoch from scheduled_at - now())::bigint || 's') from river_job where kind = 'outbox_sweep' and state in ('scheduled', 'available') order by scheduled_at") {
		d, err := time.ParseDuration(s)
		require.NoError(b.t, err)
		out = append(out, d)
	}
	return out
}

func TestAnItemForLaterIsHandledWhenItIsDue(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		type handled struct {
			item outbox.Item
			at   time.Time
		}
		got := make(chan handled, 10)
		q := b.queue(func(_ context.Context, item outbox.Item) error { got <- handled{item, time.Now()}; return nil })
		b.run(q)
		due := time.Now().Add(2 * time.Second)
		b.addAt(q, "soon", due)
		b.addAt(q, "later", time.Now().Add(time.Hour))
		one := <-got
		require.Equal(t, "soon", textOf(t, one.item))
		require.False(t, one.at.Before(due.Add(-50*time.Millisecond)))
		require.WithinDuration(t, due, one.item.Created, time.Millisecond)
		b.eventually(func() bool { b.hurry(); return len(b.rows()) == 1 }, "it is taken out, and sweeps leave alone what is for later")
		require.Equal(t, "later", b.rows()[0].Text)
		require.Empty(t, got)
		b.exec("update outbox set created_at = now()")
		b.eventually(func() bool { b.hurry(); return len(got) == 1 }, "time goes by")
		require.Equal(t, "later", textOf(t, (<-got).item))
	})
}

func TestAnItemForLaterThatIsRolledBackIsNone(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	require.NoError(t, outbox.Migrate(t.Context(), b.jobs))
	q := b.queue(nil)
	failed := errors.New("the request fails")
	require.ErrorIs(t, outbox.InService(t.Context(), b.door.Bind(b.project, projectdb.Caller{}), "auth", func(tx *outbox.ServiceTx) error {
		_, err := q.AddAt(t.Context(), tx, b.project.Ref, "auth", "test", map[string]any{"text": "x"}, time.Now())
		require.NoError(t, err)
		return failed
	}), failed)
	require.Empty(t, b.rows())
	require.Empty(t, b.sql("select kind from river_job"))
}

func TestASweepForLaterIsQueuedBeforeTheCommit(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		require.NoError(t, outbox.Migrate(t.Context(), b.jobs))
		dead := b.queue(nil) // dies before it queues anything more
		b.addAt(dead, "far", time.Now().Add(time.Hour))
		b.addAt(dead, "near", time.Now().Add(time.Second))
		sweeps := b.sweeps()
		require.Len(t, sweeps, 2)
		require.Less(t, sweeps[0], 3*time.Minute, "what is due soon is found after its minute")
		require.GreaterOrEqual(t, sweeps[1], time.Hour-5*time.Second)
		require.Less(t, sweeps[1], time.Hour+2*time.Minute)

		b.exec("update outbox set created_at = now()")
		got := make(chan string, 10)
		b.run(b.queue(func(_ context.Context, item outbox.Item) error { got <- textOf(t, item); return nil }))
		b.hurry()
		require.ElementsMatch(t, []string{"far", "near"}, []string{<-got, <-got})
	})
}

func TestASweepThatFindsNothingDueComesWhenSomethingIs(t *testing.T) {
	for name, row := range map[string]struct {
		due       string
		from, to  time.Duration
		noneAtAll bool
	}{
		"in some minutes":           {due: "now() + interval '30 minutes'", from: 30*time.Minute - 5*time.Second, to: 32 * time.Minute},
		"once a day at least":       {due: "now() + interval '3 months'", to: 48*time.Hour + 2*time.Minute},
		"also when the owner jests": {due: "'294276-12-31'", to: 48*time.Hour + 2*time.Minute},
		"not for what is never":     {due: "'infinity'", noneAtAll: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, false)
			require.NoError(t, outbox.Migrate(t.Context(), b.jobs))
			q := b.queue(func(context.Context, outbox.Item) error { return errors.New("nothing is due") })
			q.Announce(t.Context(), b.project.Ref, "auth", time.Now())
			require.Len(t, b.sweeps(), 1)
			b.exec("insert into outbox (id, kind, payload, created_at) values (gen_random_uuid(), 'test', '{}', " + row.due + ")")
			b.hurry()
			b.run(q)
			b.eventually(func() bool { return len(b.sql("select kind from river_job where state = 'completed'")) == 1 }, "it is swept")
			sweeps := b.sweeps()
			if row.noneAtAll {
				require.Empty(t, sweeps)
				return
			}
			require.Len(t, sweeps, 1)
			require.GreaterOrEqual(t, sweeps[0], row.from)
			require.LessOrEqual(t, sweeps[0], row.to)
		})
	}
}

func TestAnnouncementsOfAMinuteAreOne(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	require.NoError(t, outbox.Migrate(t.Context(), b.jobs))
	one, two := b.queue(nil), b.queue(nil)
	at := time.Now().Add(time.Hour).Truncate(time.Minute)
	for range 3 {
		one.Announce(t.Context(), b.project.Ref, "auth", at.Add(time.Second))
		two.Announce(t.Context(), b.project.Ref, "auth", at.Add(time.Minute))
	}
	require.Len(t, b.sweeps(), 1, "both are for the end of that minute")
	one.Announce(t.Context(), b.project.Ref, "auth", at.Add(61*time.Second))
	require.Len(t, b.sweeps(), 2)
}

func TestWhatIsForLaterSurvivesTheJobsDatabase(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		p := b.behindProxy()
		kept := &journal{boxes: map[string]bool{}, asked: make(chan struct{}, 1)}
		with := func(d *outbox.Deps) { d.Journal = kept }
		dying := b.queue(nil, silent, with, func(d *outbox.Deps) { d.URL = p.through(b.jobs) })
		stop := b.run(dying)
		b.addAt(dying, "far", time.Now().Add(time.Hour))
		<-kept.asked
		stop()

		got := make(chan string, 1)
		b.run(b.queue(func(_ context.Context, item outbox.Item) error { got <- textOf(t, item); return nil }, with))
		b.eventually(func() bool {
			sweeps := b.sweeps()
			return len(sweeps) > 0 && sweeps[len(sweeps)-1] > 50*time.Minute
		}, "another worker sweeps, and comes again when it is due")
		require.Empty(t, got)
		b.exec("update outbox set created_at = now()")
		b.eventually(func() bool { b.hurry(); return len(got) == 1 }, "it is handled")
	})
}

func TestAnItemForLaterIsGivenUpADayAfterItWasDue(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	metrics, logged := prometheus.NewRegistry(), new(lines)
	q := b.queue(func(context.Context, outbox.Item) error { return outbox.Retry(nil, "The store is away.") }, func(d *outbox.Deps) {
		d.Metrics, d.Log = metrics, slog.New(slog.NewTextHandler(logged, nil))
	})
	b.run(q)
	b.addAt(q, "long due", time.Now().Add(-25*time.Hour))
	b.addAt(q, "just due", time.Now())
	b.eventually(func() bool { return b.rows()[0].Failed }, "it was tried for a day")
	require.Equal(t, "long due", b.rows()[0].Text)
	b.eventually(func() bool { return b.rows()[1].Attempts > 1 }, "this one goes on")
	require.False(t, b.rows()[1].Failed)
	// The operator learns of it, by its id and the words.
	warned := logged.containing("level=WARN")
	require.Len(t, warned, 1)
	require.Contains(t, warned[0], "is given up")
	require.Contains(t, warned[0], b.project.Ref)
	require.Contains(t, warned[0], "The store is away.")
	require.NotContains(t, warned[0], "long due", "and not what the item holds")
	counted, err := metrics.Gather()
	require.NoError(t, err)
	given := 0.0
	for _, m := range counted {
		if m.GetName() == "fluxbase_outbox_given_up_total" {
			given = m.GetMetric()[0].GetCounter().GetValue()
		}
	}
	require.InDelta(t, 1, given, 0)
}

func TestSweepsThatFindNothingForNowMeetInOne(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	require.NoError(t, outbox.Migrate(t.Context(), b.jobs))
	q := b.queue(func(context.Context, outbox.Item) error { return errors.New("nothing is due") })
	b.exec("insert into outbox (id, kind, payload, created_at) values (gen_random_uuid(), 'test', '{}', now() + interval '3 months')")
	for minutes := range 5 {
		q.Announce(t.Context(), b.project.Ref, "auth", time.Now().Add(time.Hour+time.Duration(minutes)*time.Minute))
	}
	require.Len(t, b.sweeps(), 5)
	b.hurry()
	b.run(q)
	b.eventually(func() bool { return len(b.sql("select kind from river_job where state = 'completed'")) == 5 }, "all are done")
	require.Len(t, b.sweeps(), 1, "and one follows")
}
