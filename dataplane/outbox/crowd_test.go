package outbox

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCrowd(t *testing.T) {
	t.Parallel()
	c := &crowd{most: 2, room: 4, closed: make(chan struct{})}
	enter := func(ref string) chan bool {
		in := make(chan bool, 1)
		go func() { in <- c.enter(t.Context(), ref) }()
		return in
	}
	waiting := func(n int) {
		require.Eventually(t, func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.waiting == n
		}, turnWait/2, 1)
	}
	require.True(t, <-enter("slow"))
	require.True(t, <-enter("slow"))
	third := enter("slow")
	waiting(1)
	fourth := enter("slow")
	waiting(2)
	require.False(t, <-enter("slow"), "one project takes half of the room only")
	require.True(t, <-enter("quick"))
	require.True(t, <-enter("quick"))
	other := enter("quick")
	waiting(3)

	c.leave("slow")
	require.True(t, <-third, "first come, first served")
	require.Empty(t, fourth)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.False(t, c.enter(ctx, "slow"), "nobody waits whose time is up")
	waiting(2)
	close(c.closed)
	require.False(t, <-fourth, "nobody waits when the worker stops")
	require.False(t, <-other)
	for _, ref := range []string{"slow", "slow", "quick", "quick"} {
		c.leave(ref)
	}
	require.Zero(t, c.waiting)
	require.Empty(t, c.lines, "nothing is kept of projects that are done")
}
