package resumable

import (
	"context"
	"crypto/md5" //nolint:gosec // of the writer
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// finish makes an object of an upload whose bytes are all there. It is judged again, as whoever sent the last of them. Whatever dies in between, the next
// request for the upload goes on from there: while its bytes are no object's, the row stays.
func (u *upload) finish(ctx context.Context) error {
	ctx, cancel := lasting(ctx, transferTime(u.row.size))
	defer cancel()
	r := u.row
	switch {
	case r.whole():
		return nil
	case r.state.Kind == partial:
		return u.assemble(ctx)
	}
	if r.state.Finishing != nil { // it was tried before
		if over, err := u.tried(ctx); over || err != nil {
			return err
		}
	}
	ticket, err := u.s.d.Objects.Begin(ctx, u.session, r.target(operationPart))
	if err != nil {
		return err
	}
	if err := u.assemble(ctx); err != nil {
		return err
	}
	ticket.Version = r.version
	if err := u.s.d.Objects.ScanStored(ctx, u.session, ticket, r.size); err != nil {
		return u.refused(ctx, err)
	}
	if err := r.finishing(ctx, u.session, commitTime); err != nil {
		return err
	}
	if _, err = u.s.d.Objects.Commit(ctx, u.session, ticket, blob.Written{Version: r.version, Size: r.size, ETag: r.state.ETag}); err != nil {
		if kept, unknown := r.committed(ctx, u.session); unknown != nil || !kept { // or else only the answer was lost
			return u.refused(ctx, err)
		}
	}
	u.done(ctx)
	return nil
}

// tried looks at how it ended when the upload was finished before, and nobody was left to tell.
func (u *upload) tried(ctx context.Context) (over bool, err error) {
	kept, err := u.row.committed(ctx, u.session)
	if err != nil {
		return false, err
	}
	if kept {
		u.done(ctx)
		return true, nil
	}
	there, err := u.there(ctx)
	if err == nil && !there { // refused, or made an object that is gone already
		err = errors.Join(errNoUpload, u.forget(ctx))
	}
	return false, err
}

// refused ends an upload whose bytes were removed, or are not to be kept. Others stay, and may be tried again until they expire.
func (u *upload) refused(ctx context.Context, cause error) error {
	var f *fault.Error
	bad := errors.As(cause, &f) && f.Kind == fault.Invalid // a virus, for one
	if there, err := u.there(ctx); err == nil && (bad || !there) {
		if err := u.forget(ctx); err != nil {
			u.s.d.Log.WarnContext(ctx, "a refused upload stays until it expires", "project", u.session.Project.Ref, "error", err)
		}
	}
	return cause
}

// forget removes the upload, whose bytes no object has, and all that it has written.
func (u *upload) forget(ctx context.Context) error {
	if err := u.s.sweep(ctx, u.session.Project, u.row.lease(), ""); err != nil {
		return err
	}
	return u.row.remove(ctx, u.session)
}

// there reports whether the object store has the upload's bytes.
func (u *upload) there(ctx context.Context) (bool, error) {
	_, err := u.stored(ctx)
	if errors.Is(err, fault.New(fault.NotFound, "NO_SUCH_KEY", "")) {
		return false, nil
	}
	return err == nil, err
}

// stored is what the object store says of the upload's bytes.
func (u *upload) stored(ctx context.Context) (*s3.HeadObjectOutput, error) {
	key, err := blob.Key(u.row.version)
	if err != nil {
		return nil, err
	}
	out, err := u.s.d.Blobs.Client().HeadObject(ctx, &s3.HeadObjectInput{Bucket: &u.session.Project.Bucket, Key: &key})
	return out, blob.Fault(err, "look at an upload")
}

// assemble makes the version's bytes whole.
func (u *upload) assemble(ctx context.Context) error {
	r := u.row
	st := &r.state
	if st.Tails != nil || r.size == 0 && !st.Stored { // its length came to be known later, or it is nought
		w := &writer{u: u, hash: md5.New()} //nolint:gosec // as above
		if err := w.open(); err != nil {
			return err
		}
		defer w.close()
		if err := w.finish(ctx); err != nil {
			return err
		}
	}
	if st.Stored {
		return nil
	}
	key, err := blob.Key(r.version)
	if err != nil {
		return err
	}
	parts := make([]types.CompletedPart, len(st.Parts))
	sum := int64(0)
	for i, p := range st.Parts {
		parts[i] = types.CompletedPart{PartNumber: aws.Int32(p.Number), ETag: aws.String(`"` + p.ETag + `"`)}
		sum += p.Size
	}
	if sum != r.size {
		return fmt.Errorf("the parts of an upload have %d bytes, not %d", sum, r.size)
	}
	out, err := u.s.d.Blobs.Client().CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &u.session.Project.Bucket, Key: &key, UploadId: &st.Multipart, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	switch {
	case err == nil:
		st.ETag = aws.ToString(out.ETag)
	case blob.ErrorCode(err) == "NoSuchUpload": // whoever completed it could not say so
		head, err := u.stored(ctx)
		if err != nil {
			return err
		}
		if aws.ToInt64(head.ContentLength) != r.size {
			return fmt.Errorf("an upload was completed with %d bytes, not %d", aws.ToInt64(head.ContentLength), r.size)
		}
		st.ETag = aws.ToString(head.ETag)
	default:
		return blob.Fault(err, "complete an upload of parts")
	}
	st.ETag, st.Stored, st.Open = strings.Trim(st.ETag, `"`), true, false
	return u.keep(ctx)
}

// done notes that the upload is an object. It is told for a while to clients that missed the last answer. What fails here is mended by the next request,
// or when the upload expires.
func (u *upload) done(ctx context.Context) {
	ctx, cancel := lasting(ctx, cleanTime)
	defer cancel()
	r, s := u.row, u.s
	st := &r.state
	for _, id := range st.Of {
		part := &upload{s: s, session: u.session, row: &row{id: id}}
		if err := part.end(ctx); err != nil && !errors.Is(err, errNoUpload) {
			s.d.Log.WarnContext(ctx, "a partial upload stays until it expires", "project", u.session.Project.Ref, "error", err)
		}
	}
	if st.Strays && s.sweep(ctx, u.session.Project, r.lease(), r.version) == nil {
		st.Strays = false
	}
	now := s.d.Now()
	st.Done, st.Offset, st.Open, st.Finishing, st.Parts, st.Tails = &now, r.size, false, nil, nil, nil
	if err := u.keep(ctx); err != nil {
		s.d.Log.WarnContext(ctx, "an upload was finished and could not be told so", "project", u.session.Project.Ref, "error", err)
	}
	if _, err := r.close(ctx, u.session); err != nil {
		s.d.Log.WarnContext(ctx, "the lease of a finished upload stays until it ends", "project", u.session.Project.Ref, "error", err)
	}
}

// drop removes bytes that nothing needs, and reports whether it did. What stays goes when the upload ends.
func (s *Service) drop(ctx context.Context, p *directory.Project, versions ...string) bool {
	ctx, cancel := lasting(ctx, cleanTime)
	defer cancel()
	err := s.d.Blobs.Remove(ctx, p, versions...)
	if err != nil {
		s.d.Log.WarnContext(ctx, "bytes of an upload stay until it expires", "project", p.Ref, "error", err)
	}
	return err == nil
}

// sweep removes whatever was written below a lease, but for one version.
func (s *Service) sweep(ctx context.Context, p *directory.Project, lease, keep string) error {
	if !blob.Valid(lease + "/" + uuid.Nil.String()) {
		return fmt.Errorf("sweep: %q is no lease", lease)
	}
	prefix, client := blob.LeasePrefix(lease), s.d.Blobs.Client()
	begun := s3.NewListMultipartUploadsPaginator(client, &s3.ListMultipartUploadsInput{Bucket: &p.Bucket, Prefix: &prefix})
	for begun.HasMorePages() {
		page, err := begun.NextPage(ctx)
		if err != nil {
			return blob.Fault(err, "list uploads of parts")
		}
		for _, one := range page.Uploads {
			if !strings.HasPrefix(aws.ToString(one.Key), prefix) { // not every store heeds the prefix
				continue
			}
			_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &p.Bucket, Key: one.Key, UploadId: one.UploadId})
			if err != nil && blob.ErrorCode(err) != "NoSuchUpload" {
				return blob.Fault(err, "abort an upload of parts")
			}
		}
	}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &p.Bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return blob.Fault(err, "list what an upload wrote")
		}
		var keys []string
		for _, one := range page.Contents {
			if key := aws.ToString(one.Key); key != blob.Prefix+keep {
				keys = append(keys, key)
			}
		}
		if err := s.d.Blobs.RemoveKeys(ctx, p, keys...); err != nil {
			return err
		}
	}
	return nil
}
