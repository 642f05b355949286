package resumable_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/resumable"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/fault"
)

var errCut = errors.New("the connection is cut")

// send patches over a real connection. It returns the status, or 0 when the connection broke.
func (b *bundle) send(ctx context.Context, server, path string, offset int, body io.Reader, length int, headers ...string) int {
	b.T.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPatch, server+path, body)
	require.NoError(b.T, err)
	r.ContentLength = int64(length)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("Content-Type", chunkType)
	r.Header.Set("Upload-Offset", strconv.Itoa(offset))
	r.Header.Set("Authorization", "Bearer "+b.token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	require.NoError(b.T, answer.Body.Close())
	return answer.StatusCode
}

func TestInterruptedAnywhereAndResumedElsewhere(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		servers := []string{b.serve(b.worker()), b.serve(b.worker())}
		data := random(30 * mb)
		path := b.begun("cut", len(data))
		random := rand.New(rand.NewPCG(1, 2))
		offset, cuts := 0, 0
		for i := 0; offset < len(data); i++ {
			rest := data[offset:]
			n := 1 + random.IntN(5*mb)
			var body io.Reader = torn{bytes.NewReader(rest[:min(n, len(rest)-1)]), errCut}
			if cuts > 12 {
				body = bytes.NewReader(rest)
			}
			status := b.send(t.Context(), servers[i%2], path, offset, body, len(rest))
			// A request that broke off may be served after the question how far the upload is: then the next one is refused, and asks again.
			if cuts++; status == 0 || status == http.StatusConflict || status == http.StatusLocked {
				next := b.on(b.worker()).offset(path)
				require.GreaterOrEqual(t, next, offset, "what was kept stays")
				offset = next
				continue
			}
			require.Equal(t, http.StatusNoContent, status)
			offset = len(data)
		}
		b.has("cut", data)
		b.tidy(1)
	})
}

// What an attempt wrote whose worker was killed is neither counted nor kept.
func TestKilledWithinARequest(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		data := random(27 * mb)
		path := b.begun("killed", len(data))
		require.Equal(t, 9*mb, b.patched(path, 0, data[:9*mb]))
		// The state of a worker that was killed: it had claimed the upload, taken a number, and sent a part and a tail that nobody counts.
		_, err := b.redis.Set(t.Context(), b.prefix+"{"+b.Project.Ref+":"+id(path)+"}", "dead", time.Second).Result()
		require.NoError(t, err)
		storagetest.One[string](b.Bundle, `update resumable_uploads set state = state || jsonb_build_object('fence', (state->>'fence')::int + 1, 'open', true, 'next', (state->>'next')::int + 1)
			where id = $1 returning id`, id(path))
		lease := storagetest.One[string](b.Bundle, "select split_part(version, '/', 1) from resumable_uploads where id = $1", id(path))
		_, err = b.Blobs.Put(t.Context(), b.Project, lease+"/00000000-0000-4000-8000-000000000000", bytes.NewReader(data[:100]), 100, "text/plain")
		require.NoError(t, err)

		other := b.on(b.worker())
		require.Equal(t, 9*mb, other.offset(path))
		require.Equal(t, 27*mb, other.patched(path, 9*mb, data[9*mb:]))
		b.has("killed", data)
		b.tidy(1)
	})
}

// held is a body that stops in its middle until it is let go.
type held struct {
	first, rest io.Reader
	reached     chan struct{}
	free        chan struct{}
	once        sync.Once
}

func hold(first, rest []byte) *held {
	return &held{first: bytes.NewReader(first), rest: bytes.NewReader(rest), reached: make(chan struct{}), free: make(chan struct{})}
}

func (h *held) Read(b []byte) (int, error) {
	if n, err := h.first.Read(b); err == nil {
		return n, nil
	}
	h.once.Do(func() { close(h.reached) })
	<-h.free
	return h.rest.Read(b)
}

func TestTheNewerRequestGoesOn(t *testing.T) {
	for name, change := range map[string]func(*resumable.Deps){
		"with locks": func(*resumable.Deps) {},
		"without Redis": func(d *resumable.Deps) {
			d.Redis = redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, b *bundle) {
				data := random(25 * mb)
				older, newer := b.serve(b.worker(change)), b.on(b.worker(change))
				path := b.begun("two", len(data))
				body := hold(data[:18*mb], data[18*mb:])
				status := make(chan int, 1)
				go func() { status <- b.send(context.Background(), older, path, 0, body, len(data)) }()
				<-body.reached
				var offset int
				require.Eventually(t, func() bool { // two parts were kept for certain; with a lock also what came after
					offset = newer.offset(path)
					return offset >= 16*mb
				}, patience, 10*time.Millisecond)
				require.Equal(t, len(data), newer.patched(path, offset, data[offset:]))
				close(body.free)
				require.NotEqual(t, http.StatusNoContent, <-status, "the older one was stopped")
				b.has("two", data)
				require.Len(t, b.StoredKeys(), 1)
			})
		})
	}
}

// Who lost the lock without knowing writes nothing that counts, whatever it still has.
func TestLostLock(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		data, others := random(12*mb), random(12*mb+1)
		older, newer := b.serve(b.worker()), b.on(b.worker())
		path := b.begun("lost", len(data))
		body := hold(others[:10*mb], others[10*mb:12*mb])
		status := make(chan int, 1)
		go func() { status <- b.send(context.Background(), older, path, 0, body, len(data)) }()
		<-body.reached
		require.Eventually(t, func() bool {
			return storagetest.One[int](b.Bundle, "select (state->>'offset')::int from resumable_uploads where id = $1", id(path)) == 8*mb
		}, patience, 10*time.Millisecond)
		require.NoError(t, b.redis.Del(t.Context(), b.prefix+"{"+b.Project.Ref+":"+id(path)+"}").Err())
		require.Equal(t, 12*mb, newer.patched(path, 8*mb, data[8*mb:]))
		close(body.free)
		require.NotEqual(t, http.StatusNoContent, <-status)
		b.has("lost", append(others[:8*mb:8*mb], data[8*mb:]...))
	})
}

// Many writers at once with different bytes: what each was told is what there is.
func TestManyWriters(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		workers := []*bundle{b.on(b.worker()), b.on(b.worker())}
		data := random(4 * mb)
		path := b.begun("many", len(data))
		for offset := 0; offset < len(data); offset += mb {
			chunk := data[offset : offset+mb]
			statuses := make(chan int, 6)
			for i := range cap(statuses) {
				go func() { statuses <- workers[i%2].patch(path, offset, chunk).Status }()
			}
			kept := 0
			for range cap(statuses) {
				switch s := <-statuses; s {
				case http.StatusNoContent:
					kept++
				case http.StatusConflict, http.StatusLocked:
				default:
					t.Errorf("status %d", s)
				}
			}
			require.Equal(t, 1, kept, "one of them writes")
		}
		b.has("many", data)
		b.tidy(1)
	})
}

func TestDeadWorkersLockEnds(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		path := b.begun("dead", 3)
		key := b.prefix + "{" + b.Project.Ref + ":" + id(path) + "}"
		require.NoError(t, b.redis.Set(t.Context(), key, "of a worker that died", 8*time.Second).Err())
		began := time.Now()
		require.Equal(t, 3, b.patched(path, 0, "abc"))
		require.Less(t, time.Since(began), 12*time.Second)
		require.Zero(t, b.redis.Exists(t.Context(), key).Val(), "the lock was given back")
	})
}

func TestCommitThatFailed(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		data := random(9 * mb)
		away := fault.New(fault.Unavailable, "DATABASE_UNREACHABLE", "The database is away.")
		fail := func(context.Context) error { return away }

		path := b.begun("before", len(data))
		b.objects.before = fail
		require.Equal(t, http.StatusServiceUnavailable, b.patch(path, 0, data).Status)
		b.objects.before = nil
		b.lapse(path)
		other := b.on(b.worker())
		require.Equal(t, len(data), other.offset(path), "asking finishes it")
		b.has("before", data)

		path = b.begun("after", len(data))
		b.objects.after = fail
		require.Equal(t, http.StatusNoContent, b.patch(path, 0, data).Status, "only the database's answer was lost")
		b.objects.after = nil
		b.undone(path)
		require.Equal(t, len(data), other.offset(path), "it was committed")
		require.Equal(t, len(data), other.patched(path, len(data), nil))
		b.has("after", data)
		b.tidy(2)

		path = b.begun("terminated", len(data))
		b.patched(path, 0, data)
		b.undone(path)
		require.Equal(t, http.StatusConflict, other.terminate(path).Status, "the object stays")
		b.has("terminated", data)
		b.tidy(3)
	})
}

// undone makes it as if a worker had died right after the commit.
func (b *bundle) undone(path string) {
	b.T.Helper()
	storagetest.One[string](b.Bundle, `update resumable_uploads set state = state - 'done' || jsonb_build_object('stored', true, 'finishing', now() - interval '1 second')
		where id = $1 returning id`, id(path))
}

// lapse lets the time pass in which a commit that nobody heard of might still come.
func (b *bundle) lapse(path string) {
	b.T.Helper()
	storagetest.One[string](b.Bundle, "update resumable_uploads set state = state || jsonb_build_object('finishing', now() - interval '1 second') where id = $1 returning id", id(path))
}

// Between the completion in the object store and the row, the worker dies.
func TestCompletedAndNotToldSo(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		data := random(17 * mb)
		path := b.begun("completed", len(data))
		b.objects.before = func(context.Context) error {
			return fault.New(fault.Unavailable, "DATABASE_UNREACHABLE", "The database is away.")
		}
		require.Equal(t, http.StatusServiceUnavailable, b.patch(path, 0, data).Status)
		b.objects.before = nil
		storagetest.One[string](b.Bundle, "update resumable_uploads set state = state - 'stored' - 'etag' - 'finishing' where id = $1 returning id", id(path))
		require.Equal(t, len(data), b.patched(path, len(data), nil))
		o := b.has("completed", data)
		require.Regexp(t, `^"[0-9a-f]{32}-3"$`, o.Metadata.ETag)
		b.tidy(1)
	})
}
