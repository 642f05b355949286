package hot_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/blob/hot"
)

// told is a body that says how long it is and writes itself, as the object store's do.
type told struct {
	*bytes.Reader
	says int64
}

func (b told) Left() int64 { return b.says }
func (told) Close() error  { return nil }

// holdOnDisk reads a version until it is held, which nobody waits for.
func holdOnDisk(t *testing.T, c *hot.Cache, ref, version string, s *store) {
	t.Helper()
	require.Nil(t, whole(c, ref, version, s), "one read is not often")
	require.Nil(t, whole(c, ref, version, s), "the second does not wait for the disk")
	require.Eventually(t, func() bool {
		r := whole(c, ref, version, s)
		return r != nil && r.Close() == nil
	}, 10*time.Second, time.Millisecond)
	require.EqualValues(t, 1, s.asked.Load())
}

func TestLargeFilesAreHeldOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := hot.New(hot.Deps{Budget: 16 << 20, Dir: dir})
	s := &store{content: bytes.Repeat([]byte("0123456789"), 300_000)}
	holdOnDisk(t, c, "a", "v", s)
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, names, "what is held has no name that would outlive the process")

	requireHeld(t, whole(c, "a", "v", s), s.content)
	open := func(from, to int64) *hot.Reader { return c.Open(t.Context(), "a", "v", 3_000_000, from, to, s.fetch) }
	requireHeld(t, open(12, 14), []byte("234"))
	requireHeld(t, open(2_999_997, -1), []byte("789"))
	for _, beyond := range [][2]int64{{3_000_000, -1}, {9, 3_000_000}, {0, 1 << 40}, {-1, 3}, {5, 4}} {
		require.Nil(t, open(beyond[0], beyond[1]), "%v is for the object store to refuse", beyond)
	}
	require.Nil(t, whole(c, "b", "v", s), "a version is one of its project")

	var all sync.WaitGroup
	for i := range int64(20) { // each has a place of its own in it
		all.Go(func() {
			r := open(i, -1)
			var out bytes.Buffer
			n, err := r.WriteTo(&out)
			require.NoError(t, err)
			require.Equal(t, 3_000_000-i, n)
			require.Equal(t, s.content[i:], out.Bytes())
			require.NoError(t, r.Close())
		})
	}
	all.Wait()

	reading := open(0, -1)
	c.Drop("a", "v")
	require.Nil(t, open(0, 1))
	require.Greater(t, c.Held(), int64(3_000_000), "the bytes stay until they were read")
	requireHeld(t, reading, s.content)
	require.Zero(t, c.Held())
}

func TestWhatIsNotHeldOnDisk(t *testing.T) {
	t.Parallel()
	settled := func(c *hot.Cache, why string) {
		t.Helper()
		require.Eventually(t, func() bool { return c.Held() == 0 }, 10*time.Second, time.Millisecond, why)
	}
	c := hot.New(hot.Deps{Budget: 1 << 20, Dir: t.TempDir()})
	s := filled(100_000, 'x')
	for _, says := range []int64{99_999, 100_001, 100_000} { // by a row that its project's owner wrote; the last is the object store's lie
		for name, fetch := range map[string]func(context.Context) (io.ReadCloser, error){
			"a body that tells its length": func(context.Context) (io.ReadCloser, error) {
				return told{bytes.NewReader(s.content[:99_998]), 99_998}, nil
			},
			"one that does not": func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(s.content[:99_998])), nil
			},
			"one that breaks off": func(context.Context) (io.ReadCloser, error) {
				return told{bytes.NewReader(s.content[:99_998]), says}, nil
			},
		} {
			for range 4 {
				require.Nil(t, c.Open(t.Context(), "a", name, says, 0, -1, fetch), name)
			}
			settled(c, name)
		}
	}
	for range 3 {
		require.Nil(t, whole(c, "a", "larger than a share", filled(1<<19, 'x')))
	}
	require.Zero(t, c.Held())

	gone := hot.New(hot.Deps{Budget: 1 << 20, Dir: filepath.Join(t.TempDir(), "gone")})
	for range 3 {
		require.Nil(t, whole(gone, "a", "v", s), "no folder is no reason to fail")
		settled(gone, "there is no folder")
	}
	require.Zero(t, s.asked.Load(), "nor to ask the object store for what cannot be kept")
}

func TestTwoAreWrittenToDiskAtOnce(t *testing.T) {
	t.Parallel()
	c := hot.New(hot.Deps{Budget: 1 << 20, Dir: t.TempDir()})
	s := &store{content: bytes.Repeat([]byte("x"), 1000), wait: make(chan struct{})}
	for _, version := range []string{"a", "b", "c"} {
		for range 3 {
			require.Nil(t, whole(c, "p", version, s))
		}
	}
	require.Eventually(t, func() bool { return s.asked.Load() == 2 }, 10*time.Second, time.Millisecond)
	require.Less(t, c.Held(), int64(3000), "the third waits for another reading")
	close(s.wait)
	require.Eventually(t, func() bool {
		r := whole(c, "p", "c", s)
		return r != nil && r.Close() == nil
	}, 10*time.Second, time.Millisecond)
	require.EqualValues(t, 3, s.asked.Load())
}

func TestAProjectHasOnlySoMuchWrittenToDisk(t *testing.T) {
	t.Parallel()
	const size, budget = 100_000, 1 << 20
	now := time.Now()
	c := hot.New(hot.Deps{Budget: budget, Dir: t.TempDir(), Now: func() time.Time { return now }})
	s := filled(size, 'x')
	churn := func(ref string) int64 { // each is read more often than the one before, so that it takes its place
		before := s.asked.Load()
		for i := range 20 {
			for range i + 2 {
				if r := whole(c, ref, fmt.Sprint(i, now), s); r != nil {
					require.NoError(t, r.Close())
				}
				require.Eventually(t, func() bool { return c.Writing() == 0 }, 10*time.Second, time.Millisecond)
			}
		}
		return s.asked.Load() - before
	}
	require.Equal(t, int64(budget/size), churn("greedy"))
	require.Zero(t, churn("greedy"), "the disk is not one project's to wear out")
	require.Equal(t, int64(budget/size), churn("other"))
	now = now.Add(10 * time.Minute)
	require.Positive(t, churn("greedy"))
}
