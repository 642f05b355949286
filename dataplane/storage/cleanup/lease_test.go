package cleanup_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/cleanup"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// leaseOf is the lease of an object.
func leaseOf(o *object.Object) blob.LeaseEnded {
	lease, _, _ := strings.Cut(o.Version, "/")
	return blob.LeaseEnded{Lease: lease}
}

// dead writes the bytes of an upload whose worker dies before it writes the row.
func (b *bundle) dead(name, content string) *object.Ticket {
	b.T.Helper()
	ticket, err := b.Objects.Begin(b.T.Context(), b.Service(), object.Target{Bucket: "files", Name: name, Size: int64(len(content))})
	require.NoError(b.T, err)
	_, err = b.Objects.Store(b.T.Context(), b.Service(), ticket, strings.NewReader(content))
	require.NoError(b.T, err)
	return ticket
}

func TestTheEndOfALeaseRemovesWhatDeadUploadsLeft(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		kept := b.Put("files", "kept", "one")
		for i := range 5 {
			b.dead(fmt.Sprint(i), "never told of")
		}
		key := blob.LeasePrefix(leaseOf(kept).Lease) + uuid.NewString()
		parts, err := b.Blobs.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b.Project.Bucket, Key: &key})
		require.NoError(t, err)
		require.Len(t, b.StoredKeys(), 6)
		require.Equal(t, "lease_ended", b.kinds(), "a lease ends by itself")
		require.True(t, storagetest.One[bool](b.Bundle, "select bool_and(created_at > now() + interval '5 hours') from outbox"), "once the longest upload has had its time")

		b.tables("delete from outbox")
		s := b.service(func(d *cleanup.Deps) { d.Page = 2 })
		require.NoError(t, b.handle(s, cleanup.KindLeaseEnded, leaseOf(kept)))
		require.Len(t, b.StoredKeys(), 1)
		require.Equal(t, "one", b.Read("files", "kept"))
		require.Zero(t, storagetest.One[int64](b.Bundle, "select count(*) from leases"))
		_, err = b.Blobs.Client().ListParts(t.Context(), &s3.ListPartsInput{Bucket: &b.Project.Bucket, Key: &key, UploadId: parts.UploadId})
		require.Error(t, err, "parts go too")
		require.Equal(t, "reconcile", b.kinds(), "who stores something is looked over from time to time")
		require.NoError(t, b.handle(s, cleanup.KindLeaseEnded, leaseOf(kept)), "twice is as once")
		require.Equal(t, "reconcile", b.kinds())
		b.requireAgreement()
	})
}

func TestTheEndOfALeaseLeavesUploadsInPartsBelowOthers(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		ticket := b.dead("a", "never told of")
		lease, _, _ := strings.Cut(ticket.Version, "/")
		key := blob.LeasePrefix("0123456789abcdef") + uuid.NewString()
		parts, err := b.Blobs.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b.Project.Bucket, Key: &key})
		require.NoError(t, err)
		require.NoError(t, b.handle(b.service(), cleanup.KindLeaseEnded, blob.LeaseEnded{Lease: lease}))
		_, err = b.Blobs.Client().ListParts(t.Context(), &s3.ListPartsInput{Bucket: &b.Project.Bucket, Key: &key, UploadId: parts.UploadId})
		require.NoError(t, err)
	})
}

func TestNothingIsKeptBelowALeaseThatHasEnded(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		ticket := b.dead("late", "the worker stood still")
		lease, _, _ := strings.Cut(ticket.Version, "/")
		require.NoError(t, b.handle(b.service(), cleanup.KindLeaseEnded, blob.LeaseEnded{Lease: lease}))
		_, err := b.Objects.Commit(t.Context(), b.Service(), ticket, blob.Written{Version: ticket.Version, Size: 22})
		require.ErrorIs(t, err, &fault.Error{Kind: fault.FailedPrecondition, Reason: "UPLOAD_EXPIRED"}, "what is not there any more is not acknowledged")
		_, err = b.Objects.Find(t.Context(), b.Service(), "files", "late")
		require.Error(t, err)
		b.requireAgreement()
	})
}

func TestALeaseWaitsForWhatIsBeingKept(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		ticket := b.dead("slow", "content")
		lease, _, _ := strings.Cut(ticket.Version, "/")
		ended := make(chan error, 1)
		require.NoError(t, b.Service().InService(t.Context(), "storage", func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "select keep_blob($1, 7)", ticket.Version); err != nil {
				return err
			}
			go func() { ended <- b.handle(b.service(), cleanup.KindLeaseEnded, blob.LeaseEnded{Lease: lease}) }()
			require.Eventually(t, func() bool {
				return storagetest.One[bool](b.Bundle, "select exists (select from pg_locks where locktype = 'advisory' and not granted)")
			}, 10*time.Second, 10*time.Millisecond)
			return nil
		}))
		require.NoError(t, <-ended)
		require.Len(t, b.StoredKeys(), 1, "it is seen")
	})
}

// The lock is anybody's in the database: the project's owner keeps a lease from its end, and gives itself what was uploaded below it and never counted.
func TestALeaseThatIsKeptFromItsEndKeepsNothingFromBeingCounted(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		ticket := b.dead("taken", "content")
		lease, _, _ := strings.Cut(ticket.Version, "/")
		b.Owner("insert into {storage}.objects (bucket_id, name, version) values ('files', 'taken', $1)", ticket.Version)
		for since, counted := range map[string]int64{"6 days": 0, "9 days": 7} {
			b.tables("delete from blobs")
			b.tables("update leases set ends_at = now() - $1::text::interval where id = $2", since, lease)
			b.reconcile(cleanup.Options{Repair: true})
			require.Equal(t, counted, storagetest.One[int64](b.Bundle, "select bytes from used()"), since)
		}
	})
}

func TestALeaseLastsAsLongAsUploadsInPartsDo(t *testing.T) {
	for name, row := range map[string]string{
		"TUS":        "insert into {storage}.resumable_uploads (id, bucket_id, name, version, role, expires_at) values ('1', 'files', 'a', $1, 'anon', now())",
		"S3's parts": "insert into {storage}.s3_multipart_uploads (id, upload_signature, bucket_id, key, version) values ('1', '', 'files', 'a', $1)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			ticket := b.dead("a", "content")
			lease, _, _ := strings.Cut(ticket.Version, "/")
			if name == "TUS" {
				b.tables(b.Physical(row), ticket.Version)
			} else {
				b.Owner(row, ticket.Version)
			}
			b.tables("delete from outbox")
			require.NoError(t, b.handle(b.service(), cleanup.KindLeaseEnded, blob.LeaseEnded{Lease: lease}))
			require.Len(t, b.StoredKeys(), 1)
			require.Equal(t, "lease_ended", b.kinds(), "it is looked at again")
			require.True(t, storagetest.One[bool](b.Bundle, "select bool_and(created_at > now() + interval '5 hours' and payload ->> 'lease' = $1) from outbox", lease))
			_, err := b.Objects.Commit(t.Context(), b.Service(), ticket, blob.Written{Version: ticket.Version, Size: 7})
			require.NoError(t, err)
			b.Owner("delete from {storage}.s3_multipart_uploads")
			b.tables("delete from resumable_uploads")
			require.NoError(t, b.handle(b.service(), cleanup.KindLeaseEnded, blob.LeaseEnded{Lease: lease}))
			b.requireAgreement()
			require.Len(t, b.StoredKeys(), 1)
		})
	}
}

func TestALargeLeaseIsLookedOverInPieces(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kept := b.Put("files", "kept", "x")
	for i := range 6 {
		b.dead(fmt.Sprint(i), "x")
	}
	b.tables("delete from outbox")
	require.NoError(t, b.handle(b.service(func(d *cleanup.Deps) { d.Page, d.Slice = 2, time.Nanosecond }), cleanup.KindLeaseEnded, leaseOf(kept)))
	require.Equal(t, "lease_ended reconcile", b.kinds())
	after := storagetest.One[string](b.Bundle, "select payload ->> 'after' from outbox where kind = 'lease_ended'")
	require.True(t, strings.HasPrefix(after, blob.LeasePrefix(leaseOf(kept).Lease)))
	require.NoError(t, b.handle(b.service(), cleanup.KindLeaseEnded, map[string]string{"lease": leaseOf(kept).Lease, "after": after}))
	b.requireAgreement()
	require.Len(t, b.StoredKeys(), 1)
}

func TestAnothersKeysAreLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kept := b.Put("files", "kept", "x")
	key := blob.LeasePrefix(leaseOf(kept).Lease) + "note.txt"
	_, err := b.Blobs.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b.Project.Bucket, Key: &key, Body: strings.NewReader("the operator's"), ContentLength: aws.Int64(14)})
	require.NoError(t, err)
	require.NoError(t, b.handle(b.service(), cleanup.KindLeaseEnded, leaseOf(kept)))
	require.Contains(t, b.StoredKeys(), key)
}

func TestBlobsNeedALease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := b.Service().InService(t.Context(), "storage", func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "select keep_blob($1, 7)", "0123456789abcdef/"+uuid.NewString())
		return err
	})
	require.Equal(t, pgerrcode.ObjectNotInPrerequisiteState, pg.Code(err))
}
