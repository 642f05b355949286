package limit

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLocal(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := NewLocal(Rate{PerSecond: 10, Burst: 5}, func() time.Time { return now })
	one, neighbour, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("192.0.2.1")
	for range 5 {
		require.Zero(t, l.Wait(one))
		l.Charge(one)
	}
	require.Equal(t, 100*time.Millisecond, l.Wait(one))
	require.Equal(t, 100*time.Millisecond, l.Wait(neighbour), "a /64 is one client")
	require.Zero(t, l.Wait(other))
	now = now.Add(100 * time.Millisecond)
	require.Zero(t, l.Wait(one))
	for range 1000 {
		l.Charge(one)
	}
	require.Equal(t, maxDebt+100*time.Millisecond, l.Wait(one), "what came at once is paid for, up to a bound")
}
