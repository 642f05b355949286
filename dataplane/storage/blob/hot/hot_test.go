package hot_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/blob/hot"
)

// store is where bytes come from: it counts how often it was asked.
type store struct {
	content []byte
	err     error
	asked   atomic.Int64
	wait    chan struct{} // nil waits for nothing
}

func (s *store) fetch(context.Context) (io.ReadCloser, error) {
	s.asked.Add(1)
	if s.wait != nil {
		<-s.wait
	}
	return io.NopCloser(bytes.NewReader(s.content)), s.err
}

func whole(c *hot.Cache, ref, version string, s *store) *hot.Reader {
	return c.Open(context.Background(), ref, version, int64(len(s.content)), 0, -1, s.fetch)
}

// hold reads a version until it is held.
func hold(t *testing.T, c *hot.Cache, ref, version string, s *store) {
	t.Helper()
	require.Nil(t, whole(c, ref, version, s), "one read is not often")
	requireHeld(t, whole(c, ref, version, s), s.content)
}

func requireHeld(t *testing.T, r *hot.Reader, want []byte) {
	t.Helper()
	require.NotNil(t, r)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close(), "twice is as good as once")
}

func filled(n int, with byte) *store { return &store{content: bytes.Repeat([]byte{with}, n)} }

func TestSecondReadHolds(t *testing.T) {
	t.Parallel()
	metrics := prometheus.NewRegistry()
	c := hot.New(hot.Deps{Budget: 1 << 20, Metrics: metrics})
	s := &store{content: []byte("0123456789")}
	require.Nil(t, whole(c, "a", "v", s))
	require.Zero(t, s.asked.Load(), "the first read is the object store's own")
	requireHeld(t, whole(c, "a", "v", s), s.content)
	requireHeld(t, whole(c, "a", "v", s), s.content)
	require.EqualValues(t, 1, s.asked.Load())
	found, err := metrics.Gather()
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.InDelta(t, c.Held(), found[0].GetMetric()[0].GetGauge().GetValue(), 0)
	require.InDelta(t, 2, found[1].GetMetric()[1].GetCounter().GetValue(), 0)

	r := whole(c, "a", "v", s)
	var out bytes.Buffer
	n, err := r.WriteTo(&out)
	require.NoError(t, err)
	require.EqualValues(t, 10, n)
	require.Equal(t, s.content, out.Bytes())
	require.NoError(t, r.Close())
}

func TestRangesOfWhatIsHeld(t *testing.T) {
	t.Parallel()
	c := hot.New(hot.Deps{Budget: 1 << 20})
	s := &store{content: []byte("0123456789")}
	open := func(from, to int64) *hot.Reader { return c.Open(t.Context(), "a", "v", 10, from, to, s.fetch) }
	for range 3 {
		require.Nil(t, open(2, 3))
	}
	require.Zero(t, s.asked.Load(), "a part does not have the whole read")
	hold(t, c, "a", "v", s)
	requireHeld(t, open(2, 4), []byte("234"))
	requireHeld(t, open(7, -1), []byte("789"))
	requireHeld(t, open(0, 9), s.content)
	for _, beyond := range [][2]int64{{10, -1}, {9, 10}, {0, 1 << 40}, {-1, 3}, {5, 4}} {
		require.Nil(t, open(beyond[0], beyond[1]), "%v is for the object store to refuse", beyond)
	}
}

func TestProjectsAreApart(t *testing.T) {
	t.Parallel()
	c := hot.New(hot.Deps{Budget: 1 << 20})
	mine, theirs := &store{content: []byte("mine")}, &store{content: []byte("them")}
	hold(t, c, "a", "v", mine)
	require.Nil(t, whole(c, "b", "v", theirs), "a version is one of its project")
	requireHeld(t, whole(c, "b", "v", theirs), theirs.content)
	c.Drop("a", "v")
	require.Nil(t, c.Open(t.Context(), "a", "v", 4, 1, 2, mine.fetch))
	requireHeld(t, whole(c, "b", "v", theirs), theirs.content)
}

func TestWhatIsNotHeld(t *testing.T) {
	t.Parallel()
	c := hot.New(hot.Deps{Budget: 16 << 20, Most: hot.MostInMemory})
	for name, s := range map[string]*store{"large": filled(2<<20+1, 'x'), "empty": {}} {
		for range 3 {
			require.Nil(t, whole(c, "a", name, s), name)
		}
		require.Zero(t, s.asked.Load(), name)
	}
	s := &store{content: []byte("0123456789")}
	for _, said := range []int64{9, 11} { // the project's owner wrote the row
		for range 3 {
			require.Nil(t, c.Open(t.Context(), "a", fmt.Sprint(said), said, 0, -1, s.fetch))
		}
	}
	away := &store{content: []byte("x"), err: errors.New("the store is away")}
	for range 3 {
		require.Nil(t, whole(c, "a", "away", away))
	}
	require.Eventually(t, func() bool { return c.Held() == 0 }, time.Second, time.Millisecond, "what failed counts no more")
	require.Nil(t, hot.New(hot.Deps{}))
	var none *hot.Cache
	require.Nil(t, whole(none, "a", "v", s))
	none.Drop("a", "v")
}

func TestManyReadersFetchOnce(t *testing.T) {
	t.Parallel()
	c := hot.New(hot.Deps{Budget: 1 << 20})
	s := &store{content: bytes.Repeat([]byte("x"), 10_000), wait: make(chan struct{})}
	require.Nil(t, whole(c, "a", "v", s))
	left, leave := context.WithCancel(t.Context())
	gone := make(chan *hot.Reader)
	go func() { gone <- c.Open(left, "a", "v", 10_000, 0, -1, s.fetch) }()
	require.Eventually(t, func() bool { return s.asked.Load() == 1 }, time.Second, time.Millisecond)
	leave()
	require.Nil(t, <-gone, "who leaves does not wait, and does not end the reading for the others")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { requireHeld(t, whole(c, "a", "v", s), s.content) })
	}
	require.LessOrEqual(t, c.Held(), int64(11_000))
	close(s.wait)
	all.Wait()
	require.EqualValues(t, 1, s.asked.Load())
}

func TestBudgetAndShares(t *testing.T) {
	t.Parallel()
	const budget, size = 100 << 10, 10 << 10
	c := hot.New(hot.Deps{Budget: budget})
	s := filled(size, 'x')
	held := func(ref string) (n int) {
		for i := range 40 {
			if r := c.Open(t.Context(), ref, fmt.Sprint(i), size, 1, 2, s.fetch); r != nil {
				n++
				require.NoError(t, r.Close())
			}
		}
		return n
	}
	for i := range 2 {
		hold(t, c, "small", fmt.Sprint(i), s)
	}
	many := func(ref string) {
		for i := range 40 {
			for range i + 2 { // more often than the one before
				if r := whole(c, ref, fmt.Sprint(i), s); r != nil {
					require.NoError(t, r.Close())
				}
			}
		}
	}
	many("greedy")
	require.LessOrEqual(t, c.Held(), int64(budget))
	require.Equal(t, 4, held("greedy"), "half of the budget, and no more")
	require.Equal(t, 2, held("small"))
	for _, ref := range []string{"b", "c"} { // takes from whoever has most
		many(ref)
	}
	require.LessOrEqual(t, c.Held(), int64(budget))
	require.Equal(t, 2, held("small"), "who has little loses nothing to those who have much")
	require.LessOrEqual(t, held("greedy"), 3)
}

// TestWhatFitsNoShareMovesNobody: where the budget is small, a file larger than a share must not push others' out before it is refused.
func TestWhatFitsNoShareMovesNobody(t *testing.T) {
	t.Parallel()
	c := hot.New(hot.Deps{Budget: 2 << 20})
	small, large := filled(1000, 's'), filled(2<<20-1000, 'l')
	hold(t, c, "a", "small", small)
	for range 3 {
		require.Nil(t, whole(c, "b", "large", large))
	}
	requireHeld(t, whole(c, "a", "small", small), small.content)
	require.EqualValues(t, 1, small.asked.Load())
}

func TestRoundsThroughMoreThanFits(t *testing.T) {
	t.Parallel()
	const size = 10 << 10
	c := hot.New(hot.Deps{Budget: 10 * size})
	s := filled(size, 'x')
	const files, rounds = 12, 10
	held := 0
	for range rounds {
		for i := range files {
			if r := whole(c, "a", fmt.Sprint(i), s); r != nil {
				held++
				require.NoError(t, r.Close())
			}
		}
	}
	require.EqualValues(t, 4, s.asked.Load(), "none takes another's place")
	require.Equal(t, 4*(rounds-1), held)
	for range 2 * rounds {
		if r := whole(c, "a", "often", s); r != nil {
			held = -1
			require.NoError(t, r.Close())
		}
	}
	require.Equal(t, -1, held, "what is read more often does")
}

func TestWhatIsBeingReadCounts(t *testing.T) {
	t.Parallel()
	const budget, size = 40 << 10, 10 << 10
	c := hot.New(hot.Deps{Budget: budget})
	s := filled(size, 'x')
	hold(t, c, "a", "v", s)
	slow := whole(c, "a", "v", s)
	c.Drop("a", "v")
	require.Greater(t, c.Held(), int64(size), "the bytes stay until they were read")
	for range 2 {
		require.Nil(t, whole(c, "a", "w", s), "there is no room beside them")
	}
	requireHeld(t, slow, s.content)
	require.Zero(t, c.Held())
	requireHeld(t, whole(c, "a", "w", s), s.content)
}

func TestUnusedGoes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := hot.New(hot.Deps{Budget: 1 << 20, Now: func() time.Time { return now }})
	s := filled(10, 'x')
	hold(t, c, "a", "v", s)
	hold(t, c, "a", "w", s)
	reading := whole(c, "a", "w", s)
	now = now.Add(time.Hour)
	c.Sweep()
	require.Positive(t, c.Held())
	require.NoError(t, reading.Close())
	c.Sweep()
	require.Zero(t, c.Held())
}
