package dataplane

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBallastIsHeldWhileBusy(t *testing.T) {
	t.Parallel()
	var b ballast
	for range 2 * idleSeconds {
		b.requests.Store(busyRequests - 1)
		require.False(t, b.look(), "it was never busy")
		require.Nil(t, b.held)
	}
	b.requests.Store(busyRequests)
	require.False(t, b.look())
	require.Len(t, b.held, ballastBytes)
	for range idleSeconds - 1 {
		require.False(t, b.look())
	}
	b.requests.Store(busyRequests)
	require.False(t, b.look(), "busy again: the seconds count anew")
	for range idleSeconds - 1 {
		require.False(t, b.look())
		require.NotNil(t, b.held)
	}
	require.True(t, b.look())
	require.Nil(t, b.held)
	require.False(t, b.look())
}
