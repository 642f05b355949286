package revocation_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/revocation"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// worker is a list as one worker has it.
func worker(t *testing.T, client redis.UniversalClient, now func() time.Time) *revocation.List {
	t.Helper()
	return revocation.New(revocation.Deps{Redis: client, Log: testkit.Logger(t), Metrics: prometheus.NewRegistry(), Now: now})
}

func running(t *testing.T, l *revocation.List) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done) })
}

func TestEveryWorkerRefusesWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	client, _ := testkit.Redis(t)
	a, b := worker(t, client, nil), worker(t, client, nil)
	running(t, a)
	running(t, b)
	ref, session, user, other := id.NewRef(), uuid.New(), uuid.New(), uuid.New()
	issued := time.Now()
	for _, l := range []*revocation.List{a, b} {
		require.False(t, l.Revoked(ref, session.String(), user.String(), issued))
	}
	a.Sessions(t.Context(), ref, []uuid.UUID{session}, time.Hour)
	require.True(t, a.Revoked(ref, session.String(), user.String(), issued), "at once where it was revoked")
	require.Eventually(t, func() bool { return b.Revoked(ref, session.String(), user.String(), issued) }, 2*time.Second, time.Millisecond)
	require.False(t, b.Revoked(ref, other.String(), user.String(), issued), "another session goes on")
	require.False(t, b.Revoked(id.NewRef(), session.String(), user.String(), issued), "another project is not touched")

	b.User(t.Context(), ref, user, time.Hour)
	require.Eventually(t, func() bool { return a.Revoked(ref, other.String(), user.String(), issued) }, 2*time.Second, time.Millisecond)
	require.False(t, a.Revoked(ref, other.String(), user.String(), time.Now().Add(2*time.Second)), "tokens issued later are good: the ban has ended")

	late := worker(t, client, nil)
	require.True(t, late.Revoked(ref, session.String(), "", issued), "a worker that starts later knows, before it listens")
}

func TestWhatIsNoIDIsNotRevoked(t *testing.T) {
	t.Parallel()
	client, _ := testkit.Redis(t)
	l := worker(t, client, nil)
	ref := id.NewRef()
	l.User(t.Context(), ref, uuid.New(), time.Hour)
	for _, name := range []string{"", "ada", "00000000-0000-0000-0000-00000000000", "*"} {
		require.False(t, l.Revoked(ref, name, name, time.Now()))
	}
}

func TestRevocationsAreForgotten(t *testing.T) {
	t.Parallel()
	client, _ := testkit.Redis(t)
	forgotten(t, client)
}

// TestTheServerOfDevelopment: `fluxbase dev` has a Redis of its own.
func TestTheServerOfDevelopment(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = client.Close() })
	forgotten(t, client)
}

func forgotten(t *testing.T, client redis.UniversalClient) {
	t.Helper()
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	l := worker(t, client, now)
	ref, user := id.NewRef(), uuid.New()
	l.User(t.Context(), ref, user, time.Minute)
	left := client.TTL(t.Context(), "fluxbase:revoked:"+ref).Val()
	require.Greater(t, left, time.Minute)
	require.LessOrEqual(t, left, 3*time.Minute)
	l.User(t.Context(), ref, uuid.New(), time.Second)
	require.Greater(t, client.TTL(t.Context(), "fluxbase:revoked:"+ref).Val(), time.Minute, "a shorter one does not cut a longer one off")
	ahead.Store(int64(time.Hour))
	l.User(t.Context(), ref, uuid.New(), time.Second)
	require.EqualValues(t, 1, client.ZCard(t.Context(), "fluxbase:revoked:"+ref).Val())
}

func TestWithoutRedis(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	client := redis.NewClient(&redis.Options{Addr: address, DialTimeout: 100 * time.Millisecond, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	l := worker(t, client, nil)
	running(t, l)
	ref, user := id.NewRef(), uuid.New()
	require.False(t, l.Revoked(ref, "", user.String(), time.Now()), "tokens stay good")
	issued := time.Now()
	l.User(t.Context(), ref, user, time.Hour)
	require.True(t, l.Revoked(ref, "", user.String(), issued), "but not where they were revoked")
}

func BenchmarkRevoked(b *testing.B) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	l := revocation.New(revocation.Deps{Redis: client, Log: testkit.Logger(b), Metrics: prometheus.NewRegistry()})
	ref, session, user, issued := id.NewRef(), uuid.NewString(), uuid.NewString(), time.Now()
	l.User(b.Context(), ref, uuid.New(), time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		l.Revoked(ref, session, user, issued)
	}
}
