package resumable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	tusd "github.com/tus/tusd/v2/pkg/handler"

	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
)

// maxCopied is the most that the object store copies in one request.
const maxCopied = 1 << 30

// ConcatUploads makes the upload of partial ones, and an object of it. The object store copies their bytes where it can take each as a part; otherwise
// they are read and written again.
func (u *upload) ConcatUploads(ctx context.Context, partials []tusd.Upload) error {
	return u.x.note(u.concat(ctx, partials))
}

func (u *upload) concat(ctx context.Context, partials []tusd.Upload) error {
	r := u.row
	var rows []*row
	small := false
	for _, one := range partials {
		p := one.(*upload).row
		if p.size == 0 {
			continue
		}
		small = small || len(rows) > 0 && rows[len(rows)-1].size < leastPart
		rows = append(rows, p)
	}
	if !small && r.size > 0 {
		if err := u.copyAll(ctx, rows); blob.ErrorCode(err) == "" && err != nil {
			return err
		} else if err != nil { // not every store copies parts, or from all that it has
			u.s.d.Log.DebugContext(ctx, "partial uploads are read and written again", "error", err)
			r.state.Parts = nil
			small = true
		}
	}
	if small {
		if _, err := u.write(ctx, &chain{ctx: ctx, u: u, rows: rows}); err != nil {
			return err
		}
	}
	if !r.full() {
		return fmt.Errorf("the partial uploads have %d bytes, not %d", r.state.Offset, r.size)
	}
	return u.finish(ctx)
}

// copyAll lets the object store copy. Nobody knows of the upload yet: no other writer takes numbers.
func (u *upload) copyAll(ctx context.Context, rows []*row) error {
	r, p := u.row, u.session.Project
	st := &r.state
	if err := u.number(ctx); err != nil {
		return err
	}
	to, err := blob.Key(r.version)
	if err != nil {
		return err
	}
	number := st.Next - 1
	for _, one := range rows {
		from, err := blob.Key(one.version)
		if err != nil {
			return err
		}
		pieces := (one.size + maxCopied - 1) / maxCopied
		for i := range pieces {
			begin, end := one.size*i/pieces, one.size*(i+1)/pieces
			etag, err := u.copyPart(ctx, &s3.UploadPartCopyInput{
				Bucket: &p.Bucket, Key: &to, UploadId: &st.Multipart, PartNumber: aws.Int32(number), CopySource: aws.String(p.Bucket + "/" + from),
				CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", begin, end-1)),
			})
			if err != nil {
				return err
			}
			st.Parts = append(st.Parts, part{number, end - begin, etag})
			number++
		}
	}
	st.Next, st.Offset = number, r.size
	return u.keep(ctx) // others may finish it from here
}

func (u *upload) copyPart(ctx context.Context, in *s3.UploadPartCopyInput) (string, error) {
	ctx, cancel := lasting(ctx, 10*time.Minute)
	defer cancel()
	out, err := u.s.d.Blobs.Client().UploadPartCopy(ctx, in)
	if err != nil {
		return "", blob.Fault(err, "copy a partial upload")
	}
	if out.CopyPartResult == nil {
		return "", errors.New("the object store does not say what it copied")
	}
	return strings.Trim(aws.ToString(out.CopyPartResult.ETag), `"`), nil
}

// chain reads partial uploads one after the other.
type chain struct {
	ctx  context.Context //nolint:containedctx // of the one call that reads
	u    *upload
	rows []*row
	from io.ReadCloser
}

// Read reads on.
func (c *chain) Read(b []byte) (int, error) {
	for {
		if c.from == nil {
			if len(c.rows) == 0 {
				return 0, io.EOF
			}
			from, err := c.u.s.d.Blobs.Get(c.ctx, c.u.session.Project, c.rows[0].version, 0, -1)
			if err != nil {
				return 0, err
			}
			c.from, c.rows = from, c.rows[1:]
		}
		n, err := c.from.Read(b)
		if errors.Is(err, io.EOF) {
			_ = c.from.Close()
			c.from, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}
