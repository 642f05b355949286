package limit

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/testkit"
)

func setup(t *testing.T) func() *Limiter {
	client, prefix := testkit.Redis(t)
	return func() *Limiter { return New(Deps{Redis: client, Prefix: prefix, Log: testkit.Logger(t)}) }
}

func TestNoLimitIsNone(t *testing.T) {
	t.Parallel()
	l := New(Deps{Redis: redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}), Log: testkit.Logger(t)})
	for range 1000 {
		require.Equal(t, Answer{Allowed: true}, l.Project(t.Context(), "a", Rate{}))
	}
	require.Zero(t, l.size())
}

func TestBurstThenRate(t *testing.T) {
	t.Parallel()
	l := setup(t)()
	rate := Rate{PerSecond: 50, Burst: 20}
	allowed, refused := 0, Answer{}
	began := time.Now()
	for allowed < 1000 {
		answer := l.Project(t.Context(), "a", rate)
		if !answer.Allowed {
			refused = answer
			break
		}
		allowed++
		require.Equal(t, 20, answer.Limit)
		require.LessOrEqual(t, answer.Remaining, 20)
	}
	most := 20 + int(time.Since(began).Seconds()*50) + 2*rate.lease()
	require.GreaterOrEqual(t, allowed, 20)
	require.LessOrEqual(t, allowed, most)
	require.Positive(t, refused.RetryAfter)
	require.LessOrEqual(t, refused.RetryAfter, time.Second)
	require.Positive(t, refused.Reset)
	require.Zero(t, refused.Remaining)
	<-time.After(refused.RetryAfter + 5*time.Millisecond) // the limit says when
	require.True(t, l.Project(t.Context(), "a", rate).Allowed)
}

func TestCountsAreApart(t *testing.T) {
	t.Parallel()
	l := setup(t)()
	rate := Rate{PerSecond: 1.0 / 600, Burst: 1} // none comes back during the test
	drain := func(take func() Answer) {
		t.Helper()
		require.True(t, take().Allowed)
		require.Eventually(t, func() bool { return !take().Allowed }, 20*time.Second, time.Millisecond)
	}
	one, two := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::ffff")
	drain(func() Answer { return l.Project(t.Context(), "a", rate) })
	drain(func() Answer { return l.Project(t.Context(), "b", rate) })
	drain(func() Answer { return l.Key(t.Context(), "a", "k", rate) })
	drain(func() Answer { return l.Key(t.Context(), "b", "k", rate) })
	drain(func() Answer { return l.Address(t.Context(), "a", one, rate) })
	drain(func() Answer { return l.Address(t.Context(), "a", netip.MustParseAddr("10.0.0.1"), rate) })
	guess := func() Answer { return l.Name(t.Context(), "a", "auth:x", Rate{PerSecond: 1.0 / 60, Burst: 1}) }
	drain(guess)
	require.Greater(t, guess().RetryAfter, 50*time.Second)
	require.False(t, l.Address(t.Context(), "a", two, rate).Allowed, "one /64 is one client")
	require.False(t, l.Address(t.Context(), "a", netip.MustParseAddr("::ffff:10.0.0.1"), rate).Allowed, "IPv4 in IPv6 is IPv4")
	require.True(t, l.Address(t.Context(), "a", netip.MustParseAddr("2001:db8:0:1::1"), rate).Allowed)
}

func TestTwoWorkersShareOneLimit(t *testing.T) {
	t.Parallel()
	limiter := setup(t)
	limiters := []*Limiter{limiter(), limiter()}
	rate := Rate{PerSecond: 500, Burst: 500}
	var allowed atomic.Int64
	began := time.Now()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for time.Since(began) < 2*time.Second {
				if answer := limiters[i%2].Project(context.Background(), "shared", rate); answer.Allowed {
					allowed.Add(1)
				} else {
					<-time.After(min(answer.RetryAfter, 20*time.Millisecond))
				}
			}
		})
	}
	all.Wait()
	want := 500 + 500*time.Since(began).Seconds()
	require.InDelta(t, want, float64(allowed.Load()), 0.03*want+2*2*float64(rate.lease()))
	require.False(t, limiters[0].Degraded())
}

func TestLightUseHoldsNothingBack(t *testing.T) {
	t.Parallel()
	limiter := setup(t)
	rate := Rate{PerSecond: 10, Burst: 60}
	for i := range 50 { // each worker sees one request: together they are within the burst
		require.True(t, limiter().Project(t.Context(), "a", rate).Allowed, "worker %d", i)
	}
}

func TestWhoeverWaitsIsLetIn(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	var clock atomic.Int64
	clock.Store(time.Now().UnixNano())
	now := func() time.Time { return time.Unix(0, clock.Load()) }
	server.SetTime(now())
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	l := New(Deps{Redis: client, Log: testkit.Logger(t), Now: now})
	once := func() bool { return l.Name(t.Context(), "a", "mail", Rate{PerSecond: 1.0 / 60, Burst: 1}).Allowed }
	for round := range 8 {
		require.True(t, once(), "round %d", round)
		require.Eventually(t, func() bool { return !once() }, 20*time.Second, time.Millisecond)
		interval := time.Minute + time.Millisecond
		clock.Add(int64(interval))
		server.SetTime(now())
		server.FastForward(interval)
	}
}

func TestRedisDown(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	registry := prometheus.NewRegistry()
	l := New(Deps{Redis: redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, DialTimeout: time.Second}),
		Log: testkit.Logger(t), Metrics: registry})
	metric := func(name string) float64 {
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, f := range families {
			if f.GetName() == name {
				return f.GetMetric()[0].GetGauge().GetValue() + f.GetMetric()[0].GetCounter().GetValue()
			}
		}
		t.Fatalf("no metric %s", name)
		return 0
	}
	degraded := func() float64 { return metric("fluxbase_limit_degraded") }
	rate := Rate{PerSecond: 5, Burst: 10}
	require.True(t, l.Project(t.Context(), "a", rate).Allowed)
	require.Zero(t, degraded())
	server.Close()
	require.Eventually(t, func() bool {
		l.Project(t.Context(), fmt.Sprint(time.Now().UnixNano()), rate)
		return degraded() == 1
	}, 20*time.Second, 5*time.Millisecond)
	require.Positive(t, metric("fluxbase_limit_redis_failures_total"))
	allowed, began := 0, time.Now()
	for range 100 {
		if l.Project(t.Context(), "b", rate).Allowed {
			allowed++
		}
	}
	require.InDelta(t, 10, allowed, 2+5*time.Since(began).Seconds(), "the local count goes on")
	require.NoError(t, server.Restart())
	require.Eventually(t, func() bool {
		l.Project(t.Context(), "c", rate)
		return degraded() == 0
	}, 20*time.Second, 5*time.Millisecond)
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	l := setup(t)()
	l.down.Store(true)
	l.probeAt.Store(time.Now().Add(time.Hour).UnixNano())
	for i := range maxBuckets + 5000 {
		l.Address(t.Context(), "a", netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), Rate{PerSecond: 1})
	}
	require.LessOrEqual(t, l.size(), maxBuckets)
}

func BenchmarkTake(b *testing.B) {
	client, prefix := testkit.Redis(b)
	l := New(Deps{Redis: client, Prefix: prefix, Log: testkit.Logger(b)})
	rate := Rate{PerSecond: 100_000_000, Burst: 100_000_000}
	b.ReportAllocs()
	for b.Loop() {
		l.Project(context.Background(), "abcdefghijklmnopqrst", rate)
	}
}
