package blob

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag is one
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Written is a version whose bytes are durable.
type Written struct {
	Version string
	Size    int64
	// ETag is the object store's, without quotes: the MD5 of the bytes in hex, or that of the parts' with their number.
	ETag string
}

const (
	// inMemory is the largest body of unknown length, or small one, that is held in memory.
	inMemory = 64 << 10
	// single is the largest body that goes in one request, part the size of the parts of a larger one.
	single = 1 << 30
	part   = 512 << 20
	// piece is how much of a body of unknown length waits in a temporary file at once: no upload can take more of the disk that all share. Pieces grow with
	// their number, so that the ten thousand parts that S3 takes are enough for its largest object.
	piece    = 16 << 20
	doubling = 1000
)

func pieceSize(number int) int64 { return piece << ((max(number, 1) - 1) / doubling) }

// Put writes the bytes of a version. A size of -1 is unknown: then the body waits in a temporary file, piece by piece. When Put returns
// without an error the bytes are durable; when it returns one, nothing stays.
func (s *Store) Put(ctx context.Context, p *directory.Project, version string, body io.Reader, size int64, mime string) (Written, error) {
	key, err := Key(version)
	if err != nil {
		return Written{}, err
	}
	out, err := s.PutKey(ctx, p, key, body, size, mime)
	out.Version = version
	return out, err
}

// PutKey is Put for a key that is not an object's.
func (s *Store) PutKey(ctx context.Context, p *directory.Project, key string, body io.Reader, size int64, mime string) (Written, error) {
	var err error
	switch {
	case escapes(key):
		return Written{}, noKey(key)
	case size >= 0 && size <= inMemory:
		whole, err := hold(body, size)
		if err != nil {
			return Written{}, err
		}
		body = whole
	case size < 0:
		spool := &spool{dir: s.tempDir}
		defer spool.close()
		ended, err := spool.fill(body, pieceSize(1))
		switch {
		case err != nil:
			return Written{}, bodyFault(err)
		case !ended:
			return s.putPieces(ctx, p, key, spool, body, mime)
		}
		if body, size, err = spool.whole(); err != nil {
			return Written{}, FolderFault(err)
		}
	}
	source := &counted{from: body, hash: md5.New()} //nolint:gosec // as above
	if whole, ok := body.(small); ok {
		source.small = whole
	}
	var etag string
	if size <= single {
		etag, err = s.putOne(ctx, p, key, source, size, mime)
	} else {
		etag, err = s.putParts(ctx, p, key, source, size, mime)
	}
	switch {
	case err == nil:
		err = source.verify(etag, size)
	case source.ended && source.err == nil && source.n < size:
		err = source.short(size)
	}
	if err != nil {
		s.undo(ctx, p, key)
		if source.err != nil { // the client's side failed, not the store's
			return Written{}, source.err
		}
		return Written{}, Fault(err, "write "+key)
	}
	return Written{Size: size, ETag: etag}, nil
}

func (s *Store) putOne(ctx context.Context, p *directory.Project, key string, source *counted, size int64, mime string) (string, error) {
	var body io.Reader = source
	if size == 0 {
		body = nil
	}
	if source.small != nil { // can be sent again
		body = bytes.NewReader(source.small)
		_, _ = source.hash.Write(source.small)
		source.n = size
	}
	if s.wire != nil {
		if source.small == nil && size > 0 && s.wire.Checks(ctx, p.Bucket, key) {
			source.hash = nil // the store compares
			return s.wire.PutChecked(ctx, p.Bucket, key, body, size, mime)
		}
		return s.wire.Put(ctx, p.Bucket, key, body, size, mime)
	}
	in := &s3.PutObjectInput{Bucket: &p.Bucket, Key: &key, ContentLength: &size, ContentType: &mime, Body: body}
	out, err := s.client.PutObject(ctx, in, unsigned(body))
	if err != nil {
		return "", err
	}
	return strings.Trim(aws.ToString(out.ETag), `"`), nil
}

// unsigned sends a body that cannot be read twice: without its hash in the signature, and once.
func unsigned(body io.Reader) func(*s3.Options) {
	return func(o *s3.Options) {
		if _, again := body.(io.Seeker); !again && body != nil {
			o.RetryMaxAttempts = 1
		}
		o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
	}
}

func (s *Store) putParts(ctx context.Context, p *directory.Project, key string, source *counted, size int64, mime string) (_ string, err error) {
	begun, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &p.Bucket, Key: &key, ContentType: &mime})
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			s.abandon(ctx, p, key, begun.UploadId)
		}
	}()
	var parts []types.CompletedPart
	for sent := int64(0); sent < size; {
		n := min(part, size-sent)
		number := aws.Int32(int32(len(parts) + 1))
		piece := io.LimitReader(source, n)
		out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &p.Bucket, Key: &key, UploadId: begun.UploadId, PartNumber: number, ContentLength: &n, Body: piece}, unsigned(piece))
		if err != nil {
			return "", err
		}
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: number})
		sent += n
	}
	if source.n != size {
		return "", source.short(size)
	}
	done, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &p.Bucket, Key: &key, UploadId: begun.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	if err != nil {
		return "", err
	}
	return strings.Trim(aws.ToString(done.ETag), `"`), nil
}

// undoAgain is when a failed write is undone once more: some stores take what a broken connection brought for the whole, a moment after.
var undoAgain = [...]time.Duration{300 * time.Millisecond, 3 * time.Second}

// undo removes what a failed write may have left. What cannot be removed now is below a lease, whose end removes it.
func (s *Store) undo(ctx context.Context, p *directory.Project, key string) {
	ctx = context.WithoutCancel(ctx)
	remove := func() {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if _, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &p.Bucket, Key: &key}); err != nil {
			s.log.WarnContext(ctx, "bytes of a failed upload stay until their lease ends", "project", p.Ref, "key", key, "error", err)
		}
	}
	remove()
	for _, wait := range undoAgain {
		time.AfterFunc(wait, remove)
	}
}

// hold reads a small body of a known size.
func hold(body io.Reader, size int64) (small, error) {
	var whole bytes.Buffer
	whole.Grow(int(size) + bytes.MinRead) // it asks for as much before it finds the end
	n, err := io.Copy(&whole, io.LimitReader(body, size+1))
	switch {
	case err != nil:
		return nil, bodyFault(err)
	case n != size:
		return nil, incomplete(n, size)
	}
	return whole.Bytes(), nil
}

// small is a body that is in memory whole.
type small []byte

// Read is never called: who gets a small body takes it whole.
func (small) Read([]byte) (int, error) { return 0, io.EOF }

// counted counts and hashes what is read, and remembers its source's error. It hides whatever else the source can do.
type counted struct {
	from  io.Reader
	hash  hash.Hash
	n     int64
	ended bool
	err   error
	small []byte
}

// Read reads on.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	if c.n += int64(n); c.hash != nil {
		_, _ = c.hash.Write(b[:n])
	}
	switch {
	case errors.Is(err, io.EOF):
		c.ended = true
	case err != nil:
		c.err = bodyFault(err)
	}
	return n, err
}

func (c *counted) short(size int64) error {
	c.err = incomplete(c.n, size)
	return c.err
}

// verify compares what was read with what the store has.
func (c *counted) verify(etag string, size int64) error {
	if c.n != size {
		return c.short(size)
	}
	if c.hash == nil {
		return nil
	}
	// An ETag of another form is of parts, or of a store that encrypts by keys of its own.
	if sum := hex.EncodeToString(c.hash.Sum(nil)); len(etag) == 2*md5.Size && !strings.Contains(etag, "-") && etag != sum {
		return fmt.Errorf("the object store has other bytes than were sent: %s, not %s", etag, sum)
	}
	return nil
}

func incomplete(n, size int64) error {
	return fault.New(fault.Invalid, "INCOMPLETE_BODY", "The body ended after %d of %d bytes. Upload it again.", n, size)
}

// bodyFault leaves the faults of whoever wrapped the body, and says of others that the client's connection broke.
func bodyFault(err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) {
		return fault.Wrap(err, fault.Canceled, "INCOMPLETE_BODY", "The connection broke before the whole body had come. Upload it again.")
	}
	return FolderFault(err)
}

// FolderFault tells a folder for temporary files that is full or away, which is the operator's to mend, from defects.
func FolderFault(err error) error {
	if at := (*os.PathError)(nil); errors.As(err, &at) {
		return fault.Wrap(err, fault.Unavailable, "STORAGE_UNAVAILABLE", "There is no room to take the upload right now. Try again in a moment.")
	}
	return err
}
