//go:build vips

package imaging

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/imagingtest"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// opened counts how often a source is read, and may hold readers back.
type opened struct {
	Objects
	times atomic.Int32
	gate  chan struct{}
}

func (o *opened) Open(ctx context.Context, session *projectdb.Session, of *object.Object, from, to int64) (io.ReadCloser, error) {
	o.times.Add(1)
	if o.gate != nil {
		select {
		case <-o.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return o.Objects.Open(ctx, session, of, from, to)
}

// scene is a project with images.
type scene struct {
	*storagetest.Bundle
	pool *Pool
	read *opened
	svc  *Service
}

func both(t *testing.T, test func(t *testing.T, s *scene)) {
	t.Helper()
	imagingtest.Program(t)
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("photos", true)
		s := &scene{Bundle: b, pool: newPool(t, nil), read: &opened{Objects: b.Objects}}
		s.svc = s.service(t, b.Blobs)
		test(t, s)
	})
}

// service makes a Service that remembers nothing, as after a restart.
func (s *scene) service(t *testing.T, kept Bytes) *Service {
	t.Helper()
	svc, err := New(Deps{Pool: s.pool, Objects: s.read, Bytes: kept, Log: testkit.Logger(t)})
	require.NoError(t, err)
	t.Cleanup(svc.work.Wait)
	return svc
}

func (s *scene) photo(t *testing.T, name string) *object.Object {
	t.Helper()
	return s.Put("photos", name, string(imagingtest.JPEG(t, imagingtest.Photo(300, 200))))
}

func (s *scene) get(t *testing.T, svc *Service, o *object.Object, recipe job.Recipe) []byte {
	t.Helper()
	made, err := svc.Get(t.Context(), s.Service(), o, recipe)
	require.NoError(t, err)
	raw, err := io.ReadAll(made.Body)
	require.NoError(t, err)
	require.NoError(t, made.Body.Close())
	require.Len(t, raw, int(made.Size))
	require.Equal(t, "image/webp", made.MIME)
	svc.work.Wait() // what is kept is kept
	return raw
}

// kept lists the keys of renditions that have bytes.
func (s *scene) kept() (out []string) {
	for _, key := range s.StoredKeys() {
		if strings.HasPrefix(key, Prefix) {
			out = append(out, key)
		}
	}
	return out
}

func (s *scene) rows() int {
	return storagetest.One[int](s.Bundle, "select count(*)::int from renditions")
}

func (s *scene) sql(t *testing.T, sql string, args ...any) {
	t.Helper()
	require.NoError(t, s.Service().InService(t.Context(), "storage", func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), sql, args...)
		return err
	}))
}

func wide(width int) job.Recipe {
	return job.Recipe{Width: width, Resize: job.Contain, Format: job.WebP}
}

func TestARenditionIsMadeOnceForAllWhoAskAtOnce(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		o := s.photo(t, "a.jpg")
		s.read.gate = make(chan struct{})
		const many = 20
		answers := make(chan []byte, many)
		var ready sync.WaitGroup
		for range many {
			ready.Add(1)
			go func() {
				ready.Done()
				made, err := s.svc.Get(t.Context(), s.Service(), o, small)
				if err != nil {
					answers <- nil
					return
				}
				defer made.Body.Close()
				raw, _ := io.ReadAll(made.Body)
				answers <- raw
			}()
		}
		ready.Wait()
		require.Eventually(t, func() bool {
			s.svc.mu.Lock()
			defer s.svc.mu.Unlock()
			for _, f := range s.svc.flights {
				return f.waiting == many
			}
			return false
		}, 10*time.Second, time.Millisecond)
		close(s.read.gate)
		first := <-answers
		require.NotEmpty(t, first)
		for range many - 1 {
			require.Equal(t, first, <-answers)
		}
		s.svc.work.Wait()
		require.EqualValues(t, 1, s.read.times.Load())
		require.Empty(t, s.svc.flights)
		require.Equal(t, 1, s.rows())
		require.Len(t, s.kept(), 1)
	})
}

func TestARenditionIsKept(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		o := s.photo(t, "a.jpg")
		before := s.Read("photos", "a.jpg")
		first := s.get(t, s.svc, o, small)
		require.Equal(t, first, s.get(t, s.svc, o, small))
		restarted := s.service(t, s.Blobs)
		require.Equal(t, first, s.get(t, restarted, o, small), "another worker finds it by its row")
		require.EqualValues(t, 1, s.read.times.Load())
		s.get(t, s.svc, o, wide(100))
		require.EqualValues(t, 2, s.read.times.Load(), "another recipe is another rendition")
		require.Equal(t, 2, s.rows())
		require.Equal(t, before, s.Read("photos", "a.jpg"), "the original is as it was")
		replaced := s.photo(t, "a.jpg")
		s.get(t, s.svc, replaced, small)
		require.EqualValues(t, 3, s.read.times.Load(), "another version is another source")
		require.NotEqual(t, ETag(o, small), ETag(replaced, small))
		require.NotEqual(t, ETag(o, small), ETag(o, wide(100)))
	})
}

func TestTheUseOfARenditionIsNotedNowAndThen(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		o := s.photo(t, "a.jpg")
		s.get(t, s.svc, o, small)
		used := func() time.Time { return storagetest.One[time.Time](s.Bundle, "select used_at from renditions") }
		first := used()
		s.get(t, s.service(t, s.Blobs), o, small)
		require.Equal(t, first, used(), "not at every use")
		s.sql(t, "update renditions set used_at = now() - interval '2 hours'")
		s.get(t, s.service(t, s.Blobs), o, small)
		require.False(t, used().Before(first))
	})
}

func TestWhatWasNotUsedForTheLongestMakesRoom(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		o := s.photo(t, "a.jpg")
		size := int64(0)
		for width := 100; width < 110; width++ {
			size += int64(len(s.get(t, s.svc, o, wide(width))))
		}
		require.Equal(t, 10, s.rows())
		s.sql(t, "update renditions set used_at = now() - interval '1 day' where recipe not like '105x%'")
		s.sql(t, "update renditions set used_at = now() - interval '2 days' where recipe like '101x%' or recipe like '102x%'")
		// The next one is too much for the budget: what goes makes it a tenth smaller.
		tight := s.With(map[string]string{"storage.image_cache_bytes": itoa(size + 100)})
		next := *s
		next.Bundle = tight
		next.get(t, s.svc, o, wide(111))
		left := storagetest.One[[]string](tight, "select array_agg(split_part(recipe, 'x', 1) order by recipe) from renditions")
		require.NotContains(t, left, "101")
		require.Contains(t, left, "105")
		require.Contains(t, left, "111")
		require.LessOrEqual(t, storagetest.One[int64](tight, "select sum(size)::bigint from renditions"), size+100)
		require.ElementsMatch(t, storagetest.One[[]string](tight, "select array_agg(key) from renditions"), next.kept(), "rows and bytes agree")
		before := s.read.times.Load()
		next.get(t, s.svc, o, wide(101)) // this worker thinks that it has it
		require.Equal(t, before+1, s.read.times.Load(), "what has gone is made anew")
		next.Bundle = tight.With(map[string]string{"storage.image_cache_bytes": "1"})
		next.get(t, s.svc, o, wide(120))
		require.NotContains(t, storagetest.One[[]string](tight, "select array_agg(split_part(recipe, 'x', 1)) from renditions"), "120", "what does not fit at all is not kept")
	})
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func TestNothingIsKeptWithoutABudget(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		s.Bundle = s.With(map[string]string{"storage.image_cache_bytes": "0"})
		o := s.photo(t, "a.jpg")
		s.get(t, s.svc, o, small)
		s.get(t, s.svc, o, small)
		require.EqualValues(t, 2, s.read.times.Load())
		require.Zero(t, s.rows())
		require.Empty(t, s.kept())
	})
}

func TestForgottenVersionsHaveNoRenditions(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		gone, stays := s.photo(t, "gone.jpg"), s.photo(t, "stays.jpg")
		for _, o := range []*object.Object{gone, stays} {
			s.get(t, s.svc, o, small)
			s.get(t, s.svc, o, wide(60))
		}
		require.NoError(t, s.svc.Forget(t.Context(), s.Service(), []string{gone.Version, "of nobody"}))
		require.NoError(t, s.svc.Forget(t.Context(), s.Service(), []string{gone.Version}), "twice is once")
		require.Equal(t, 2, s.rows())
		require.Len(t, s.kept(), 2)
		for _, key := range s.kept() {
			require.True(t, strings.HasPrefix(key, Prefix+stays.Version+"/"))
		}
		t.Run("nor do those get any that are being removed", func(t *testing.T) {
			s.sql(t, "update blobs set removing_at = now() where version = $1", gone.Version)
			s.get(t, s.svc, gone, small)
			require.Equal(t, 2, s.rows())
			require.Len(t, s.kept(), 2, "their bytes are removed again")
		})
	})
}

// unwell is a cache that fails.
type unwell struct {
	Bytes
	get, put bool
}

var errUnwell = errors.New("the cache is unwell")

func (u *unwell) GetKey(ctx context.Context, p *directory.Project, key string, from, to int64) (io.ReadCloser, error) {
	if u.get {
		return nil, errUnwell
	}
	return u.Bytes.GetKey(ctx, p, key, from, to)
}

func (u *unwell) PutKey(ctx context.Context, p *directory.Project, key string, body io.Reader, size int64, mime string) (blob.Written, error) {
	if u.put {
		return blob.Written{}, errUnwell
	}
	return u.Bytes.PutKey(ctx, p, key, body, size, mime)
}

func TestACacheThatFailsFailsNobody(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		o := s.photo(t, "a.jpg")
		first := s.get(t, s.service(t, &unwell{Bytes: s.Blobs, put: true}), o, small)
		require.Zero(t, s.rows())
		require.Equal(t, first, s.get(t, s.svc, o, small))
		require.Equal(t, first, s.get(t, s.service(t, &unwell{Bytes: s.Blobs, get: true}), o, small))
		require.Equal(t, 1, s.rows(), "one made beside it leaves nothing")
		require.Len(t, s.kept(), 1)
		t.Run("bytes that are gone are made anew", func(t *testing.T) {
			require.NoError(t, s.Blobs.RemoveKeys(t.Context(), s.Project, s.kept()...))
			require.Equal(t, first, s.get(t, s.svc, o, small))
			s.svc.work.Wait()
			require.Equal(t, first, s.get(t, s.svc, o, small))
		})
		t.Run("a table that cannot be read is an empty one", func(t *testing.T) {
			s.sql(t, "alter table renditions rename to away")
			require.Equal(t, first, s.get(t, s.service(t, s.Blobs), o, small))
			s.sql(t, "alter table away rename to renditions")
		})
	})
}

func TestRefusalsAreRememberedForAWhile(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		o := s.Put("photos", "broken.jpg", "\xff\xd8\xff\xe0 and nothing more of a picture")
		for range 3 {
			_, err := s.svc.Get(t.Context(), s.Service(), o, small)
			require.Equal(t, errInvalid.Message, fault.From(err).Message)
		}
		require.EqualValues(t, 1, s.read.times.Load())
		require.Zero(t, s.rows())
		_, err := s.svc.Get(t.Context(), s.With(map[string]string{"storage.image_transformations_enabled": "false"}).Service(), o, small)
		require.Equal(t, "FEATURE_NOT_ENABLED", reason(err))
		large := *o
		large.Metadata.Size = job.MaxInput + 1
		_, err = s.svc.Get(t.Context(), s.Service(), &large, small)
		require.Equal(t, errFile.Message, fault.From(err).Message)
		require.EqualValues(t, 1, s.read.times.Load())
	})
}

func TestWhatNobodyWaitsForIsNotMade(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		o := s.photo(t, "a.jpg")
		s.read.gate = make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := s.svc.Get(ctx, s.Service(), o, small)
				failed <- err
			}()
		}
		require.Eventually(t, func() bool { return s.read.times.Load() == 1 }, 10*time.Second, time.Millisecond)
		cancel()
		require.ErrorIs(t, <-failed, context.Canceled)
		require.ErrorIs(t, <-failed, context.Canceled)
		s.svc.work.Wait()
		require.Zero(t, s.rows())
		close(s.read.gate)
		s.get(t, s.svc, o, small)
	})
}

func TestABucketGivesAVIFWhenItSaysSo(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		s.Owner("update {storage}.buckets set avif_autodetection = true where id = 'photos'")
		yes, err := s.svc.AVIF(t.Context(), s.Anon(), "photos")
		require.NoError(t, err)
		require.True(t, yes)
		no, err := s.svc.AVIF(t.Context(), s.Anon(), "nothing")
		require.NoError(t, err)
		require.False(t, no)
	})
}

// One picture that was made before, as a worker answers it.
func BenchmarkKeptRendition(b *testing.B) {
	bundle := storagetest.New(b, false)
	bundle.Bucket("photos", true)
	pool := newPool(b, nil)
	svc, err := New(Deps{Pool: pool, Objects: bundle.Objects, Bytes: bundle.Blobs, Log: testkit.Logger(b)})
	require.NoError(b, err)
	o := bundle.Put("photos", "a.jpg", string(imagingtest.JPEG(b, imagingtest.Photo(2000, 1500))))
	recipe := wide(800)
	one := func() {
		made, err := svc.Get(b.Context(), bundle.Service(), o, recipe)
		require.NoError(b, err)
		_, err = io.Copy(&bytes.Buffer{}, made.Body)
		require.NoError(b, err)
		require.NoError(b, made.Body.Close())
	}
	one()
	svc.work.Wait()
	for b.Loop() {
		one()
	}
}
