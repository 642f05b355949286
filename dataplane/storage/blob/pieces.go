package blob

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag is one
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// maxPieces is how many parts the object store takes.
const maxPieces = 10_000

// spool holds one piece of a body: a small one in memory, another in a file that has no name.
type spool struct {
	dir  string
	head bytes.Buffer
	file *os.File
	size int64
}

// fill reads a piece in place of the one before, and reports whether the body has ended with it. A piece that ends with the body to the byte
// is followed by an empty one.
func (s *spool) fill(body io.Reader, most int64) (ended bool, err error) {
	s.head.Reset()
	if s.size, err = io.Copy(&s.head, io.LimitReader(body, min(most, inMemory+1))); err != nil {
		return false, err
	}
	if s.size <= inMemory {
		return true, nil
	}
	if s.file == nil {
		if s.file, err = os.CreateTemp(s.dir, "fluxbase-upload-*"); err != nil {
			return false, fmt.Errorf("spool an upload: %w", err)
		}
		_ = os.Remove(s.file.Name()) // where that is not possible close does it
	}
	if _, err = s.file.Seek(0, io.SeekStart); err == nil {
		err = s.file.Truncate(0)
	}
	if err == nil {
		_, err = s.file.Write(s.head.Bytes())
	}
	if err != nil {
		return false, fmt.Errorf("spool an upload: %w", err)
	}
	n, err := io.Copy(s.file, &counted{from: io.LimitReader(body, most-s.size)})
	s.size += n
	return s.size < most, err
}

// whole is a piece that is the whole body.
func (s *spool) whole() (body io.Reader, size int64, err error) {
	if s.file == nil {
		return small(s.head.Bytes()), s.size, nil
	}
	_, err = s.file.Seek(0, io.SeekStart)
	return s.file, s.size, err
}

// reader reads the piece, as often as need be.
func (s *spool) reader() io.ReadSeeker {
	if s.size <= inMemory {
		return bytes.NewReader(s.head.Bytes())
	}
	return io.NewSectionReader(s.file, 0, s.size)
}

func (s *spool) close() {
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}

// putPieces writes a body of unknown length, of which the first piece is there, in parts.
func (s *Store) putPieces(ctx context.Context, p *directory.Project, key string, held *spool, body io.Reader, mime string) (out Written, err error) {
	begun, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &p.Bucket, Key: &key, ContentType: &mime})
	if err != nil {
		return out, Fault(err, "write "+key)
	}
	defer func() {
		if err != nil {
			s.abandon(ctx, p, key, begun.UploadId)
			s.undo(ctx, p, key)
		}
	}()
	var parts []types.CompletedPart
	for ended := false; held.size > 0; {
		if len(parts) == maxPieces {
			return Written{}, Fault(errors.New("the object has more parts than the object store takes"), "write "+key)
		}
		number := aws.Int32(int32(len(parts) + 1))
		etag, err := s.putPiece(ctx, p, key, begun.UploadId, *number, held)
		if err != nil {
			return Written{}, Fault(err, "write "+key)
		}
		parts = append(parts, types.CompletedPart{ETag: &etag, PartNumber: number})
		out.Size += held.size
		if ended {
			break
		}
		if ended, err = held.fill(body, pieceSize(len(parts)+1)); err != nil {
			return Written{}, bodyFault(err)
		}
	}
	done, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &p.Bucket, Key: &key, UploadId: begun.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	if err != nil {
		return Written{}, Fault(err, "write "+key)
	}
	out.ETag = strings.Trim(aws.ToString(done.ETag), `"`)
	return out, nil
}

func (s *Store) putPiece(ctx context.Context, p *directory.Project, key string, upload *string, number int32, held *spool) (etag string, err error) {
	hash := md5.New() //nolint:gosec // as above
	if _, err := io.Copy(hash, held.reader()); err != nil {
		return "", fmt.Errorf("read a piece of an upload: %w", err)
	}
	sum := hash.Sum(nil)
	body := held.reader()
	out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &p.Bucket, Key: &key, UploadId: upload, PartNumber: &number, ContentLength: &held.size, Body: body,
		ContentMD5: aws.String(base64.StdEncoding.EncodeToString(sum)),
	}, unsigned(body))
	if err != nil {
		return "", err
	}
	if etag = strings.Trim(aws.ToString(out.ETag), `"`); len(etag) == 2*md5.Size && etag != hex.EncodeToString(sum) {
		return "", fmt.Errorf("the object store has other bytes than were sent: %s", etag)
	}
	return etag, nil
}

// abandon aborts an upload in parts that failed. What cannot be aborted now is below a lease, whose end aborts it.
func (s *Store) abandon(ctx context.Context, p *directory.Project, key string, upload *string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, _ = s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &p.Bucket, Key: &key, UploadId: upload})
}
