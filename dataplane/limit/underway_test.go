package limit

import (
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnderWay(t *testing.T) {
	t.Parallel()
	u := NewUnderWay()
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	var ends []func()
	for range 3 {
		end, ok := u.Begin("p", one, 3)
		require.True(t, ok)
		ends = append(ends, end)
	}
	_, ok := u.Begin("p", one, 3)
	require.False(t, ok)
	for project, address := range map[string]netip.Addr{"p": other, "q": one} {
		end, ok := u.Begin(project, address, 3)
		require.True(t, ok, "others are not bounded by it")
		end()
	}
	ends[0]()
	ends[0], ok = u.Begin("p", one, 3)
	require.True(t, ok, "one that ended makes room")
	for _, end := range ends {
		end()
	}
	require.Empty(t, u.counts, "nothing is kept of who is gone")

	end, ok := u.Begin("p", netip.MustParseAddr("2001:db8::1"), 1)
	require.True(t, ok)
	_, ok = u.Begin("p", netip.MustParseAddr("2001:db8::2"), 1)
	require.False(t, ok, "one /64 is one client")
	end()
	_, ok = u.Begin("p", one, 0)
	require.True(t, ok, "zero is no limit")
	require.Empty(t, u.counts)

	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			for range 100 {
				if end, ok := u.Begin("p", one, 5); ok {
					end()
				}
			}
		})
	}
	wait.Wait()
	require.Empty(t, u.counts)
}
