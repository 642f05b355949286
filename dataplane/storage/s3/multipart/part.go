package multipart

import (
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag is one
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Part is a part that was uploaded. Its ETag has no quotes.
type Part struct {
	Number   int32
	ETag     string
	Size     int64
	Modified time.Time
}

// begin begins the upload at the object store, and writes its id down.
func (u *Uploads) begin(ctx context.Context, session *projectdb.Session, id string, s state, mimeType string) error {
	key, err := blob.Key(s.Version)
	if err != nil {
		return err
	}
	out, err := u.d.Blobs.Client().CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &session.Project.Bucket, Key: &key, ContentType: &mimeType})
	if err != nil {
		return blob.Fault(err, "begin an upload in parts")
	}
	_, err = u.change(ctx, session, id, func(_ pgx.Tx, up *Upload) error {
		up.state.Store = aws.ToString(out.UploadId)
		return nil
	})
	if err != nil {
		u.abortAtStore(ctx, session, key, aws.ToString(out.UploadId))
	}
	return err
}

func checkNumber(number int32) error {
	if number < 1 || number > MaxParts {
		return fault.New(fault.Invalid, "INVALID_ARGUMENT", "Part number must be an integer between 1 and 10000, inclusive")
	}
	return nil
}

// reserve counts a part before its bytes come. One that it is to replace counts until then too: it stays when the new one fails.
func (u *Uploads) reserve(ctx context.Context, session *projectdb.Session, bucket, key, id string, number int32, size int64) (*Upload, error) {
	if err := checkNumber(number); err != nil {
		return nil, err
	}
	if size > MaxPartSize {
		return nil, fault.New(fault.Invalid, "ENTITY_TOO_LARGE", "Your proposed upload exceeds the maximum allowed size")
	}
	return u.change(ctx, session, id, func(tx pgx.Tx, up *Upload) error {
		if err := u.admit(session, up, bucket, key); err != nil {
			return err
		}
		if up.state.Claim != "" && u.d.Now().Before(up.state.Claimed) {
			return errClaimed
		}
		var former int64
		if err := tx.QueryRow(ctx, sizeOfPartSQL, id, number).Scan(&former); err != nil {
			return err
		}
		if up.state.Size += size; up.state.Size-former > up.state.Limit {
			return fault.New(fault.Exhausted, "ENTITY_TOO_LARGE", "The object exceeded the maximum allowed size")
		}
		return u.fits(ctx, session, tx, size-former)
	})
}

// fits refuses a part that the project has no room for: what is under way counts too.
func (u *Uploads) fits(ctx context.Context, session *projectdb.Session, tx pgx.Tx, more int64) error {
	quota := session.Project.Limits.StorageBytes
	if quota <= 0 || more <= 0 {
		return nil
	}
	var count, underWay, used int64
	if err := tx.QueryRow(ctx, underWaySQL).Scan(&count, &underWay); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, usedSQL).Scan(&used); err != nil {
		return err
	}
	if used+underWay+more > quota {
		return fault.New(fault.Exhausted, "QUOTA_STORAGE", "The project's storage is full: %d of %d bytes are used, those of uploads under way among them. Delete files, or move to a larger plan.", used+underWay, quota)
	}
	return nil
}

// release takes back what a part that failed had reserved, and counts what the object store has in its place.
func (u *Uploads) release(ctx context.Context, session *projectdb.Session, up *Upload, number int32, size int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	found, _, err := u.Parts(ctx, session, up, number-1, 1)
	if err == nil {
		if len(found) > 0 && found[0].Number != number {
			found = nil
		}
		_, err = u.change(ctx, session, up.ID, func(tx pgx.Tx, up *Upload) error {
			up.state.Size = max(up.state.Size-size, 0)
			if len(found) > 0 {
				up.state.Size += found[0].Size
			}
			return u.replace(ctx, tx, up, number, found)
		})
	}
	if err != nil && !errors.Is(err, ErrNoSuchUpload) {
		u.d.Log.WarnContext(ctx, "a part that failed goes on to count", "project", session.Project.Ref, "upload", up.ID, "error", err)
	}
}

// replace puts a part's row, or none, in the place of those before it, which count no more.
func (u *Uploads) replace(ctx context.Context, tx pgx.Tx, up *Upload, number int32, by []Part) error {
	former, err := tx.Query(ctx, deletePartSQL, up.ID, number)
	if err != nil {
		return err
	}
	sizes, err := pgx.CollectRows(former, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	for _, n := range sizes {
		up.state.Size = max(up.state.Size-n, 0)
	}
	if len(by) == 0 {
		return nil
	}
	_, err = tx.Exec(ctx, insertPartSQL, up.ID, by[0].Size, number, by[0].ETag)
	return err
}

// note writes a part's row.
func (u *Uploads) note(ctx context.Context, session *projectdb.Session, id string, number int32, size int64, etag string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, err := u.change(ctx, session, id, func(tx pgx.Tx, up *Upload) error {
		return u.replace(ctx, tx, up, number, []Part{{Number: number, Size: size, ETag: etag}})
	})
	return err
}

// Put uploads a part of a known size, and returns its ETag.
func (u *Uploads) Put(ctx context.Context, session *projectdb.Session, bucket, key, id string, number int32, body io.Reader, size int64) (etag string, err error) {
	up, err := u.reserve(ctx, session, bucket, key, id, number, size)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			u.release(ctx, session, up, number, size)
		}
	}()
	if etag, err = u.write(ctx, session, up, number, body, size); err != nil {
		return "", err
	}
	return etag, u.note(ctx, session, id, number, size, etag)
}

// write sends a part to the object store.
func (u *Uploads) write(ctx context.Context, session *projectdb.Session, up *Upload, number int32, body io.Reader, size int64) (string, error) {
	key, err := blob.Key(up.state.Version)
	if err != nil {
		return "", err
	}
	source := &hashed{from: body, hash: md5.New()} //nolint:gosec // as above
	in := &s3.UploadPartInput{Bucket: &session.Project.Bucket, Key: &key, UploadId: &up.state.Store, PartNumber: &number, ContentLength: &size, Body: source}
	if size == 0 { // nothing is sent, and the end is judged all the same
		if _, err := io.Copy(io.Discard, source); err != nil {
			return "", err
		}
		in.Body = nil
	}
	out, err := u.d.Blobs.Client().UploadPart(ctx, in, once)
	if source.err != nil { // the client's side failed, not the store's
		return "", source.err
	}
	if err != nil {
		return "", blob.Fault(err, "write a part")
	}
	etag := strings.Trim(aws.ToString(out.ETag), `"`)
	if sum := hex.EncodeToString(source.hash.Sum(nil)); source.n != size || len(etag) == len(sum) && etag != sum && !strings.Contains(etag, "-") {
		return "", blob.Fault(fmt.Errorf("the object store has other bytes than were sent: %s, not %s", etag, sum), "write a part")
	}
	return etag, nil
}

// Copy makes a part of another object's bytes, from one to another offset, both included. The caller was found to be allowed to read it.
func (u *Uploads) Copy(ctx context.Context, session *projectdb.Session, bucket, key, id string, number int32, from *object.Object, first, last int64) (part Part, err error) {
	size := last - first + 1
	up, err := u.reserve(ctx, session, bucket, key, id, number, size)
	if err != nil {
		return part, err
	}
	defer func() {
		if err != nil {
			u.release(ctx, session, up, number, size)
		}
	}()
	part = Part{Number: number, Size: size, Modified: u.d.Now()}
	if part.ETag, err = u.copyAtStore(ctx, session, up, number, from, first, last); err != nil {
		return part, err
	}
	return part, u.note(ctx, session, id, number, size, part.ETag)
}

// copyAtStore lets the object store copy, or copies through this worker where it does not.
func (u *Uploads) copyAtStore(ctx context.Context, session *projectdb.Session, up *Upload, number int32, from *object.Object, first, last int64) (string, error) {
	source, err := blob.Key(from.Version)
	if err != nil {
		return "", err
	}
	key, err := blob.Key(up.state.Version)
	if err != nil {
		return "", err
	}
	in := &s3.UploadPartCopyInput{Bucket: &session.Project.Bucket, Key: &key, UploadId: &up.state.Store, PartNumber: &number,
		CopySource: aws.String(url.PathEscape(session.Project.Bucket) + "/" + source)}
	if last-first+1 < from.Metadata.Size {
		in.CopySourceRange = aws.String(fmt.Sprintf("bytes=%d-%d", first, last))
	}
	out, err := u.d.Blobs.Client().UploadPartCopy(ctx, in)
	switch blob.ErrorCode(err) {
	case "": // done, or the store is away
		if err != nil {
			return "", blob.Fault(err, "copy a part")
		}
		return strings.Trim(aws.ToString(out.CopyPartResult.ETag), `"`), nil
	case "NoSuchKey", "NoSuchUpload":
		return "", blob.Fault(err, "copy a part")
	}
	body, err := u.d.Blobs.Get(ctx, session.Project, from.Version, first, last)
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }()
	return u.write(ctx, session, up, number, body, last-first+1)
}

// once sends a body that cannot be read twice: without its hash in the signature, and once.
func once(o *s3.Options) {
	o.RetryMaxAttempts = 1
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}

// hashed hashes what is read, and remembers its source's error.
type hashed struct {
	from io.Reader
	hash hash.Hash
	n    int64
	err  error
}

// Read reads on.
func (h *hashed) Read(b []byte) (int, error) {
	n, err := h.from.Read(b)
	h.n += int64(n)
	_, _ = h.hash.Write(b[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		h.err = err
	}
	return n, err
}

// Parts lists the parts that the object store has, those after a number.
func (u *Uploads) Parts(ctx context.Context, session *projectdb.Session, up *Upload, after int32, most int) (parts []Part, more bool, err error) {
	key, err := blob.Key(up.state.Version)
	if err != nil {
		return nil, false, err
	}
	out, err := u.d.Blobs.Client().ListParts(ctx, &s3.ListPartsInput{Bucket: &session.Project.Bucket, Key: &key, UploadId: &up.state.Store,
		PartNumberMarker: aws.String(fmt.Sprint(after)), MaxParts: aws.Int32(int32(most))})
	if err != nil {
		return nil, false, blob.Fault(err, "list parts")
	}
	for _, p := range out.Parts {
		parts = append(parts, Part{aws.ToInt32(p.PartNumber), strings.Trim(aws.ToString(p.ETag), `"`), aws.ToInt64(p.Size), aws.ToTime(p.LastModified)})
	}
	return parts, aws.ToBool(out.IsTruncated), nil
}

// maxPage is how many parts the object store lists at once.
const maxPage = 1000

func (u *Uploads) allParts(ctx context.Context, session *projectdb.Session, up *Upload) (map[int32]Part, error) {
	all := map[int32]Part{}
	for after, more := int32(0), true; more; {
		page, next, err := u.Parts(ctx, session, up, after, maxPage)
		if err != nil {
			return nil, err
		}
		for _, p := range page {
			all[p.Number], after = p, p.Number
		}
		more = next && len(page) > 0
	}
	return all, nil
}

// Range tells which bytes a part of an object that was uploaded in parts has, both offsets included.
func (u *Uploads) Range(ctx context.Context, session *projectdb.Session, o *object.Object, number int32) (first, last int64, err error) {
	key, err := blob.Key(o.Version)
	if err != nil {
		return 0, 0, err
	}
	out, err := u.d.Blobs.Client().HeadObject(ctx, &s3.HeadObjectInput{Bucket: &session.Project.Bucket, Key: &key, PartNumber: &number})
	if err != nil {
		return 0, 0, blob.Fault(err, "find a part")
	}
	var size int64
	if _, err := fmt.Sscanf(aws.ToString(out.ContentRange), "bytes %d-%d/%d", &first, &last, &size); err != nil || size != o.Metadata.Size || first < 0 || last >= size || first > last {
		return 0, 0, fault.New(fault.Unimplemented, "NOT_IMPLEMENTED", "The object store does not tell where a part begins: ask for a Range.")
	}
	return first, last, nil
}

// Listed is an upload of a listing.
type Listed struct {
	ID, Key, Owner string
	Created        time.Time
}

// List lists the uploads of a bucket that the caller sees: rows of a table that has policies of the project's own.
func (u *Uploads) List(ctx context.Context, session *projectdb.Session, bucket, prefix, afterKey, afterID string, most int) (out []Listed, err error) {
	err = session.Query(ctx, options(true), projectdb.Statement{SQL: listSQL, Args: []any{bucket, prefix, afterKey, afterID, most}}, func(rows pgx.Rows) (err error) {
		out, err = pgx.CollectRows(rows, object.Held(func(row pgx.CollectableRow) (l Listed, err error) {
			err = row.Scan(&l.ID, &l.Key, &l.Owner, &l.Created)
			return l, err
		}))
		return err
	})
	return out, err
}

func completed(parts []Part) *types.CompletedMultipartUpload {
	out := &types.CompletedMultipartUpload{Parts: make([]types.CompletedPart, len(parts))}
	for i, p := range parts {
		out.Parts[i] = types.CompletedPart{PartNumber: &parts[i].Number, ETag: aws.String(`"` + p.ETag + `"`)}
	}
	return out
}
