package multipart

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// completeTime bounds the putting together at the object store.
const completeTime = 10 * time.Minute

// Completion is what is asked for at an upload's end.
type Completion struct {
	Bucket, Key, ID string
	// Parts in order, by number and ETag.
	Parts []Part
	// Size is how large the object must become; -1 is not said.
	Size int64
	// Conditions of the object that is replaced.
	IfMatch, IfNoneMatch string
}

// Complete makes an object of the parts. The caller must be allowed to write it now. When it has died between the bytes and the row, asking again
// mends it.
func (u *Uploads) Complete(ctx context.Context, session *projectdb.Session, c Completion) (etag string, err error) {
	if len(c.Parts) == 0 || len(c.Parts) > MaxParts {
		return "", fault.New(fault.Invalid, "MALFORMED_XML", "Name 1 to %d parts.", MaxParts)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), completeTime)
	defer cancel()
	held, up, stop, err := u.claim(ctx, session, c.ID, func(up *Upload) error { return u.admit(session, up, c.Bucket, c.Key) })
	if err != nil {
		return "", err
	}
	done := false
	defer func() {
		stop()
		if done {
			u.forget(ctx, session, c.ID)
		}
	}()
	found, err := u.allParts(held, session, up)
	var written blob.Written
	switch {
	case errors.Is(err, &fault.Error{Kind: fault.NotFound, Reason: ErrNoSuchUpload.Reason}):
		var kept bool
		if written, kept, err = u.putTogether(held, session, up); kept && err == nil { // the row's deletion alone was missing
			done = true
			return written.ETag, nil
		}
	case err == nil:
		written, err = u.judge(c, found)
		written.Version = up.state.Version
	}
	if err != nil {
		return "", err
	}
	target, err := up.target(c)
	if err != nil {
		return "", err
	}
	target.Size = written.Size
	ticket, err := u.d.Objects.Begin(held, session, target)
	if err != nil {
		return "", err
	}
	ticket.Version = up.state.Version
	if written.ETag == "" {
		if written.ETag, err = u.completeAtStore(held, session, up, c.Parts); err != nil {
			return "", err
		}
	}
	if done, err = u.commit(held, session, up, ticket, written); err != nil {
		return "", err
	}
	return written.ETag, nil
}

// commit writes the object's row, as the only one who does. It reports whether the upload has come to its end: also when it was refused for good, and
// its bytes are no more.
func (u *Uploads) commit(ctx context.Context, session *projectdb.Session, up *Upload, t *object.Ticket, w blob.Written) (ended bool, err error) {
	scanned := u.d.Objects.ScanStored(ctx, session, t, w.Size)
	if err := u.renew(ctx, session, up.ID, up.state.Claim); err != nil { // longer than the commit may take
		return false, err
	}
	if scanned != nil {
		if !forGood(scanned) {
			return false, scanned
		}
		return u.d.Blobs.Remove(ctx, session.Project, up.state.Version) == nil, scanned
	}
	if _, err := u.d.Objects.Commit(ctx, session, t, w); err != nil {
		return forGood(err), err // it has removed the bytes
	}
	return true, nil
}

// forGood tells a refusal from what may be otherwise the next time.
func forGood(err error) bool {
	switch protocol.FromPostgres(err).Kind {
	case fault.Internal, fault.Unavailable, fault.DeadlineExceeded, fault.Canceled:
		return false
	}
	return true
}

// judge compares the parts that the client names with those that are there, and adds their sizes.
func (u *Uploads) judge(c Completion, found map[int32]Part) (blob.Written, error) {
	var w blob.Written
	for i, p := range c.Parts {
		have, ok := found[p.Number]
		switch {
		case i > 0 && p.Number <= c.Parts[i-1].Number:
			return w, fault.New(fault.Invalid, "INVALID_PART_ORDER", "The list of parts was not in ascending order. The parts list must be specified in order by part number.")
		case !ok || have.ETag != p.ETag:
			return w, fault.New(fault.Invalid, "INVALID_PART", "One or more of the specified parts could not be found. The part might not have been uploaded, or the specified entity tag might not have matched the part's entity tag.")
		case have.Size < MinPartSize && i < len(c.Parts)-1:
			return w, fault.New(fault.Invalid, "ENTITY_TOO_SMALL", "Your proposed upload is smaller than the minimum allowed object size: every part but the last must have 5 MiB.")
		}
		w.Size += have.Size
	}
	if c.Size >= 0 && c.Size != w.Size {
		return w, fault.New(fault.Invalid, "INVALID_REQUEST", "The parts have %d bytes together, not the %d of x-amz-mp-object-size.", w.Size, c.Size)
	}
	return w, nil
}

func (u *Uploads) completeAtStore(ctx context.Context, session *projectdb.Session, up *Upload, parts []Part) (string, error) {
	key, err := blob.Key(up.state.Version)
	if err != nil {
		return "", err
	}
	out, err := u.d.Blobs.Client().CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &session.Project.Bucket, Key: &key, UploadId: &up.state.Store, MultipartUpload: completed(parts)})
	if err != nil {
		return "", blob.Fault(err, "complete an upload in parts")
	}
	return strings.Trim(aws.ToString(out.ETag), `"`), nil
}

// putTogether finds bytes that an earlier try has put together, and tells whether an object has had them already.
func (u *Uploads) putTogether(ctx context.Context, session *projectdb.Session, up *Upload) (w blob.Written, kept bool, err error) {
	key, err := blob.Key(up.state.Version)
	if err != nil {
		return w, false, err
	}
	out, err := u.d.Blobs.Client().HeadObject(ctx, &s3.HeadObjectInput{Bucket: &session.Project.Bucket, Key: &key})
	if err != nil {
		if err = blob.Fault(err, "find a completed upload"); fault.From(err).Kind == fault.NotFound {
			return w, false, ErrNoSuchUpload
		}
		return w, false, err
	}
	w = blob.Written{Version: up.state.Version, Size: aws.ToInt64(out.ContentLength), ETag: strings.Trim(aws.ToString(out.ETag), `"`)}
	kept, err = u.kept(ctx, session, up)
	return w, kept, err
}

// kept reports whether an object has, or has had, the upload's bytes.
func (u *Uploads) kept(ctx context.Context, session *projectdb.Session, up *Upload) (kept bool, err error) {
	err = session.InService(ctx, object.Schema, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, keptSQL, up.state.Version).Scan(&kept)
	})
	return kept, err
}

// target is what the object is to be.
func (up *Upload) target(c Completion) (object.Target, error) {
	var s said
	if err := json.Unmarshal(up.metadata, &s); err != nil {
		return object.Target{}, fault.Wrap(err, fault.NotFound, ErrNoSuchUpload.Reason, "The upload's row was changed by other hands: begin anew.")
	}
	t := object.Target{
		Bucket: up.Bucket, Name: up.Key, Upsert: true, MimeType: s.MimeType, CacheControl: s.CacheControl, ContentEncoding: s.ContentEncoding,
		ContentDisposition: s.ContentDisposition, ContentLanguage: s.ContentLanguage, Expires: s.Expires, Tags: s.Tags, OwnerID: up.Owner,
		IfMatch: c.IfMatch, IfNoneMatch: c.IfNoneMatch, Operation: "storage.s3.upload.complete",
	}
	if len(up.user) > 0 && string(up.user) != "null" {
		t.UserMetadata = up.user
	}
	return t, nil
}

// Abort ends an upload of the caller's, and removes its parts.
func (u *Uploads) Abort(ctx context.Context, session *projectdb.Session, bucket, key, id string) error {
	return u.end(ctx, session, id, func(up *Upload) error { return u.admit(session, up, bucket, key) })
}

// Expire ends an upload whose time is up, whatever state it is in: what an object has keeps its bytes. One that is not there has ended.
func (u *Uploads) Expire(ctx context.Context, session *projectdb.Session, id string) error {
	err := u.end(ctx, session, id, func(up *Upload) error {
		if u.d.Now().Before(up.state.Expires) {
			return fault.New(fault.FailedPrecondition, "NOT_EXPIRED", "The upload has not expired.")
		}
		return nil
	})
	if errors.Is(err, ErrNoSuchUpload) { // or its row was changed by other hands: the end of its lease removes what it had
		u.forget(ctx, session, id)
		return nil
	}
	return err
}

func (u *Uploads) end(ctx context.Context, session *projectdb.Session, id string, judge func(*Upload) error) error {
	held, up, stop, err := u.claim(ctx, session, id, judge)
	if err != nil {
		return err
	}
	done := false
	defer func() {
		stop()
		if done {
			u.forget(ctx, session, id)
		}
	}()
	key, err := blob.Key(up.state.Version)
	if err != nil {
		return err
	}
	if err := u.abortAll(held, session, up, key); err != nil {
		return err
	}
	kept, err := u.kept(held, session, up)
	if err == nil && !kept { // put together, and no object's
		err = u.d.Blobs.Remove(held, session.Project, up.state.Version)
	}
	done = err == nil
	return err
}

// abortAll aborts what the object store has under way at a key: also what was begun there and not written down.
func (u *Uploads) abortAll(ctx context.Context, session *projectdb.Session, up *Upload, key string) error {
	if up.state.Store != "" {
		_, err := u.d.Blobs.Client().AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &session.Project.Bucket, Key: &key, UploadId: &up.state.Store})
		if err != nil && blob.ErrorCode(err) != "NoSuchUpload" {
			return blob.Fault(err, "abort an upload in parts")
		}
		return nil
	}
	out, err := u.d.Blobs.Client().ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &session.Project.Bucket, Prefix: &key})
	if err != nil {
		return blob.Fault(err, "find uploads in parts")
	}
	for _, one := range out.Uploads {
		if aws.ToString(one.Key) == key {
			u.abortAtStore(ctx, session, key, aws.ToString(one.UploadId))
		}
	}
	return nil
}

func (u *Uploads) abortAtStore(ctx context.Context, session *projectdb.Session, key, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if _, err := u.d.Blobs.Client().AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &session.Project.Bucket, Key: &key, UploadId: &id}); err != nil {
		u.d.Log.WarnContext(ctx, "parts stay at the object store until the upload expires", "project", session.Project.Ref, "key", key, "error", err)
	}
}
