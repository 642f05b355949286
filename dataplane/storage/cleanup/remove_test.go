package cleanup_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/storage/cleanup"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

func TestBytesGoWithTheirLastObject(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.Put("files", "deleted", "one")
		b.Put("files", "replaced", "two")
		b.Put("files", "shared", "three")
		b.Put("files", "kept", "four")
		b.copy("shared", "copy")
		b.copy("shared", "another copy")
		b.Put("files", "replaced", "two!")
		b.delete("deleted", "shared", "another copy")
		require.Len(t, b.StoredKeys(), 5, "who is reading comes to the end of it")
		require.Contains(t, b.kinds(), "remove", "triggers leave an item")

		b.remove()
		require.Len(t, b.StoredKeys(), 3)
		require.Equal(t, "three", b.Read("files", "copy"))
		require.Equal(t, "two!", b.Read("files", "replaced"))
		require.Equal(t, int64(len("threetwo!four")), storagetest.One[int64](b.Bundle, "select bytes from used()"))
		require.Zero(t, storagetest.One[int64](b.Bundle, "select count(*) from blobs where removing_at is not null"))
		b.requireAgreement()

		b.delete("copy")
		b.remove()
		b.remove()
		require.Len(t, b.StoredKeys(), 2, "and the last one that shared them")
		b.requireAgreement()
	})
}

// gauge notes what it is told.
type gauge map[string][2]int64

func (g gauge) Stored(project string, bytes, blobs int64) { g[project] = [2]int64{bytes, blobs} }

func TestWhatIsLeftIsMeasured(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		g := gauge{}
		s := b.service(func(d *cleanup.Deps) { d.Gauge = g })
		b.Put("files", "kept", "four")
		b.Put("files", "deleted", "gone")
		b.delete("deleted")
		b.store.before.Store(true)
		require.Error(t, b.handle(s, cleanup.KindRemove, nil))
		require.Empty(t, g, "nothing is told while it is not done")
		b.store.before.Store(false)
		require.NoError(t, b.handle(s, cleanup.KindRemove, nil))
		require.NoError(t, b.handle(s, cleanup.KindRemove, nil))
		require.Equal(t, gauge{b.Project.ID: {4, 1}}, g)
	})
}

func TestRemovalGoesOnPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var names []string
	for i := range 7 {
		names = append(names, fmt.Sprint(i))
		b.Put("files", names[i], "x")
	}
	b.delete(names...)
	b.tables("delete from outbox")
	small := func(d *cleanup.Deps) { d.Page, d.Slice = 2, time.Nanosecond }
	require.NoError(t, b.handle(b.service(small), cleanup.KindRemove, nil))
	require.Len(t, b.StoredKeys(), 5, "a page when there is no time")
	require.Equal(t, "remove", b.kinds(), "the rest is left to a next item")
	require.NoError(t, b.handle(b.service(func(d *cleanup.Deps) { d.Page = 2 }), cleanup.KindRemove, nil))
	require.Empty(t, b.StoredKeys())
	b.requireAgreement()
}

func TestRemovalSurvivesWhateverDies(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.Put("files", "gone", "one")
		b.Put("files", "shared", "two")
		b.copy("shared", "copy")
		b.delete("gone", "shared")

		b.store.before.Store(true)
		require.ErrorIs(t, b.handle(b.service(), cleanup.KindRemove, nil), errAway)
		require.Len(t, b.StoredKeys(), 2)
		require.Equal(t, int64(6), storagetest.One[int64](b.Bundle, "select bytes from used()"), "what is there counts")
		b.copy("copy", "one more") // is not held up by what could not be removed

		b.store.before.Store(false)
		b.store.after.Store(true)
		err := b.handle(b.service(), cleanup.KindRemove, nil)
		require.ErrorIs(t, err, errAway)
		require.False(t, permanent(err))
		require.NotContains(t, words(err), "away", "causes are for the log")
		require.Len(t, b.StoredKeys(), 1)

		b.store.after.Store(false)
		b.tables("delete from outbox")
		require.NoError(t, b.handle(b.service(func(d *cleanup.Deps) { d.Stale = time.Hour }), cleanup.KindRemove, nil))
		require.Equal(t, "remove", b.kinds(), "another worker may be at it, or may have died: it is looked at again")
		b.remove()
		b.requireAgreement()
		require.Equal(t, "two", b.Read("files", "copy"))
	})
}

func TestNothingIsRemovedThatCannotBeAskedAbout(t *testing.T) {
	for name, damage := range map[string]string{
		"row security that hides objects from their owner": `alter table {storage}.objects force row level security`,
		"a table that is gone":                             `drop table {storage}.objects`,
		"a function that is gone":                          `drop function {storage}.versions_in_use(text[])`,
		"a right that was taken":                           `revoke execute on function {storage}.versions_in_use(text[]) from {service_role}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.Put("files", "a", "one")
			b.copy("a", "b")
			b.delete("a")
			b.Owner(damage)
			err := b.handle(b.service(), cleanup.KindRemove, nil)
			require.Error(t, err)
			require.False(t, permanent(err))
			require.Len(t, b.StoredKeys(), 1)
		})
	}
}

func TestVersionsThatAreNoneAreHarmless(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		kept := b.Put("files", "kept", "one")
		for i, version := range []string{"", "../../other-bucket/x", "objects/" + kept.Version, "a\nb", "0000000000000000/00000000-0000-0000-0000-000000000000"} {
			b.Owner("insert into {storage}.objects (bucket_id, name, version) values ('files', $1, $2)", fmt.Sprint("evil", i), version)
		}
		b.Owner("insert into {storage}.objects (bucket_id, name, version) values ('files', 'second', $1)", kept.Version)
		b.Owner("delete from {storage}.objects where name like 'evil%' or name = 'second'")
		b.remove()
		require.Equal(t, "one", b.Read("files", "kept"), "a version that two rows name stays until the last is gone")
		b.requireAgreement()
	})
}

// TestCopiesRaceRemovals lets copies, deletions and several workers' removals meet over the same few bytes.
func TestCopiesRaceRemovals(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		const names, rounds = 6, 40
		for i := range names {
			b.Put("files", fmt.Sprint(i), fmt.Sprint("content ", i))
		}
		var work sync.WaitGroup
		for range 4 {
			work.Go(func() {
				for range rounds {
					from, to := fmt.Sprint(rand.N(names)), fmt.Sprint(rand.N(names))
					if from == to {
						continue
					}
					_, _ = b.Objects.Copy(t.Context(), b.Service(), object.Copy{Bucket: "files", Name: from, ToBucket: "files", ToName: to, Upsert: true})
					if rand.N(3) == 0 {
						_, _ = b.Objects.Delete(t.Context(), b.Service(), "files", []string{from})
					}
					if rand.N(4) == 0 {
						_, _ = b.Objects.Move(t.Context(), b.Service(), object.Move{Bucket: "files", Name: to, ToBucket: "files", ToName: from})
					}
				}
			})
		}
		stop := make(chan struct{})
		var removers sync.WaitGroup
		for range 3 {
			removers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						_ = b.handle(b.service(), cleanup.KindRemove, nil)
					}
				}
			})
		}
		work.Wait()
		close(stop)
		removers.Wait()
		b.remove()
		b.remove()
		objects, err := b.Objects.FindMany(t.Context(), b.Service(), "", "files", []string{"0", "1", "2", "3", "4", "5"})
		require.NoError(t, err)
		for _, o := range objects {
			require.Contains(t, b.Read("files", o.Name), "content ")
		}
		b.requireAgreement()
	})
}

func TestOtherItems(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.service()
	err := b.handle(s, "of next year", nil)
	require.ErrorContains(t, err, `No worker does items of the kind "of next year" yet.`)
	require.False(t, permanent(err))
	for _, kind := range []string{cleanup.KindLeaseEnded, cleanup.KindReconcile, cleanup.KindResumableExpired, cleanup.KindMultipartExpired} {
		require.True(t, permanent(b.handle(s, kind, []int{1})), kind)
	}
	require.True(t, permanent(b.handle(s, cleanup.KindLeaseEnded, map[string]string{"lease": "../.."})))
	require.False(t, permanent(b.handle(s, cleanup.KindResumableExpired, cleanup.Expired{ID: "x"})), "another worker may have them")
	require.Empty(t, b.kinds())

	var ended []string
	s = b.service(func(d *cleanup.Deps) {
		d.Resumable, d.Multipart = expirer(func(id string) { ended = append(ended, "resumable "+id) }), expirer(func(id string) { ended = append(ended, "multipart "+id) })
		d.Others = map[string]outbox.Handler{"event": handler(func(item outbox.Item) { ended = append(ended, string(item.Payload)) })}
	})
	require.NoError(t, b.handle(s, cleanup.KindResumableExpired, cleanup.Expired{ID: "a"}))
	require.NoError(t, b.handle(s, cleanup.KindMultipartExpired, cleanup.Expired{ID: "b"}))
	require.NoError(t, b.handle(s, "event", "told"))
	require.Equal(t, []string{"resumable a", "multipart b", `"told"`}, ended)
}

// TestTheJobsRemove goes the whole way from the trigger's item.
func TestTheJobsRemove(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Queue.Register("storage", b.service())
	b.Put("files", "a", "one")
	b.Run()
	b.delete("a")
	item := storagetest.One[uuid.UUID](b.Bundle, "select id from outbox where kind = 'remove'")
	b.Queue.Deliver(b.Project.Ref, "storage", item)
	require.Eventually(t, func() bool { return len(b.StoredKeys()) == 0 }, 20*time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool {
		return storagetest.One[int64](b.Bundle, "select count(*) from outbox where id = $1", item) == 0
	}, 20*time.Second, 50*time.Millisecond)
	require.True(t, storagetest.One[bool](b.Bundle, "select not exists (select from blobs)"))
}
