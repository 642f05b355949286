package imaging

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// queue takes a place in another goroutine, and tells when it is there.
func queue(t *testing.T, turns *turns, project string, order chan<- string) {
	t.Helper()
	turns.mu.Lock()
	before := turns.waiting
	turns.mu.Unlock()
	go func() {
		leave, err := turns.take(context.Background(), project)
		if err != nil {
			order <- err.Error()
			return
		}
		order <- project
		leave()
	}()
	require.Eventually(t, func() bool {
		turns.mu.Lock()
		defer turns.mu.Unlock()
		return turns.waiting > before
	}, 5*time.Second, time.Millisecond)
}

func TestTurns(t *testing.T) {
	t.Parallel()
	ctx := t.Context()

	t.Run("projects that wait take turns, however many each has", func(t *testing.T) {
		t.Parallel()
		turns := newTurns(1, time.Minute)
		leave, err := turns.take(ctx, "first")
		require.NoError(t, err)
		order := make(chan string, 8)
		for _, project := range []string{"a", "a", "a", "b", "c"} {
			queue(t, turns, project, order)
		}
		leave()
		var got []string
		for range 5 {
			got = append(got, <-order)
		}
		require.Equal(t, []string{"a", "b", "c", "a", "a"}, got)
		require.Eventually(t, func() bool {
			turns.mu.Lock()
			defer turns.mu.Unlock()
			return len(turns.lines) == 0 && turns.taken == 0 && turns.waiting == 0 && len(turns.circle) == 0
		}, 5*time.Second, time.Millisecond)
	})
	t.Run("one project leaves a place for another", func(t *testing.T) {
		t.Parallel()
		turns := newTurns(3, 10*time.Millisecond)
		for range 2 {
			_, err := turns.take(ctx, "greedy")
			require.NoError(t, err)
		}
		_, err := turns.take(ctx, "greedy")
		require.Equal(t, "SLOW_DOWN", fault.From(err).Reason)
		require.Positive(t, fault.From(err).RetryAfter)
		_, err = turns.take(ctx, "modest")
		require.NoError(t, err)
	})
}

func TestQueuesEnd(t *testing.T) {
	t.Parallel()
	ctx := t.Context()

	t.Run("a project's, which is not another's", func(t *testing.T) {
		t.Parallel()
		turns := newTurns(2, time.Minute)
		turns.waitEach = 2
		leaveGreedy, err := turns.take(ctx, "greedy")
		require.NoError(t, err)
		order := make(chan string, 8)
		queue(t, turns, "greedy", order)
		queue(t, turns, "greedy", order)
		_, err = turns.take(ctx, "greedy")
		require.Equal(t, fault.Exhausted, fault.From(err).Kind)
		leave, err := turns.take(ctx, "modest")
		require.NoError(t, err)
		leave()
		leave() // twice is once
		leaveGreedy()
		require.Equal(t, "greedy", <-order)
		require.Equal(t, "greedy", <-order)
	})
	t.Run("the whole one", func(t *testing.T) {
		t.Parallel()
		turns := newTurns(1, time.Minute)
		turns.waitAll = 1
		leave, err := turns.take(ctx, "a")
		require.NoError(t, err)
		order := make(chan string, 1)
		queue(t, turns, "b", order)
		_, err = turns.take(ctx, "c")
		require.Equal(t, "SLOW_DOWN", fault.From(err).Reason)
		leave()
		require.Equal(t, "b", <-order)
	})
	t.Run("who gives up leaves the queue", func(t *testing.T) {
		t.Parallel()
		turns := newTurns(1, time.Minute)
		leave, err := turns.take(ctx, "a")
		require.NoError(t, err)
		gone, cancel := context.WithCancel(ctx)
		cancel()
		_, err = turns.take(gone, "b")
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, turns.waiting)
		require.Empty(t, turns.circle)
		leave()
		require.Empty(t, turns.lines)
		_, err = turns.take(ctx, "b")
		require.NoError(t, err)
	})
}
