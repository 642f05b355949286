package object_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

// crowd sends uploads that wait for each other, and returns how each ended. meanwhile runs while they wait, until they are let go.
func crowd(t *testing.T, b *storagetest.Bundle, targets []object.Target, meanwhile func(release func())) []error {
	t.Helper()
	_, err := send(b, b.Service(), object.Target{Bucket: targets[0].Bucket, Name: "before", Upsert: true}, "text") // from then on the rules are known
	require.NoError(t, err)
	b.Objects.Remember()
	release := sync.OnceFunc(b.Objects.Occupy(b.Service(), targets[0]))
	defer release()
	ended := make([]error, len(targets))
	var all sync.WaitGroup
	for i, target := range targets {
		all.Go(func() { _, ended[i] = send(b, b.Service(), target, fmt.Sprintf("text %02d", i)) })
	}
	require.Eventually(t, func() bool { return b.Objects.Waiting() == len(targets) }, time.Minute, time.Millisecond)
	if meanwhile != nil {
		meanwhile(release)
	}
	release()
	all.Wait()
	require.Zero(t, b.Objects.Lines(), "nothing is kept of who has gone")
	return ended
}

// asService counts by a statement of requests'.
func asService(b *storagetest.Bundle, sql string, arg string) (n int64) {
	b.T.Helper()
	require.NoError(b.T, b.Service().Query(b.T.Context(), projectdb.Options{ReadOnly: true, SearchPath: []string{"storage"}}, projectdb.Statement{SQL: sql, Args: []any{arg}}, func(rows pgx.Rows) error {
		for rows.Next() {
			if err := rows.Scan(&n); err != nil {
				return err
			}
		}
		return rows.Err()
	}))
	return n
}

func named(n int, change func(i int, t *object.Target)) []object.Target {
	out := make([]object.Target, n)
	for i := range out {
		out[i] = object.Target{Bucket: "files", Name: fmt.Sprintf("%02d", i), Upsert: true}
		if change != nil {
			change(i, &out[i])
		}
	}
	return out
}

func TestUploadsAtOnceAreCommittedTogether(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		const n = 40
		for round, upsert := range []bool{true, false} {
			targets := named(n, func(i int, target *object.Target) {
				target.Upsert = upsert
				target.Name = fmt.Sprintf("%v-%02d, 'ü' (1) & NULL", upsert, i)
				if i%2 == 0 {
					target.UserMetadata, target.OwnerID = json.RawMessage(fmt.Sprintf(`{"n": %d, "text": "a \"quoted\" {word}, \\ NULL"}`, i)), "6b5d3f0e-9f5b-4c7f-8f0e-000000000001"
				}
			})
			for i, err := range crowd(t, b, targets, nil) {
				require.NoError(t, err)
				o, err := b.Objects.Find(t.Context(), b.Service(), "files", targets[i].Name)
				require.NoError(t, err)
				require.Equal(t, fmt.Sprintf("text %02d", i), b.Read("files", targets[i].Name))
				require.EqualValues(t, 7, o.Metadata.Size)
				require.Equal(t, targets[i].OwnerID, o.OwnerID)
				if i%2 == 0 {
					require.JSONEq(t, string(targets[i].UserMetadata), string(o.UserMetadata))
				} else {
					require.Empty(t, o.UserMetadata)
				}
			}
			require.Equal(t, int64(1), asService(b, "select count(distinct xmin::text) from objects where name like $1", fmt.Sprint(upsert, "-%")))
			requireAgreed(t, b, (round+1)*(n+1)) // what was there before is replaced by the second
		}
	})
}

func TestUploadsOfOneNameAtOnce(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		for _, err := range crowd(t, b, named(12, func(i int, target *object.Target) { target.Name = fmt.Sprint(i % 3) }), nil) {
			require.NoError(t, err, "each replaces the one before")
		}
		require.Equal(t, int64(4), asService(b, "select count(*) from objects where name <> $1", ""))
		require.Equal(t, int64(13), storagetest.One[int64](b, "select blobs from used()"))
		require.Equal(t, int64(9), storagetest.One[int64](b, "select count(*) from removals"), "what was replaced is to be removed")
	})
}

func TestOneRefusalAmongUploadsAtOnce(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		_, err := send(b, b.Service(), object.Target{Bucket: "files", Name: "07"}, "text")
		require.NoError(t, err)
		for i, err := range crowd(t, b, named(10, func(_ int, target *object.Target) { target.Upsert = false }), nil) {
			require.Equal(t, map[bool]string{true: "KEY_ALREADY_EXISTS"}[i == 7], reason(err), i)
		}
		requireAgreed(t, b, 11)
	})
}

func TestRulesChangeWhileUploadsWait(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		ended := crowd(t, b, named(10, nil), func(func()) {
			b.Owner("update {storage}.buckets set allowed_mime_types = '{image/*}' where id = 'files'")
		})
		for _, err := range ended {
			require.Equal(t, "INVALID_MIME_TYPE", reason(err))
		}
		requireAgreed(t, b, 1)
	})
}

// lock holds an object's row until unlock is called.
func lock(b *storagetest.Bundle, name string) (unlock func()) {
	b.T.Helper()
	held, let := make(chan struct{}), make(chan struct{})
	var holder sync.WaitGroup
	holder.Go(func() {
		err := b.Service().InTx(b.T.Context(), projectdb.Options{SearchPath: []string{"storage"}}, func(tx pgx.Tx) error {
			_, err := tx.Exec(b.T.Context(), "select from objects where name = $1 for update", name)
			close(held)
			<-let
			return err
		})
		if err != nil {
			b.T.Error(err)
		}
	})
	<-held
	unlock = sync.OnceFunc(func() { close(let); holder.Wait() })
	b.T.Cleanup(unlock)
	return unlock
}

// TestARowThatIsLocked: the owner holds a row that one of the uploads replaces. The others do not wait for it.
func TestARowThatIsLocked(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		_, err := send(b, b.Service(), object.Target{Bucket: "files", Name: "03"}, "text")
		require.NoError(t, err)
		unlock := lock(b, "03")
		for _, err := range crowd(t, b, named(6, nil), func(release func()) {
			release()
			require.Eventually(t, func() bool { return asService(b, "select count(*) from objects where name <> $1", "03") == 6 }, time.Minute, 10*time.Millisecond)
			require.Equal(t, "text", b.Read("files", "03"))
			unlock()
		}) {
			require.NoError(t, err)
		}
		require.Equal(t, "text 03", b.Read("files", "03"))
		require.Equal(t, int64(8), storagetest.One[int64](b, "select blobs from used()"))
	})
}

func TestTheStorageIsFullWhileUploadsWait(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b = b.Limited(directory.Limits{StorageBytes: 1000})
		b.Bucket("files", false)
		ended := crowd(t, b, named(10, nil), func(func()) {
			require.NoError(t, b.Service().InService(t.Context(), object.Schema, func(tx pgx.Tx) error { // as by another worker
				_, err := tx.Exec(t.Context(), "update usage_shards set bytes = bytes + 990 where shard = -1")
				return err
			}))
		})
		for _, err := range ended {
			require.Equal(t, "QUOTA_STORAGE", reason(err))
		}
		require.Len(t, b.StoredKeys(), 1, "nothing stays of what was refused")
	})
}

// TestWhoHasWaitedInVain: an upload whose time is over leaves the line, and the others go on.
func TestWhoHasWaitedInVain(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		var gone error
		var early sync.WaitGroup
		ended := crowd(t, b, named(6, nil), func(func()) {
			ctx, cancel := context.WithCancel(t.Context())
			early.Go(func() {
				gone = b.Objects.CommitTogether(ctx, b.Service(), object.Target{Bucket: "files", Name: "vain", Upsert: true})
			})
			require.Eventually(t, func() bool { return b.Objects.Waiting() == 7 }, time.Minute, time.Millisecond)
			cancel()
			early.Wait()
			require.Equal(t, 6, b.Objects.Waiting())
		})
		require.ErrorIs(t, gone, context.Canceled)
		require.Equal(t, "REQUEST_TIMEOUT", reason(gone))
		require.Len(t, b.StoredKeys(), 7, "the bytes of what was not committed are gone")
		for _, err := range ended {
			require.NoError(t, err)
		}
		require.Zero(t, asService(b, "select count(*) from objects where name = $1", "vain"))
	})
}

// TestTheTimeOfTheFirstIsNotThatOfTheOthers: who commits for others is out of time while their transaction waits.
func TestTheTimeOfTheFirstIsNotThatOfTheOthers(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		for _, name := range []string{"before", "03"} {
			_, err := send(b, b.Service(), object.Target{Bucket: "files", Name: name}, "text")
			require.NoError(t, err)
		}
		b.Objects.Remember()
		unlock := lock(b, "03")
		release := sync.OnceFunc(b.Objects.Occupy(b.Service(), object.Target{Bucket: "files", Upsert: true}))
		defer release()
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_ = b.Objects.CommitTogether(ctx, b.Service(), object.Target{Bucket: "files", Name: "first", Upsert: true})
		})
		require.Eventually(t, func() bool { return b.Objects.Waiting() == 1 }, time.Minute, time.Millisecond)
		ended := make([]error, 6)
		for i, target := range named(6, nil) {
			all.Go(func() { _, ended[i] = send(b, b.Service(), target, fmt.Sprintf("text %02d", i)) })
		}
		require.Eventually(t, func() bool { return b.Objects.Waiting() == 7 }, time.Minute, time.Millisecond)
		release()
		require.Eventually(t, func() bool { // one of the transaction, or the one that goes by itself after it
			return storagetest.One[bool](b, "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and usename = $1)", b.Project.Authenticator.User)
		}, time.Minute, time.Millisecond)
		cancel()
		require.Eventually(t, func() bool { return b.Objects.Lines() == 0 }, time.Minute, time.Millisecond)
		unlock()
		all.Wait()
		for _, err := range ended {
			require.NoError(t, err)
		}
	})
}

// TestWhatTheOwnerMadeOfARow: one row has times that JSON has none for, and names come back as others. The uploads are told what has become of them.
func TestWhatTheOwnerMadeOfARow(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		for name, created := range map[string]string{"01": "infinity", "02": "-infinity", "03": "20000-01-01", "04": "0100-01-01 BC"} {
			_, err := send(b, b.Service(), object.Target{Bucket: "files", Name: name}, "text")
			require.NoError(t, err)
			b.Owner("update {storage}.objects set created_at = $2::text::timestamptz where name = $1", name, created)
		}
		for _, err := range crowd(t, b, named(6, nil), nil) {
			require.NoError(t, err)
		}
		alone, err := send(b, b.Service(), object.Target{Bucket: "files", Name: "01", Upsert: true}, "text")
		require.NoError(t, err)
		_, err = json.Marshal(alone)
		require.NoError(t, err)
		page, err := b.Objects.List(t.Context(), b.Service(), object.ListQuery{Bucket: "files", Limit: 100})
		require.NoError(t, err)
		require.Len(t, page.Entries, 7)

		b.Owner(`create function {public}.other() returns trigger language plpgsql as $$ begin new.name := new.name || '!'; return new; end $$;
			drop trigger objects_told_created on {storage}.objects;
			create trigger objects_told_created before insert on {storage}.objects for each row execute function {public}.other()`)
		for _, err := range crowd(t, b, named(6, nil), nil) {
			require.NoError(t, err)
		}
		require.Equal(t, int64(7), asService(b, "select count(*) from objects where name like $1", "%!"))
	})
}

// TestAProjectThatHasChangedIsAnother: what it may and where it lives may differ.
func TestAProjectThatHasChangedIsAnother(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("files", false)
		target := object.Target{Bucket: "files", Name: "one", Upsert: true}
		_, err := send(b, b.Service(), target, "text")
		require.NoError(t, err)
		b.Objects.Remember()
		defer b.Objects.Occupy(b.Service(), target)()
		_, err = send(b, b.Limited(directory.Limits{StatementTimeout: time.Minute}).Service(), target, "another")
		require.NoError(t, err)
		require.Equal(t, "another", b.Read("files", "one"))
	})
}
