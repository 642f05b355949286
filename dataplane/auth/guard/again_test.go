package guard_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// once lets each key through once.
type once map[string]guard.Rate

func (o once) Allow(_ context.Context, ref, key string, rate guard.Rate) (bool, time.Duration) {
	if _, ok := o[ref+" "+key]; ok {
		return false, 1500 * time.Millisecond
	}
	o[ref+" "+key] = rate
	return true, 0
}

func TestAgain(t *testing.T) {
	t.Parallel()
	limits := once{}
	g := guard.New(guard.Deps{Limiter: limits})
	session := func(ref string) *projectdb.Session { return &projectdb.Session{Project: &directory.Project{Ref: ref}} }
	again := func(ref, what, who string, interval time.Duration) (time.Duration, bool) {
		return g.Again(t.Context(), session(ref), what, who, interval)
	}
	for range 2 {
		wait, counted := again("a", "email", "ann@example.com", 0)
		require.Zero(t, wait, "no interval is none")
		require.True(t, counted)
	}
	wait, counted := again("a", "email", "ann@example.com", time.Minute)
	require.Zero(t, wait)
	require.True(t, counted)
	wait, _ = again("a", "email", "ann@example.com", time.Minute)
	require.Equal(t, 1500*time.Millisecond, wait)
	for _, other := range [][3]string{{"b", "email", "ann@example.com"}, {"a", "sms", "ann@example.com"}, {"a", "email", "bob@example.com"}} {
		wait, _ = again(other[0], other[1], other[2], time.Minute)
		require.Zero(t, wait, other)
	}
	for key, rate := range limits {
		require.NotContains(t, key, "@", "addresses are no names of counts")
		require.Equal(t, 1, rate.Burst)
		require.InDelta(t, 1.0/60, rate.PerSecond, 1e-9)
	}
	wait, counted = guard.New(guard.Deps{}).Again(t.Context(), session("a"), "email", "ann@example.com", time.Minute)
	require.Zero(t, wait)
	require.False(t, counted, "without a limiter nothing is counted")
}
