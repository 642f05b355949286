package usage

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/fault"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// ledger is a control plane that counts a report once and can be down, before or after it counted.
type ledger struct {
	mu     sync.Mutex
	fail   error
	lost   bool // counts, but its answer is lost
	seen   map[string]bool
	sums   map[string]told
	keys   map[string]int64
	stored map[string]*directoryv1.StorageUse
	called int
	// records are all that were counted.
	records []*directoryv1.UsageRecord
}

// told are the sums of one project, service and minute.
type told struct{ requests, egress, errors int64 }

func (l *ledger) ReportUsage(_ context.Context, r *directoryv1.ReportUsageRequest) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.called++
	if l.fail != nil && !l.lost {
		return l.fail
	}
	if !l.seen[r.GetReportId()] {
		l.seen[r.GetReportId()] = true
		for _, u := range r.GetRecords() {
			k := u.GetProjectId() + "/" + u.GetService() + "/" + u.GetMinute().AsTime().Format("15:04")
			s := l.sums[k]
			l.sums[k] = told{s.requests + u.GetRequests(), s.egress + u.GetEgressBytes(), s.errors + u.GetErrors()}
			l.records = append(l.records, u)
		}
		for _, u := range r.GetStorage() {
			l.stored[u.GetProjectId()] = u
		}
		for _, k := range r.GetKeyUses() {
			l.keys[k.GetProjectId()+"/"+k.GetKeyId()] = k.GetLastUseTime().AsTime().Unix()
		}
	}
	return l.fail
}

type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.at.Load(), 0).UTC() }

func setup(t *testing.T) (*Recorder, *ledger, *clock) {
	l := &ledger{seen: map[string]bool{}, sums: map[string]told{}, keys: map[string]int64{}, stored: map[string]*directoryv1.StorageUse{}}
	c := &clock{}
	c.at.Store(time.Date(2026, 5, 1, 10, 20, 3, 0, time.UTC).Unix())
	return New(Deps{Reporter: l, WorkerID: "w", Log: testkit.Logger(t), Now: c.now}), l, c
}

func TestCounts(t *testing.T) {
	t.Parallel()
	r, l, c := setup(t)
	r.Request("p", "rest", 100, 200, time.Millisecond)
	r.Request("p", "rest", 50, 500, time.Millisecond)
	r.Request("q", "auth", 1, 200, time.Millisecond)
	r.KeyUsed("p", "k")
	used := c.now().Unix()
	c.at.Add(60)
	require.True(t, r.Flush(t.Context()))
	r.Request("p", "rest", 7, 200, time.Millisecond)
	require.True(t, r.Flush(t.Context()))
	require.Equal(t, map[string]told{"p/rest/10:20": {2, 150, 1}, "q/auth/10:20": {1, 1, 0}, "p/rest/10:21": {1, 7, 0}}, l.sums)
	require.Equal(t, map[string]int64{"p/k": used}, l.keys)
	calls := l.called
	require.True(t, r.Flush(t.Context()))
	require.Equal(t, calls, l.called, "nothing to say")
}

func TestLatenciesAndErrors(t *testing.T) {
	t.Parallel()
	r, l, _ := setup(t)
	for _, took := range []time.Duration{-time.Second, 0, time.Millisecond, time.Millisecond + 1, 70 * time.Millisecond, 5 * time.Second, time.Hour} {
		r.Request("p", "rest", 0, 204, took)
	}
	for _, status := range []int{301, 400, 404, 499, 500, 503} {
		r.Request("p", "rest", 0, status, 15*time.Millisecond)
	}
	r.Refused("p", "rest")
	r.Refused("p", "auth")
	require.True(t, r.Flush(t.Context()))
	require.Len(t, l.records, 2)
	slices.SortFunc(l.records, func(a, b *directoryv1.UsageRecord) int { return strings.Compare(a.GetService(), b.GetService()) })
	auth, rest := l.records[0], l.records[1]
	require.Zero(t, auth.GetRequests(), "what was refused is no request that is billed")
	require.Equal(t, int64(1), auth.GetClientErrors())
	require.Empty(t, auth.GetLatency())
	require.Equal(t, int64(13), rest.GetRequests())
	require.Equal(t, int64(2), rest.GetErrors())
	require.Equal(t, int64(4), rest.GetClientErrors())
	require.Equal(t, []int64{3, 1, 0, 0, 6, 0, 1, 0, 0, 0, 0, 1, 1}, rest.GetLatency())
	r.Request("p", "rest", 0, 200, 2*time.Millisecond)
	require.True(t, r.Flush(t.Context()))
	require.Equal(t, []int64{0, 1}, l.records[2].GetLatency(), "without the zeroes at the end")
}

func TestTheNewestMeasureOfFilesIsHandedIn(t *testing.T) {
	t.Parallel()
	r, l, c := setup(t)
	r.Stored("p", 10, 1)
	c.at.Add(1)
	r.Stored("p", 30, 3)
	r.Stored("q", 0, 0)
	require.True(t, r.Flush(t.Context()))
	require.Equal(t, 1, l.called)
	require.Equal(t, int64(30), l.stored["p"].GetBytes())
	require.Equal(t, int64(3), l.stored["p"].GetBlobs())
	require.Equal(t, c.now(), l.stored["p"].GetMeasureTime().AsTime())
	require.Contains(t, l.stored, "q", "empty is a measure too")
	require.True(t, r.Flush(t.Context()))
	require.Equal(t, 1, l.called, "it is told once")
	l.fail = errors.New("down")
	r.Stored("p", 40, 4)
	require.False(t, r.Flush(t.Context()))
	c.at.Add(1)
	r.Stored("p", 50, 5)
	l.fail = nil
	require.True(t, r.Flush(t.Context()))
	require.Equal(t, int64(50), l.stored["p"].GetBytes(), "what waited does not come after what is newer")
}

func TestAnAnswerUnderWayIsCounted(t *testing.T) {
	t.Parallel()
	r, l, _ := setup(t)
	r.Egress("p", "storage", 100)
	require.True(t, r.Flush(t.Context()))
	r.Request("p", "storage", 5, 200, time.Millisecond)
	require.True(t, r.Flush(t.Context()))
	require.Equal(t, map[string]told{"p/storage/10:20": {1, 105, 0}}, l.sums)
}

func TestNothingIsCountedTwiceOrLost(t *testing.T) {
	t.Parallel()
	r, l, c := setup(t)
	for i := range 100 {
		switch i % 4 { // an answer lost, down for two, up
		case 0:
			l.fail, l.lost = errors.New("answer lost"), true
		case 1:
			l.fail, l.lost = errors.New("down"), false
		case 3:
			l.fail = nil
		}
		r.Request("p", "rest", 10, 200, time.Millisecond)
		c.at.Add(1)
		require.Equal(t, l.fail == nil, r.Flush(t.Context()))
	}
	total := told{}
	for _, s := range l.sums {
		total.requests += s.requests
		total.egress += s.egress
	}
	require.Equal(t, told{requests: 100, egress: 1000}, total)
}

func TestARefusedReportDoesNotBlock(t *testing.T) {
	t.Parallel()
	r, l, _ := setup(t)
	l.fail = fault.New(fault.Invalid, "USAGE_INVALID", "no")
	r.Request("p", "rest", 1, 200, time.Millisecond)
	require.True(t, r.Flush(t.Context()))
	l.fail = nil
	r.Request("p", "rest", 2, 200, time.Millisecond)
	require.True(t, r.Flush(t.Context()))
	require.Equal(t, told{1, 2, 0}, l.sums["p/rest/10:20"])
}

func TestDrain(t *testing.T) {
	t.Parallel()
	r, l, _ := setup(t)
	r.interval = time.Hour
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	r.Request("p", "rest", 1, 200, time.Millisecond)
	stop()
	require.NoError(t, <-done)
	require.Len(t, l.sums, 1)
}

func TestConcurrentCountsAndSweeps(t *testing.T) {
	t.Parallel()
	r, l, _ := setup(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 5000 {
				r.Request([]string{"a", "b", "c"}[i%3], "rest", 1, 200, time.Millisecond)
			}
		})
	}
	counted := make(chan struct{})
	go func() { all.Wait(); close(counted) }()
	for done := false; !done; {
		select {
		case <-counted:
			done = true
		default:
			r.Flush(t.Context())
		}
	}
	for range idleFlushes + 3 { // also over the retirement of idle counters
		r.Flush(t.Context())
	}
	r.Request("a", "rest", 1, 200, time.Millisecond)
	r.Flush(t.Context())
	total := int64(0)
	for _, s := range l.sums {
		total += s.requests
	}
	require.Equal(t, int64(40001), total)
}

func TestBacklogIsBounded(t *testing.T) {
	t.Parallel()
	r, l, c := setup(t)
	l.fail = errors.New("down")
	r.mu.Lock()
	for i := range maxBacklog {
		r.waiting[sumKey{"other", "rest", int64(i)}] = &sum{egress: 1}
	}
	r.mu.Unlock()
	for range 10 {
		r.Request("p", "rest", 1, 200, time.Millisecond)
		c.at.Add(60)
		r.Flush(t.Context())
	}
	require.LessOrEqual(t, len(r.waiting), maxBacklog+1)
}

func BenchmarkRequest(b *testing.B) {
	r := New(Deps{Log: testkit.Logger(b)})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.Request("0b8f9a3e-0000-4000-8000-000000000000", "rest", 100, 200, time.Millisecond)
			r.KeyUsed("0b8f9a3e-0000-4000-8000-000000000000", "0b8f9a3e-0000-4000-8000-000000000001")
		}
	})
}
