//go:build vips

package imaging

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/gif"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/imagingtest"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func newPool(t testing.TB, change func(*PoolDeps)) *Pool {
	t.Helper()
	d := PoolDeps{Program: imagingtest.Program(t), Workers: 2, Memory: 512 << 20, Timeout: 20 * time.Second, TempDir: t.TempDir(), Log: testkit.Logger(t)}
	if change != nil {
		change(&d)
	}
	p := NewPool(d)
	t.Cleanup(p.Close)
	return p
}

func of(raw []byte) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }
}

var small = job.Recipe{Width: 50, Height: 50, Resize: job.Contain, Format: job.WebP}

func reason(err error) string { return fault.From(err).Reason }

// read reads a picture and lets go of it.
func read(t testing.TB, p *picture) []byte {
	t.Helper()
	r := p.reader()
	raw, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return raw
}

func (p *Pool) counts() (idle, running, started int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle), len(p.running), p.started
}

func TestAProcessServesOneProjectAgainAndAgain(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	raw := imagingtest.JPEG(t, imagingtest.Halves(200, 100))
	idle, running, started := p.counts()
	require.Zero(t, idle+running+started, "nothing runs before it is asked for")
	for range 5 {
		made, err := p.make(t.Context(), "a", small, of(raw))
		require.NoError(t, err)
		require.Equal(t, "image/webp", made.mime)
		require.Equal(t, "RIFF", string(read(t, made)[:4]))
	}
	_, _, started = p.counts()
	require.Equal(t, 1, started)
	for _, project := range []string{"b", "c", "b"} { // two places: one project's process makes room for another's
		made, err := p.make(t.Context(), project, small, of(raw))
		require.NoError(t, err)
		made.release()
	}
	idle, running, _ = p.counts()
	require.LessOrEqual(t, idle+running, 2)
}

func TestIdleProcessesEnd(t *testing.T) {
	t.Parallel()
	p := newPool(t, func(d *PoolDeps) { d.Idle = 10 * time.Millisecond })
	made, err := p.make(t.Context(), "a", small, of(imagingtest.JPEG(t, imagingtest.Halves(20, 10))))
	require.NoError(t, err)
	made.release()
	require.Eventually(t, func() bool { idle, running, _ := p.counts(); return idle+running == 0 }, 10*time.Second, 5*time.Millisecond)
}

// TestEverySourceIsReadInTheSandbox: decoders start threads and ask the system what they like.
func TestEverySourceIsReadInTheSandbox(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	sources := map[string][]byte{"JPEG": imagingtest.JPEG(t, imagingtest.Photo(900, 700)), "PNG": imagingtest.PNG(t, imagingtest.Photo(900, 700))}
	for _, name := range []string{"red.heic", "red.tiff", "red-cmyk.jpg", "red-p3.png"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "..", "cmd", "fluxbase-images", "testdata", name))
		require.NoError(t, err)
		sources[name] = raw
	}
	var animated bytes.Buffer
	require.NoError(t, gif.Encode(&animated, imagingtest.Halves(300, 200), nil))
	sources["GIF"] = animated.Bytes()
	for name, format := range map[string]job.Format{"WebP": job.WebP, "AVIF": job.AVIF} {
		made, err := p.make(t.Context(), "a", job.Recipe{Format: format}, of(sources["PNG"]))
		require.NoError(t, err)
		sources[name] = read(t, made)
	}
	for name, raw := range sources {
		for _, format := range []job.Format{job.Origin, job.WebP, job.AVIF} {
			made, err := p.make(t.Context(), "a", job.Recipe{Width: 40, Resize: job.Contain, Format: format}, of(raw))
			require.NoError(t, err, "%s as %s", name, format)
			require.NotEmpty(t, read(t, made))
		}
	}
	_, _, started := p.counts()
	require.Equal(t, 1, started)
}

func TestLargeResultsWaitInAFileWithoutAName(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p := newPool(t, func(d *PoolDeps) { d.TempDir = folder })
	raw := imagingtest.PNG(t, imagingtest.Photo(700, 500))
	made, err := p.make(t.Context(), "a", job.Recipe{Format: job.Origin}, of(raw))
	require.NoError(t, err)
	require.Greater(t, made.size, int64(inMemory))
	require.NotNil(t, made.file)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, entries)
	made.hold()
	one, two := made.reader(), made.reader()
	_, err = io.ReadAll(one)
	require.NoError(t, err)
	require.NoError(t, one.Close())
	require.NoError(t, one.Close(), "twice is once")
	config, err := png.DecodeConfig(two)
	require.NoError(t, err)
	require.Equal(t, 700, config.Width)
	require.NoError(t, two.Close())
	_, err = made.file.Stat()
	require.ErrorIs(t, err, os.ErrClosed)
}

func TestRefusalsAreSaidAndLeaveTheProcessOfUse(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	fine := imagingtest.PNG(t, imagingtest.Photo(100, 50))
	failing := func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(fine[:600]), &broken{})), nil
	}
	cases := []struct {
		name    string
		open    func(context.Context) (io.ReadCloser, error)
		message string
	}{
		{"not an image", of([]byte("hello")), "invalid or unsupported"},
		{"SVG", of([]byte("<svg/>")), "invalid or unsupported"},
		{"cut short", of(fine[:len(fine)-40]), "invalid or unsupported"},
		{"too many pixels", of(imagingtest.PNGOf(60000, 60000, nil, imagingtest.Deflate(make([]byte, 1<<20)))), "resolution is too large"},
		{"too large a file", of(append(append([]byte{}, fine...), make([]byte, job.MaxInput)...)), "file is too large"},
		{"a file that cannot be read to its end", failing, "the store is away"},
		{"a file that cannot be opened", func(context.Context) (io.ReadCloser, error) { return nil, errAway }, "the store is away"},
	}
	for _, c := range cases {
		_, err := p.make(t.Context(), "a", small, c.open)
		require.ErrorContains(t, err, c.message, c.name)
		if !errors.Is(err, errAway) {
			require.Equal(t, "INVALID_REQUEST", reason(err), c.name)
			require.Equal(t, fault.Invalid, fault.From(err).Kind, c.name)
		}
	}
	made, err := p.make(t.Context(), "a", small, of(fine))
	require.NoError(t, err)
	made.release()
	_, _, started := p.counts()
	require.Equal(t, 1, started, "one process refused them all")
}

var errAway = errors.New("the store is away")

type broken struct{}

func (*broken) Read([]byte) (int, error) { return 0, errAway }

// slow is a file whose end does not come before it is let go.
type slow struct {
	begin io.Reader
	begun chan struct{}
	once  sync.Once
	goOn  chan struct{}
}

func (s *slow) Read(b []byte) (int, error) {
	if n, err := s.begin.Read(b); err == nil {
		return n, nil
	}
	s.once.Do(func() { close(s.begun) })
	<-s.goOn
	return 0, io.EOF
}

func (s *slow) Close() error { return nil }

func TestAProgramKilledInTheMiddleOfAJobIsReplaced(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	raw := imagingtest.JPEG(t, imagingtest.Halves(300, 200))
	file := &slow{begin: bytes.NewReader(raw), begun: make(chan struct{}), goOn: make(chan struct{})}
	failed := make(chan error, 1)
	go func() {
		_, err := p.make(t.Context(), "a", small, func(context.Context) (io.ReadCloser, error) { return file, nil })
		failed <- err
	}()
	<-file.begun
	p.mu.Lock()
	require.Len(t, p.running, 1)
	for worker := range p.running {
		require.NoError(t, worker.command.Process.Kill())
	}
	p.mu.Unlock()
	close(file.goOn)
	require.Equal(t, "INVALID_REQUEST", reason(<-failed))
	made, err := p.make(t.Context(), "a", small, of(raw))
	require.NoError(t, err)
	made.release()
}

func TestAProgramKilledWhileItWaitsIsNotMissed(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	raw := imagingtest.JPEG(t, imagingtest.Halves(30, 20))
	made, err := p.make(t.Context(), "a", small, of(raw))
	require.NoError(t, err)
	made.release()
	p.mu.Lock()
	for worker := range p.idle {
		require.NoError(t, worker.command.Process.Kill())
		<-worker.done
	}
	p.mu.Unlock()
	made, err = p.make(t.Context(), "a", small, of(raw))
	require.NoError(t, err)
	made.release()
}

func TestAJobThatTakesTooLongIsEnded(t *testing.T) {
	t.Parallel()
	p := newPool(t, func(d *PoolDeps) { d.Timeout = 300 * time.Millisecond })
	_, err := p.make(t.Context(), "a", job.Recipe{Format: job.WebP, Quality: 100}, of(largest(t)))
	require.Equal(t, "IMAGE_TIMEOUT", reason(err))
	require.Equal(t, fault.DeadlineExceeded, fault.From(err).Kind)
	idle, running, _ := p.counts()
	require.Zero(t, idle+running)
}

func TestWhoLeavesEndsTheirJob(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	file := &slow{begin: bytes.NewReader(imagingtest.JPEG(t, imagingtest.Halves(30, 20))), begun: make(chan struct{}), goOn: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := p.make(ctx, "a", small, func(context.Context) (io.ReadCloser, error) { return file, nil })
		failed <- err
	}()
	<-file.begun
	cancel()
	close(file.goOn)
	require.ErrorIs(t, <-failed, context.Canceled)
}

func TestAFileThatDoesNotComeHoldsNoPlaceForEver(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	p.transfer = 50 * time.Millisecond
	stuck := func(ctx context.Context) (io.ReadCloser, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	_, err := p.make(t.Context(), "a", small, stuck)
	require.Equal(t, "OBJECT_STORE_UNREACHABLE", reason(err))
	begin := imagingtest.JPEG(t, imagingtest.Halves(30, 20))
	_, err = p.make(t.Context(), "a", small, func(ctx context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(begin), readerFunc(func([]byte) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}))), nil
	})
	require.Equal(t, "OBJECT_STORE_UNREACHABLE", reason(err))
	require.Empty(t, p.turns.lines)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	// A picture that must be turned by a quarter is decoded whole: 75 MB.
	raw := imagingtest.Oriented(imagingtest.JPEG(t, image.NewYCbCr(image.Rect(0, 0, 5000, 5000), image.YCbCrSubsampleRatio444)), 6)
	recipe := job.Recipe{Width: 2500, Height: 4990, Resize: job.Cover, Format: job.Origin}
	tight := newPool(t, func(d *PoolDeps) { d.Memory = 64 << 20 })
	_, err := tight.make(t.Context(), "a", recipe, of(raw))
	require.Equal(t, "INVALID_REQUEST", reason(err))
	made, err := tight.make(t.Context(), "a", small, of(imagingtest.JPEG(t, imagingtest.Photo(1000, 800))))
	require.NoError(t, err, "the least bound is enough for ordinary pictures")
	made.release()
	wide := newPool(t, nil)
	made, err = wide.make(t.Context(), "a", recipe, of(raw))
	require.NoError(t, err)
	made.release()
}

var largestOnce sync.Once
var largestFile []byte

// largest is a file of nearly as many pixels as may be.
func largest(t *testing.T) []byte {
	t.Helper()
	largestOnce.Do(func() {
		largestFile = imagingtest.JPEG(t, image.NewYCbCr(image.Rect(0, 0, 8000, 6200), image.YCbCrSubsampleRatio420))
	})
	return largestFile
}

func TestTheLargestPicturesAreMadeWithinTheUsualBounds(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	raw := largest(t)
	for _, format := range []job.Format{job.WebP, job.AVIF, job.Origin} {
		made, err := p.make(t.Context(), "a", job.Recipe{Width: 2500, Height: 2500, Resize: job.Cover, Format: format}, of(raw))
		require.NoError(t, err, format)
		made.release()
	}
}

func TestTheProgramCanDoNothingElse(t *testing.T) {
	t.Parallel()
	said, err := exec.Command(imagingtest.Program(t), "-check").CombinedOutput()
	require.NoError(t, err, string(said))
	require.Contains(t, string(said), "jpeg yes png yes webp yes gif yes avif yes")
	require.Contains(t, string(said), "enclosed yes", "it opens no file, makes no socket, starts no program")
}

func TestTheProgramIsEnclosed(t *testing.T) {
	t.Setenv("FLUXBASE_SECRET", "hunter2")
	p := newPool(t, nil)
	made, err := p.make(t.Context(), "a", small, of(imagingtest.JPEG(t, imagingtest.Halves(30, 20))))
	require.NoError(t, err)
	made.release()
	p.mu.Lock()
	defer p.mu.Unlock()
	for worker := range p.idle {
		folder := filepath.Join("/proc", strconv.Itoa(worker.command.Process.Pid))
		environment, err := os.ReadFile(filepath.Join(folder, "environ"))
		require.NoError(t, err)
		require.NotContains(t, string(environment), "hunter2")
		require.NotContains(t, string(environment), "FLUXBASE")
		status, err := os.ReadFile(filepath.Join(folder, "status"))
		require.NoError(t, err)
		require.Contains(t, string(status), "NoNewPrivs:\t1")
		require.Contains(t, string(status), "Seccomp:\t2", "system calls are filtered")
		threads, err := os.ReadDir(filepath.Join(folder, "task"))
		require.NoError(t, err)
		for _, thread := range threads {
			status, err := os.ReadFile(filepath.Join(folder, "task", thread.Name(), "status"))
			require.NoError(t, err)
			require.Contains(t, string(status), "Seccomp:\t2", "in every thread")
		}
		limits, err := os.ReadFile(filepath.Join(folder, "limits"))
		require.NoError(t, err)
		for _, line := range strings.Split(string(limits), "\n") {
			fields := strings.Fields(line)
			switch {
			case strings.HasPrefix(line, "Max file size"), strings.HasPrefix(line, "Max core file size"):
				require.Contains(t, fields, "0", line)
			case strings.HasPrefix(line, "Max address space"), strings.HasPrefix(line, "Max cpu time"):
				require.NotEqual(t, "unlimited", fields[3], line)
			}
		}
		files, err := os.ReadDir(filepath.Join(folder, "fd"))
		require.NoError(t, err)
		for _, file := range files {
			target, err := os.Readlink(filepath.Join(folder, "fd", file.Name()))
			require.NoError(t, err)
			require.False(t, strings.HasPrefix(target, "socket:"), target)
		}
	}
}

func TestManyAtOnceShareTheProcesses(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	raw := imagingtest.JPEG(t, imagingtest.Photo(600, 400))
	var wait sync.WaitGroup
	failed := make(chan error, 64)
	for i := range 24 {
		wait.Go(func() {
			made, err := p.make(t.Context(), "project "+strconv.Itoa(i%3), small, of(raw))
			if err != nil {
				failed <- err
				return
			}
			made.release()
		})
	}
	wait.Wait()
	require.Empty(t, failed)
	idle, running, _ := p.counts()
	require.LessOrEqual(t, idle+running, 2)
}

func TestClosingEndsEverything(t *testing.T) {
	t.Parallel()
	p := newPool(t, nil)
	raw := imagingtest.JPEG(t, imagingtest.Halves(30, 20))
	made, err := p.make(t.Context(), "a", small, of(raw))
	require.NoError(t, err)
	made.release()
	p.mu.Lock()
	var pids []int
	for worker := range p.idle {
		pids = append(pids, worker.command.Process.Pid)
	}
	p.mu.Unlock()
	p.Close()
	require.NotEmpty(t, pids)
	for _, pid := range pids {
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
	}
	_, err = p.make(t.Context(), "a", small, of(raw))
	require.Equal(t, "SHUTTING_DOWN", reason(err))
}
