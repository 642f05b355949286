package multipart

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// TestAClaimOutlivesItsHolderForAMinute: a worker that died while it completed an upload holds up the next one no longer than that.
func TestAClaimOutlivesItsHolderForAMinute(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		var off atomic.Int64
		u := New(Deps{Objects: b.Objects, Blobs: b.Blobs, Queue: b.Queue, Sealer: testkit.Sealer(t), Log: testkit.Logger(t),
			Now: func() time.Time { return time.Now().Add(time.Duration(off.Load())) }})
		b.Bucket("films", false)
		ctx, session := t.Context(), b.Service()
		id, err := u.Create(ctx, session, object.Target{Bucket: "films", Name: "a"})
		require.NoError(t, err)
		etag, err := u.Put(ctx, session, "films", "a", id, 1, strings.NewReader("whole"), 5)
		require.NoError(t, err)
		// It dies: nobody renews, and nobody gives back.
		_, err = u.change(ctx, session, id, func(_ pgx.Tx, up *Upload) error {
			up.state.Claim, up.state.Claimed = "dead", u.d.Now().Add(claimTime)
			return nil
		})
		require.NoError(t, err)
		done := Completion{Bucket: "films", Key: "a", ID: id, Parts: []Part{{Number: 1, ETag: etag}}, Size: -1}
		_, err = u.Complete(ctx, session, done)
		require.ErrorIs(t, err, errClaimed)
		require.ErrorIs(t, u.Abort(ctx, session, "films", "a", id), errClaimed)
		_, err = u.Put(ctx, session, "films", "a", id, 2, strings.NewReader("more"), 4)
		require.ErrorIs(t, err, errClaimed)
		off.Store(int64(claimTime + time.Second))
		_, err = u.Complete(ctx, session, done)
		require.NoError(t, err)
		require.Equal(t, "whole", b.Read("films", "a"))
	})
}

func TestALostClaimEndsTheWork(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		u := New(Deps{Objects: b.Objects, Blobs: b.Blobs, Queue: b.Queue, Sealer: testkit.Sealer(t), Log: testkit.Logger(t)})
		b.Bucket("films", false)
		ctx, session := t.Context(), b.Service()
		id, err := u.Create(ctx, session, object.Target{Bucket: "films", Name: "a"})
		require.NoError(t, err)
		_, up, stop, err := u.claim(ctx, session, id, func(*Upload) error { return nil })
		require.NoError(t, err)
		require.NoError(t, u.renew(ctx, session, id, up.state.Claim))
		_, err = u.change(ctx, session, id, func(_ pgx.Tx, up *Upload) error {
			up.state.Claim = "another's"
			return nil
		})
		require.NoError(t, err)
		require.ErrorIs(t, u.renew(ctx, session, id, up.state.Claim), errClaimed)
		stop()
		require.ErrorIs(t, u.renew(ctx, session, id, ""), errClaimed, "another's claim is not given back")
	})
}

// TestWhatIsRefusedAtTheEndIsGone: a trigger of the project's refuses the row that the trial let pass.
func TestWhatIsRefusedAtTheEndIsGone(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		u := New(Deps{Objects: b.Objects, Blobs: b.Blobs, Queue: b.Queue, Sealer: testkit.Sealer(t), Log: testkit.Logger(t)})
		b.Bucket("films", false)
		b.Owner(`create function {public}.refuse() returns trigger language plpgsql as $$ begin
			if new.version <> '' then raise exception 'no films today'; end if; return new; end $$;
			create trigger refuse before insert on {storage}.objects for each row execute function {public}.refuse()`)
		ctx, session := t.Context(), b.Service()
		id, err := u.Create(ctx, session, object.Target{Bucket: "films", Name: "a"})
		require.NoError(t, err)
		etag, err := u.Put(ctx, session, "films", "a", id, 1, strings.NewReader("whole"), 5)
		require.NoError(t, err)
		done := Completion{Bucket: "films", Key: "a", ID: id, Parts: []Part{{Number: 1, ETag: etag}}, Size: -1}
		_, err = u.Complete(ctx, session, done)
		require.ErrorContains(t, err, "no films today")
		_, err = u.Complete(ctx, session, done)
		require.ErrorIs(t, err, ErrNoSuchUpload)
		require.Empty(t, b.StoredKeys())
		_, err = u.Find(ctx, session, "films", "a", id)
		require.ErrorIs(t, err, ErrNoSuchUpload, "it does not count any more")
	})
}

// TestNobodysUploadsAreNotTheServices: neither anon nor the service role is anybody.
func TestNobodysUploadsAreNotTheServices(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		u := New(Deps{Objects: b.Objects, Blobs: b.Blobs, Queue: b.Queue, Sealer: testkit.Sealer(t), Log: testkit.Logger(t)})
		b.Bucket("films", false)
		b.Owner(`create policy all_of_it on {storage}.objects to {anon} using (true) with check (true)`)
		ctx := t.Context()
		id, err := u.Create(ctx, b.Service(), object.Target{Bucket: "films", Name: "a"})
		require.NoError(t, err)
		_, err = u.Find(ctx, b.Anon(), "films", "a", id)
		require.ErrorIs(t, err, ErrNoSuchUpload)
		_, err = u.Put(ctx, b.Anon(), "films", "a", id, 1, strings.NewReader("x"), 1)
		require.ErrorIs(t, err, ErrNoSuchUpload)
		require.ErrorIs(t, u.Abort(ctx, b.Anon(), "films", "a", id), ErrNoSuchUpload)
		id, err = u.Create(ctx, b.Anon(), object.Target{Bucket: "films", Name: "a"})
		require.NoError(t, err)
		for _, session := range []*projectdb.Session{b.Anon(), b.Service()} {
			_, err = u.Find(ctx, session, "films", "a", id)
			require.NoError(t, err)
		}
		_, err = u.Find(ctx, b.Caller("authenticated", ""), "films", "a", id)
		require.ErrorIs(t, err, ErrNoSuchUpload)
	})
}

// TestAPartThatFailsLeavesItsFormerCounted: whoever begins to replace parts and breaks off does not gather bytes that nobody counts.
func TestAPartThatFailsLeavesItsFormerCounted(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		u := New(Deps{Objects: b.Objects, Blobs: b.Blobs, Queue: b.Queue, Sealer: testkit.Sealer(t), Log: testkit.Logger(t)})
		b.Bucket("films", false)
		b = b.Limited(directory.Limits{StorageBytes: 2500})
		ctx, session := t.Context(), b.Service()
		id, err := u.Create(ctx, session, object.Target{Bucket: "films", Name: "a"})
		require.NoError(t, err)
		put := func(number int32, size, comes int) error {
			_, err := u.Put(ctx, session, "films", "a", id, number, strings.NewReader(strings.Repeat("x", comes)), int64(size))
			return err
		}
		size := func() int64 {
			up, err := u.Find(ctx, session, "films", "a", id)
			require.NoError(t, err)
			return up.state.Size
		}
		require.NoError(t, put(1, 1000, 1000))
		require.Error(t, put(1, 10, 5), "it breaks off")
		require.Equal(t, int64(1000), size())
		require.NoError(t, put(2, 1000, 1000))
		require.Error(t, put(3, 1000, 5), "there is no room")
		require.Equal(t, int64(2000), size())
		require.NoError(t, put(2, 300, 300), "one that is replaced makes room")
		require.Equal(t, int64(1300), size())
		require.NoError(t, put(3, 1000, 1000))
		require.Error(t, put(4, 300, 300))
		require.Equal(t, int64(2300), size())
	})
}
