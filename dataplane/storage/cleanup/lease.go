package cleanup

import (
	"context"
	_ "embed" // the statements
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
)

//go:embed sql/lease_uploads.sql
var leaseUploadsSQL string

//go:embed sql/lease_parts.sql
var leasePartsSQL string

//go:embed sql/end_lease.sql
var endLeaseSQL string

//go:embed sql/forget_lease.sql
var forgetLeaseSQL string

//go:embed sql/strays.sql
var straysSQL string

//go:embed sql/pending.sql
var pendingSQL string

// leaseEnded is a lease whose uploads have all had their time.
type leaseEnded struct {
	blob.LeaseEnded
	// After is the last key that was looked at.
	After string `json:"after,omitempty"`
}

// leaseAgain is when a lease is looked at again below which resumable uploads are under way.
const leaseAgain = 6 * time.Hour

// endLease ends a lease, and removes what lies below it and belongs to nothing. From the moment when the lease is no more, nothing can come to
// belong to something: what is then not counted among the project's bytes never will be.
func (s *Service) endLease(ctx context.Context, session *projectdb.Session, item uuid.UUID, of leaseEnded) error {
	if !blob.Valid(of.Lease + "/" + uuid.Nil.String()) {
		return outbox.Refuse(nil, "It names no lease.")
	}
	if of.After == "" {
		busy, err := s.underWay(ctx, session, of.Lease)
		if err != nil {
			return away(err)
		}
		if busy {
			return s.later(ctx, session, KindLeaseEnded, of, time.Now().Add(leaseAgain))
		}
		if err := s.forgetLease(ctx, session, item, of.Lease); err != nil {
			return away(err)
		}
		if err := s.abortBelow(ctx, session, of.Lease); err != nil {
			return away(err)
		}
	}
	until := time.Now().Add(s.Slice)
	for {
		page, err := s.list(ctx, session, blob.LeasePrefix(of.Lease), of.After)
		if err == nil {
			_, err = s.removeStrays(ctx, session, page.versions())
		}
		switch {
		case err != nil:
			return away(err)
		case page.last:
			return nil
		}
		of.After = page.keys[len(page.keys)-1].key
		if time.Now().After(until) {
			return s.later(ctx, session, KindLeaseEnded, of, time.Now())
		}
	}
}

// underWay asks whether resumable uploads below a lease go on.
func (s *Service) underWay(ctx context.Context, session *projectdb.Session, lease string) (busy bool, err error) {
	var young bool
	err = session.InService(ctx, schema, func(tx pgx.Tx) error { return tx.QueryRow(ctx, leaseUploadsSQL, lease).Scan(&busy, &young) })
	if err != nil || busy || !young {
		return busy, err
	}
	err = elevated(ctx, session, leasePartsSQL, []any{lease}, func(rows pgx.Rows) error {
		busy, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[bool])
		return err
	})
	return busy, err
}

// forgetLease takes a lease away, and sees to it that a project that stores something is looked over from time to time.
func (s *Service) forgetLease(ctx context.Context, session *projectdb.Session, item uuid.UUID, lease string) error {
	return outbox.InService(ctx, session, schema, func(tx *outbox.ServiceTx) error {
		if _, err := tx.Exec(ctx, endLeaseSQL, lease); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, forgetLeaseSQL, lease); err != nil {
			return err
		}
		return s.ensurePeriodic(ctx, tx, session, item)
	})
}

// ensurePeriodic leaves an item for the next look over the project, unless one other than the given is there.
func (s *Service) ensurePeriodic(ctx context.Context, tx outbox.Tx, session *projectdb.Session, but uuid.UUID) error {
	var pending bool
	if err := tx.QueryRow(ctx, pendingSQL, KindReconcile, but).Scan(&pending); err != nil || pending {
		return err
	}
	at := time.Now().Add(reconcileEvery + rand.N(reconcileEvery/4)) //nolint:gosec // to spread, not to hide
	_, err := s.Queue.AddAt(ctx, tx, session.Project.Ref, schema, KindReconcile, periodic{}, at)
	return err
}

// abortBelow aborts the uploads in parts that a worker left in the object store below a lease.
func (s *Service) abortBelow(ctx context.Context, session *projectdb.Session, lease string) error {
	client, bucket, prefix := s.Blobs.Client(), &session.Project.Bucket, blob.LeasePrefix(lease)
	var key, id *string
	for {
		out, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: bucket, Prefix: &prefix, KeyMarker: key, UploadIdMarker: id})
		if err != nil {
			return fmt.Errorf("list uploads in parts: %w", err)
		}
		for _, u := range out.Uploads {
			if !strings.HasPrefix(aws.ToString(u.Key), prefix) { // not every store heeds the prefix
				continue
			}
			if err := s.abort(ctx, session, aws.ToString(u.Key), aws.ToString(u.UploadId)); err != nil {
				return err
			}
		}
		if !aws.ToBool(out.IsTruncated) || len(out.Uploads) == 0 {
			return nil
		}
		key, id = out.NextKeyMarker, out.NextUploadIdMarker
	}
}

func (s *Service) abort(ctx context.Context, session *projectdb.Session, key, id string) error {
	_, err := s.Blobs.Client().AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &session.Project.Bucket, Key: &key, UploadId: &id})
	if err != nil && blob.ErrorCode(err) != "NoSuchUpload" {
		return fmt.Errorf("abort an upload in parts: %w", err)
	}
	return nil
}

// removeStrays removes those of some versions that nobody has and nobody can come to have. A version without a blob that an object has all the same
// is left to the reconciler's report.
func (s *Service) removeStrays(ctx context.Context, session *projectdb.Session, versions []string) (removed []string, err error) {
	if len(versions) == 0 {
		return nil, nil
	}
	strays, err := s.strings(ctx, session, straysSQL, versions)
	if err != nil {
		return nil, fmt.Errorf("look for strays: %w", err)
	}
	used, err := s.inUse(ctx, session, strays)
	if err != nil {
		return nil, err
	}
	for _, v := range strays {
		if !used[v] {
			removed = append(removed, v)
		}
	}
	if len(removed) == 0 {
		return nil, nil
	}
	if err := s.Blobs.Remove(ctx, session.Project, removed...); err != nil {
		return nil, err
	}
	s.metrics.removed.WithLabelValues("stray").Add(float64(len(removed)))
	s.Log.InfoContext(ctx, "removed what uploads had left", "ref", session.Project.Ref, "versions", len(removed))
	return removed, nil
}

// listing is a page of the bucket, in order.
type listing struct {
	keys []stored
	last bool
}

// stored is what the bucket says of a key.
type stored struct {
	key      string
	size     int64
	modified time.Time
}

// versions are those of the keys that are a version's.
func (l listing) versions() (out []string) {
	for _, k := range l.keys {
		if v := strings.TrimPrefix(k.key, blob.Prefix); blob.Valid(v) {
			out = append(out, v)
		}
	}
	return out
}

var errOrder = errors.New("cleanup: the object store does not list keys in the order of their bytes")

// list reads a page of the keys that begin with a prefix and come after another.
func (s *Service) list(ctx context.Context, session *projectdb.Session, prefix, after string) (listing, error) {
	in := &s3.ListObjectsV2Input{Bucket: &session.Project.Bucket, Prefix: &prefix, MaxKeys: aws.Int32(int32(s.Page))}
	if after != "" {
		in.StartAfter = &after
	}
	out, err := s.Blobs.Client().ListObjectsV2(ctx, in)
	if err != nil {
		return listing{}, blob.Fault(err, "list the bucket")
	}
	page := listing{last: !aws.ToBool(out.IsTruncated) || len(out.Contents) == 0}
	for _, o := range out.Contents {
		key := aws.ToString(o.Key)
		if key <= after {
			return listing{}, errOrder
		}
		after = key
		page.keys = append(page.keys, stored{key, aws.ToInt64(o.Size), aws.ToTime(o.LastModified)})
	}
	return page, nil
}
