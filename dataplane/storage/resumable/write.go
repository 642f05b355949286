package resumable

import (
	"context"
	"crypto/md5" //nolint:gosec // S3 checks parts by it
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Parts. They grow with their number, so that the ten thousand that S3 allows are enough for its largest object and those of an ordinary one are small: a
// part waits in a temporary file until the object store has it.
const (
	firstPart = 8 << 20
	leastPart = 5 << 20 // that S3 takes, but for the last
	maxParts  = 10_000
	doubling  = 1000 // parts until the next are twice as large
)

var errScattered = fault.New(fault.FailedPrecondition, "TOO_MANY_PARTS", "The upload was interrupted too often and has come in too many parts. Begin a new one.")

// partSize is how large the part of a number is to be; the least that is sent as a part of its own is half of that.
func partSize(number int32) int64 { return firstPart << ((max(number, 1) - 1) / doubling) }

func leastSize(number int32) int64 { return max(leastPart, partSize(number)/2) }

// writer takes bytes for an upload. Each part counts once the row says so; with a checksum, none does before the last is checked.
type writer struct {
	u    *upload
	sum  *digest
	file *os.File
	hash hash.Hash // of the file
	size int64     // of the file
	// lead is the room at the file's beginning for the tails, which are read when they are needed.
	lead int64
	// base is where the file begins in the upload; sent are parts before it that do not count yet.
	base int64
	sent []part
	// number is that of the next part, when it was taken already.
	number int32
	buffer []byte
	// old are the tails that there were, wrote is the version that the file was sent as.
	old   []tail
	wrote string
}

// write keeps what arrives, and returns how much of it counts.
func (u *upload) write(ctx context.Context, body io.Reader) (int64, error) {
	w := &writer{u: u, buffer: make([]byte, 32<<10), hash: md5.New()} //nolint:gosec // as above
	if u.x != nil {
		w.sum = u.x.sum
	}
	began := u.row.state.Offset
	n, err := body.Read(w.buffer)
	if n == 0 && w.sum == nil && err != nil { // nothing comes: nothing needs to be done
		return 0, u.settle(ctx)
	}
	if err := w.open(); err != nil {
		return 0, err
	}
	defer w.close()
	if err := w.run(ctx, io.MultiReader(bytesReader(w.buffer[:n]), body)); err != nil {
		return u.row.state.Offset - began, err
	}
	return u.row.state.Offset - began, nil
}

// bytesReader reads a copy: the buffer is used again.
func bytesReader(b []byte) io.Reader { return strings.NewReader(string(b)) }

// settle notes that the writer has ended, having written nothing.
func (u *upload) settle(ctx context.Context) error {
	ctx, cancel := lasting(ctx, bookTime)
	defer cancel()
	u.row.state.Open = false
	return u.row.save(ctx, u.session)
}

// open makes the file, with room for the tails.
func (w *writer) open() (err error) {
	if w.file, err = os.CreateTemp(w.u.s.d.TempDir, "fluxbase-upload-*"); err != nil {
		return blob.FolderFault(fmt.Errorf("keep a part of an upload: %w", err))
	}
	_ = os.Remove(w.file.Name()) // where that is not possible close does it
	st := &w.u.row.state
	w.old = st.Tails
	for _, t := range st.Tails {
		w.lead += t.Size
	}
	w.base, w.size = st.Offset-w.lead, w.lead
	if _, err = w.file.Seek(w.lead, io.SeekStart); err != nil {
		w.close()
	}
	return err
}

// gather reads the tails into their room.
func (w *writer) gather(ctx context.Context) error {
	if w.lead == 0 {
		return nil
	}
	ctx, cancel := lasting(ctx, transferTime(w.lead))
	defer cancel()
	at := int64(0)
	for _, t := range w.old {
		from, err := w.u.s.d.Blobs.Get(ctx, w.u.session.Project, t.Version, 0, -1)
		if err != nil {
			return err
		}
		n, err := io.Copy(io.NewOffsetWriter(w.file, at), onlyReader{from})
		_ = from.Close()
		if err == nil && n != t.Size {
			err = fmt.Errorf("the tail of an upload has %d bytes, not %d", n, t.Size)
		}
		if err != nil {
			return err
		}
		at += n
	}
	w.lead = 0
	w.hash.Reset()
	_, err := io.Copy(w.hash, onlyReader{io.NewSectionReader(w.file, 0, w.size)})
	return err
}

// onlyReader hides what else a reader can do.
type onlyReader struct{ io.Reader }

func (w *writer) close() {
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
}

// transferTime is how long a transfer to or from the object store may take.
func transferTime(size int64) time.Duration {
	return 2*time.Minute + time.Duration(size>>20)*time.Second
}

// run reads the body to its end.
func (w *writer) run(ctx context.Context, body io.Reader) error {
	r := w.u.row
	for {
		ended, err := w.fill(body, partSize(w.next()))
		if err != nil {
			return err
		}
		if complete := r.size >= 0 && w.base+w.size == r.size; ended || complete {
			break
		}
		if r.size < 0 { // nobody could count it before
			if err := r.room(ctx, w.u.session, w.base+w.size-r.state.Offset); err != nil {
				return err
			}
		}
		if err := w.part(ctx, true); err != nil {
			return err
		}
	}
	if x := w.u.x; x != nil {
		if n, _ := body.Read(w.buffer[:1]); n > 0 || x.body.over() {
			return w.tooLong()
		}
	}
	if w.sum != nil {
		if x := w.u.x; x.r.ContentLength > x.body.n { // it was interrupted: nothing of it can be checked
			return w.u.settle(ctx)
		}
		if !w.sum.matches() {
			return errors.Join(errChecksum, w.u.settle(ctx))
		}
	}
	return w.finish(ctx)
}

func (w *writer) tooLong() error {
	if w.u.row.size < 0 {
		return errTooLarge
	}
	return errTooLong
}

// next is the number of the next part.
func (w *writer) next() int32 {
	if w.number > 0 {
		return w.number
	}
	return max(w.u.row.state.Next, 1)
}

// fill reads until the file has a size, and reports whether the body has ended.
func (w *writer) fill(body io.Reader, size int64) (ended bool, err error) {
	r := w.u.row
	if r.size >= 0 {
		size = min(size, r.size-w.base)
	}
	for w.size < size {
		n, err := body.Read(w.buffer[:min(int64(len(w.buffer)), size-w.size)])
		if w.u.x != nil && w.u.x.body.over() {
			return false, w.tooLong()
		}
		if _, failed := w.file.Write(w.buffer[:n]); failed != nil {
			return false, blob.FolderFault(fmt.Errorf("keep a part of an upload: %w", failed))
		}
		w.size += int64(n)
		_, _ = w.hash.Write(w.buffer[:n])
		if w.sum != nil {
			_, _ = w.sum.hash.Write(w.buffer[:n])
		}
		switch {
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil: // of what is copied, not of a client
			return false, err
		}
	}
	return false, nil
}

// part sends the file as a part. When more are to come, the number of the next one is taken with the same note.
func (w *writer) part(ctx context.Context, more bool) error {
	if err := w.gather(ctx); err != nil {
		return err
	}
	st := &w.u.row.state
	if w.number == 0 {
		if err := w.u.number(ctx); err != nil {
			return err
		}
		w.number = st.Next - 1
	}
	etag, err := w.send(ctx)
	if err != nil {
		return err
	}
	w.sent = append(w.sent, part{w.number, w.size, etag})
	if w.base, w.number = w.base+w.size, 0; w.sum == nil {
		w.count()
		if more && st.Next <= maxParts {
			w.number = st.Next
			st.Next++
		}
		if more {
			err = w.u.keep(ctx)
		}
	}
	if err == nil {
		err = w.reset()
	}
	return err
}

// count lets what was sent count.
func (w *writer) count() {
	st := &w.u.row.state
	st.Parts = append(st.Parts, w.sent...)
	w.sent = nil
	if w.base >= st.Offset { // or else the file begins with the tails still
		st.Offset, st.Tails = w.base, nil
	}
}

func (w *writer) reset() error {
	w.size, w.lead = 0, 0
	w.hash.Reset()
	_, err := w.file.Seek(0, io.SeekStart)
	return errors.Join(err, w.file.Truncate(0))
}

// send sends the file under the number.
func (w *writer) send(ctx context.Context) (string, error) {
	r, p := w.u.row, w.u.session.Project
	ctx, cancel := lasting(ctx, transferTime(w.size))
	defer cancel()
	key, err := blob.Key(r.version)
	if err != nil {
		return "", err
	}
	sum := w.hash.Sum(nil)
	out, err := w.u.s.d.Blobs.Client().UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &p.Bucket, Key: &key, UploadId: &r.state.Multipart, PartNumber: &w.number, ContentLength: &w.size,
		Body: io.NewSectionReader(w.file, 0, w.size), ContentMD5: aws.String(base64.StdEncoding.EncodeToString(sum)),
	}, func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
	})
	if err != nil {
		return "", blob.Fault(err, "write a part of an upload")
	}
	etag := strings.Trim(aws.ToString(out.ETag), `"`)
	if len(etag) == 2*md5.Size && etag != hex.EncodeToString(sum) {
		return "", fmt.Errorf("the object store has other bytes than were sent: %s", etag)
	}
	return etag, nil
}

// finish sends what is left: as the whole object, as the last part or a sufficient one, or else as a tail that the next request goes on from.
func (w *writer) finish(ctx context.Context) error {
	r := w.u.row
	st := &r.state
	complete := r.size >= 0 && w.base+w.size == r.size
	var err error
	switch {
	case complete && st.Multipart == "":
		err = w.whole(ctx)
	case w.size == 0:
		w.count()
	case complete || w.size >= leastSize(w.next()):
		if err = w.part(ctx, false); err == nil {
			w.count()
		}
	default:
		err = w.tail(ctx)
	}
	if err != nil {
		return err
	}
	var old []string
	for _, t := range w.old {
		if !slices.Contains(st.Tails, t) {
			old = append(old, t.Version)
		}
	}
	strays := st.Strays
	st.Open, st.Strays = false, strays || len(old) > 0 // until they are dropped: who is to do so may die
	if err := w.u.keep(ctx); err != nil {
		if errors.Is(err, errLocked) && w.wrote != "" { // for certain; otherwise it may count
			w.u.s.drop(ctx, w.u.session.Project, w.wrote)
		}
		return err
	}
	if len(old) > 0 && w.u.s.drop(ctx, w.u.session.Project, old...) {
		st.Strays = strays
	}
	return nil
}

// whole sends the file as the object.
func (w *writer) whole(ctx context.Context) error {
	r := w.u.row
	err := w.gather(ctx)
	if err != nil {
		return err
	}
	written, err := w.put(ctx, 0)
	if err != nil {
		return err
	}
	r.version, r.state.Offset, r.state.Tails, r.state.Stored, r.state.ETag = written.Version, r.size, nil, true, written.ETag
	return nil
}

// maxTails is how many tails there are before they become one, so that a client of little chunks makes no great stir.
const maxTails = 32

// tail sends as a tail what is not enough for a part.
func (w *writer) tail(ctx context.Context) error {
	st := &w.u.row.state
	if w.size == w.lead { // nothing has come
		return nil
	}
	if len(st.Tails) >= maxTails {
		if err := w.gather(ctx); err != nil {
			return err
		}
	}
	written, err := w.put(ctx, w.lead)
	if err != nil {
		return err
	}
	if w.count(); w.lead == 0 {
		st.Tails = nil
	}
	st.Tails, st.Offset = append(slices.Clip(st.Tails), tail{written.Version, written.Size}), w.base+w.size
	return nil
}

// put sends the file from an offset on, as a version.
func (w *writer) put(ctx context.Context, from int64) (blob.Written, error) {
	w.wrote = w.u.row.fresh()
	ctx, cancel := lasting(ctx, transferTime(w.size))
	defer cancel()
	return w.u.s.d.Blobs.Put(ctx, w.u.session.Project, w.wrote, onlyReader{io.NewSectionReader(w.file, from, w.size-from)}, w.size-from, w.u.row.target("").MimeType)
}

// keep writes down how far the upload is.
func (u *upload) keep(ctx context.Context) error {
	ctx, cancel := lasting(ctx, bookTime)
	defer cancel()
	return u.row.save(ctx, u.session)
}

// number takes the number of a part, in an upload of parts that is begun with the first. Nobody else takes it, so that a writer who has lost the upload
// overwrites no part of another's.
func (u *upload) number(ctx context.Context) error {
	r := u.row
	st := &r.state
	if st.Next > maxParts {
		return errScattered
	}
	if st.Multipart == "" {
		at, id, err := u.beginParts(ctx)
		if err != nil {
			return err
		}
		r.version, st.Multipart, st.Next = at, id, 1
	}
	st.Next++
	return u.keep(ctx)
}

func (u *upload) beginParts(ctx context.Context) (at, id string, err error) {
	ctx, cancel := lasting(ctx, transferTime(0))
	defer cancel()
	at = u.row.fresh()
	key, err := blob.Key(at)
	if err != nil {
		return "", "", err
	}
	out, err := u.s.d.Blobs.Client().CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &u.session.Project.Bucket, Key: &key, ContentType: aws.String(u.row.target("").MimeType)})
	if err != nil {
		return "", "", blob.Fault(err, "begin an upload of parts")
	}
	return at, aws.ToString(out.UploadId), nil
}
