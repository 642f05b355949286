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
)

// Put writes the bytes of a version. A size of -1 is unknown: then the body waits in a temporary file until its end. When Put returns
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
	var cleanUp func()
	var err error
	if size < 0 || size <= inMemory {
		if body, size, cleanUp, err = s.spool(body, size); err != nil {
			return Written{}, err
		}
		defer cleanUp()
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
			after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			_, _ = s.client.AbortMultipartUpload(after, &s3.AbortMultipartUploadInput{Bucket: &p.Bucket, Key: &key, UploadId: begun.UploadId})
		}
	}()
	var parts []types.CompletedPart
	for sent := int64(0); sent < size; {
		n := min(part, size-sent)
		number := aws.Int32(int32(len(parts) + 1)) //nolint:gosec // ten thousand at most
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

// spool reads a body to its end: a small one into memory, another into a file that has no name.
func (s *Store) spool(body io.Reader, size int64) (_ io.Reader, _ int64, cleanUp func(), _ error) {
	var head bytes.Buffer
	if size > 0 {
		head.Grow(int(size))
	}
	n, err := io.Copy(&head, io.LimitReader(body, inMemory+1))
	if err != nil {
		return nil, 0, nil, bodyFault(err)
	}
	if size >= 0 && n != size {
		return nil, 0, nil, incomplete(n, size)
	}
	if n <= inMemory {
		return small(head.Bytes()), n, func() {}, nil
	}
	file, err := os.CreateTemp(s.tempDir, "fluxbase-upload-*")
	if err != nil {
		return nil, 0, nil, fmt.Errorf("spool an upload: %w", err)
	}
	_ = os.Remove(file.Name()) // where that is not possible cleanUp does it
	cleanUp = func() { _ = file.Close(); _ = os.Remove(file.Name()) }
	if _, err = file.Write(head.Bytes()); err == nil {
		var more int64
		more, err = io.Copy(file, &counted{from: body, hash: nil})
		n += more
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		cleanUp()
		return nil, 0, nil, bodyFault(err)
	}
	return file, n, cleanUp, nil
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
	return err
}
