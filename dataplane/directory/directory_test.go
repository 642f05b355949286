package directory

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	s := newSnapshot(t)
	s.Hosts = []string{"api.customer.com"}
	s = c.put(s, false)
	w := start(t, c, newHome(t))
	w.watching(t, true)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			p, err := w.ByRef(t.Context(), s.GetRef())
			if err != nil || p.Ref != s.GetRef() {
				t.Errorf("%v %v", p, err)
			}
		})
	}
	all.Wait()
	require.Equal(t, int64(1), c.resolves.Load(), "one question for all who ask at once")
	p, err := w.ByHost(t.Context(), "api.customer.com")
	require.NoError(t, err)
	require.Equal(t, s.GetRef(), p.Ref)
	require.Equal(t, int64(1), c.resolves.Load(), "the host was in the snapshot")
	require.NotNil(t, w.Known(s.GetRef()))
	require.NoError(t, w.Ready())
}

func TestUnknownNamesAreRefusedAndRemembered(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	w := start(t, c, newHome(t))
	w.watching(t, true)
	for _, odd := range []string{"", "short", "../../etc/passwd", "ABCDEFGHIJKLMNOPQRST", "abcdefghijklmnopqrs1"} {
		_, err := w.ByRef(t.Context(), odd)
		require.ErrorIs(t, err, ErrNotFound)
	}
	require.Zero(t, c.resolves.Load(), "what can be no ref is not asked for")
	ref := id.NewRef()
	for range 10 {
		_, err := w.ByRef(t.Context(), ref)
		require.ErrorIs(t, err, ErrNotFound)
		_, err = w.ByHost(t.Context(), "api.stranger.com")
		require.ErrorIs(t, err, ErrNotFound)
	}
	require.Equal(t, int64(2), c.resolves.Load())
	require.LessOrEqual(t, w.absent.Len(), maxAbsent)

	s := newSnapshot(t) // made a moment later: the change makes it known at once
	s.Ref = ref
	c.put(s, false)
	require.Eventually(t, func() bool { _, err := w.ByRef(t.Context(), ref); return err == nil }, 20*time.Second, time.Millisecond)

	c.put(func() *directoryv1.Snapshot { s := newSnapshot(t); s.Hosts = []string{"api.stranger.com"}; return s }(), true)
	w.clock.advance(absentFor + time.Second)
	_, err := w.ByHost(t.Context(), "api.stranger.com")
	require.NoError(t, err, "absence is remembered for a short while only")
}

func TestRevokedKeyStopsWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	s := c.put(newSnapshot(t), false)
	w := start(t, c, newHome(t))
	w.watching(t, true)
	p, err := w.ByRef(t.Context(), s.GetRef())
	require.NoError(t, err)
	require.Len(t, p.Keys, 1)
	w.changed(t, s.GetRef())
	revoked := newSnapshot(t)
	revoked.Ref, revoked.Keys = s.GetRef(), nil
	began := time.Now()
	c.put(revoked, false)
	w.changed(t, s.GetRef())
	p, err = w.ByRef(t.Context(), s.GetRef())
	require.NoError(t, err)
	require.Empty(t, p.Keys)
	require.Less(t, time.Since(began), 2*time.Second)
}

func TestAChangeWhileTheStreamWasBrokenIsFound(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	used, unused := c.put(newSnapshot(t), false), c.put(newSnapshot(t), false)
	w := start(t, c, newHome(t))
	w.watching(t, true)
	for _, s := range []*directoryv1.Snapshot{used, unused} {
		_, err := w.ByRef(t.Context(), s.GetRef())
		require.NoError(t, err)
		w.changed(t, s.GetRef())
	}
	w.entry(unused.GetRef()).used.Store(0)
	c.unwatched.Store(true)
	c.endStreams()
	w.watching(t, false)
	for _, s := range []*directoryv1.Snapshot{used, unused} {
		s.Keys = nil
		c.put(s, false) // nobody hears it
	}
	c.unwatched.Store(false)
	w.watching(t, true)
	p, err := w.ByRef(t.Context(), unused.GetRef()) // asked for before it is served
	require.NoError(t, err)
	require.Empty(t, p.Keys)
	require.Eventually(t, func() bool { return len(w.Known(used.GetRef()).Keys) == 0 }, 2*time.Second, time.Millisecond,
		"what is in use is revalidated without a request")
}

func TestWithoutTheStreamProjectsInUseAreAskedFor(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	c.unwatched.Store(true)
	s := c.put(newSnapshot(t), false)
	w := start(t, c, newHome(t))
	_, err := w.ByRef(t.Context(), s.GetRef())
	require.NoError(t, err)
	s.Keys = nil
	c.put(s, false)
	began := time.Now()
	require.Eventually(t, func() bool {
		p, err := w.ByRef(t.Context(), s.GetRef())
		return err == nil && len(p.Keys) == 0
	}, 5*time.Second, 5*time.Millisecond)
	require.Less(t, time.Since(began), 2*time.Second)
}

func TestAnAnswerThatWasOvertakenIsAskedForAgain(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	s := c.put(newSnapshot(t), false)
	w := start(t, c, newHome(t))
	w.watching(t, true)
	slow := make(chan struct{})
	c.mu.Lock()
	c.slow = slow
	c.mu.Unlock()
	found := make(chan *Project, 1)
	go func() {
		p, err := w.ByRef(context.Background(), s.GetRef())
		if err != nil {
			t.Error(err)
		}
		found <- p
	}()
	require.Eventually(t, func() bool { return c.resolves.Load() == 1 }, 20*time.Second, time.Millisecond)
	newer := c.put(s, false) // while the first answer is on its way
	require.Eventually(t, func() bool { r, _ := w.recent.Peek(s.GetRef()); return r == newer.GetRevision() }, 20*time.Second, time.Millisecond)
	c.mu.Lock()
	c.slow = nil
	c.mu.Unlock()
	close(slow)
	require.Equal(t, newer.GetRevision(), (<-found).Revision)
}

func TestRemovedProjectsAreForgotten(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	s := newSnapshot(t)
	s.Hosts = []string{"api.customer.com"}
	c.put(s, false)
	h := newHome(t)
	w := start(t, c, h)
	w.watching(t, true)
	_, err := w.ByRef(t.Context(), s.GetRef())
	require.NoError(t, err)
	w.changed(t, s.GetRef())
	c.remove(s.GetRef())
	w.changed(t, s.GetRef())
	c.stop()
	w.watching(t, false)
	_, err = w.ByRef(t.Context(), s.GetRef())
	require.Error(t, err)
	_, err = w.ByHost(t.Context(), "api.customer.com")
	require.Error(t, err)
	files, err := filepath.Glob(filepath.Join(h.dir, "*"))
	require.NoError(t, err)
	require.Empty(t, files, "the last good copy goes too")
}

func TestKnownProjectsAreServedOnWithoutTheControlPlane(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	s := newSnapshot(t)
	s.Hosts = []string{"api.customer.com"}
	s = c.put(s, false)
	h := newHome(t)
	w := start(t, c, h)
	w.watching(t, true)
	_, err := w.ByRef(t.Context(), s.GetRef())
	require.NoError(t, err)
	c.stop()
	w.watching(t, false)

	serves := func(w *worker) {
		t.Helper()
		p, err := w.ByRef(t.Context(), s.GetRef())
		require.NoError(t, err)
		require.Equal(t, s.GetRevision(), p.Revision)
		p, err = w.ByHost(t.Context(), "api.customer.com")
		require.NoError(t, err)
		require.Equal(t, s.GetRef(), p.Ref)
		_, err = w.ByRef(t.Context(), id.NewRef())
		require.ErrorIs(t, err, ErrUnavailable, "unknown projects are refused")
		_, err = w.ByHost(t.Context(), "api.stranger.com")
		require.ErrorIs(t, err, ErrUnavailable)
	}
	serves(w)
	w.stop()
	again := start(t, c, h) // the control plane is still down
	require.NoError(t, again.Ready())
	p, err := again.ByHost(t.Context(), "api.customer.com") // the host first: it is found among the copies
	require.NoError(t, err)
	require.Equal(t, s.GetRef(), p.Ref)
	serves(again)

	h.clock.advance(2 * time.Hour) // twice the limit
	_, err = again.ByRef(t.Context(), s.GetRef())
	require.ErrorIs(t, err, ErrStale)
	again.stop()
	third := start(t, c, h)
	_, err = third.ByRef(t.Context(), s.GetRef())
	require.ErrorIs(t, err, ErrStale, "nor after another restart")

	c.start()
	third.watching(t, true)
	_, err = third.ByRef(t.Context(), s.GetRef())
	require.NoError(t, err)
}

func TestAFailingControlPlaneIsLikeNone(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	s := c.put(newSnapshot(t), false)
	w := start(t, c, newHome(t))
	w.watching(t, true)
	_, err := w.ByRef(t.Context(), s.GetRef())
	require.NoError(t, err)
	c.failing.Store(true)
	c.put(s, false)
	require.Eventually(t, func() bool { return w.entry(s.GetRef()).flagged.Load() }, 20*time.Second, time.Millisecond)
	p, err := w.ByRef(t.Context(), s.GetRef())
	require.NoError(t, err)
	require.Equal(t, s.GetRevision(), p.Revision)
	_, err = w.ByRef(t.Context(), id.NewRef())
	require.ErrorIs(t, err, ErrUnavailable)
}

func TestCopiesAreSealedAndPrivate(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	s, other := c.put(newSnapshot(t), false), c.put(newSnapshot(t), false)
	h := newHome(t)
	h.dir = filepath.Join(h.dir, "made", "here")
	w := start(t, c, h)
	for _, x := range []*directoryv1.Snapshot{s, other} {
		_, err := w.ByRef(t.Context(), x.GetRef())
		require.NoError(t, err)
	}
	w.stop()
	c.stop()
	dir, err := os.Stat(h.dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), dir.Mode().Perm())
	path := func(ref string) string { return filepath.Join(h.dir, ref+copySuffix) }
	file, err := os.Stat(path(s.GetRef()))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), file.Mode().Perm())
	sealed, err := os.ReadFile(path(s.GetRef()))
	require.NoError(t, err)
	require.False(t, bytes.Contains(sealed, []byte("a-very-secret-password")))

	moved, err := os.ReadFile(path(other.GetRef())) // one project's copy under another's name opens nothing
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path(s.GetRef()), moved, 0o600))
	again := start(t, c, h)
	_, err = again.ByRef(t.Context(), s.GetRef())
	require.ErrorIs(t, err, ErrUnavailable)
	_, err = again.ByRef(t.Context(), other.GetRef())
	require.NoError(t, err)
	again.stop()

	h.sealer = testkit.Sealer(t) // another master key
	foreign := start(t, c, h)
	_, err = foreign.ByRef(t.Context(), other.GetRef())
	require.ErrorIs(t, err, ErrUnavailable)
}

func TestCopiesAreKeptYoung(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	s := c.put(newSnapshot(t), false)
	w := start(t, c, newHome(t))
	w.watching(t, true)
	_, err := w.ByRef(t.Context(), s.GetRef())
	require.NoError(t, err)
	w.clock.advance(40 * time.Minute)
	require.Equal(t, []string{s.GetRef()}, w.disk.olderThan(w.clock.now().Add(-30*time.Minute)))
	w.evict(s.GetRef(), w.entry(s.GetRef())) // idle: nothing in memory confirms it
	w.renewCopy(t.Context(), s.GetRef())
	require.Empty(t, w.disk.olderThan(w.clock.now().Add(-30*time.Minute)))
}

func TestAWrongServiceTokenIsNoProject(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	s := c.put(newSnapshot(t), false)
	d, err := New(Deps{URL: "http://" + c.address, ServiceToken: "wrong", StaleLimit: time.Hour, Log: testkit.Logger(t)})
	require.NoError(t, err)
	_, err = d.ByRef(t.Context(), s.GetRef())
	require.ErrorIs(t, err, ErrUnavailable)
	require.Error(t, d.Ready())
}

func TestCallersMayGiveUp(t *testing.T) {
	t.Parallel()
	c := newControlplane(t)
	c.slow = make(chan struct{})
	s := c.put(newSnapshot(t), false)
	w := start(t, c, newHome(t))
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	_, err := w.ByRef(ctx, s.GetRef())
	require.ErrorIs(t, err, gone)
	close(c.slow)
}

func BenchmarkByRef(b *testing.B) {
	c := newControlplane(b)
	s := c.put(newSnapshot(b), false)
	w := start(b, c, newHome(b))
	w.watching(b, true)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.ByRef(b.Context(), s.GetRef()); err != nil {
			b.Fatal(err)
		}
	}
}
