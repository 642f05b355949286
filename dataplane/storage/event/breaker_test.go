package event

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAddressesThatDoNotAnswerAreLeftAlone(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	b := newBreaker(func() time.Time { return now })
	for range tolerated {
		require.True(t, b.allows("a"))
		b.failed("a")
	}
	require.False(t, b.allows("a"))
	require.True(t, b.allows("b"), "another is not concerned")
	now = now.Add(leastPause)
	require.True(t, b.allows("a"), "one tries")
	require.False(t, b.allows("a"), "the others wait for what comes of it")
	b.failed("a")
	now = now.Add(leastPause)
	require.False(t, b.allows("a"), "the pause grows")
	for range 50 {
		b.failed("a")
	}
	now = now.Add(mostPause)
	require.True(t, b.allows("a"), "but not for ever")
	b.answered("a")
	for range tolerated - 1 {
		b.failed("a")
	}
	require.True(t, b.allows("a"), "all is forgotten")
	// Who tried may have died.
	b.failed("a")
	now = now.Add(leastPause)
	require.True(t, b.allows("a"))
	now = now.Add(timeout)
	require.True(t, b.allows("a"))
}
