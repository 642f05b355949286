package e2e

import (
	"bytes"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
)

func queryEscape(s string) string { return url.QueryEscape(s) }

// smallestPart is S3's least size of a part that is not the last.
const smallestPart = 5 << 20

func s3Parts() []stepS3 {
	return []stepS3{
		{"an upload in parts, and parts of others", func(t *testing.T, w *walkS3) {
			key := w.adaID + "/parts ü"
			first, last := randomBytes(smallestPart), randomBytes(1000)
			made, err := w.ada.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &w.own, Key: &key, ContentType: aws.String("text/csv"), Metadata: map[string]string{"a": "b"}})
			require.NoError(t, err)
			one, err := w.ada.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: &w.own, Key: &key, UploadId: made.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(first)})
			require.NoError(t, err)
			w.put(t, w.ada, w.own, w.adaID+"/part-source", "xx"+string(last))
			two, err := w.ada.UploadPartCopy(t.Context(), &s3.UploadPartCopyInput{Bucket: &w.own, Key: &key, UploadId: made.UploadId, PartNumber: aws.Int32(3),
				CopySource: aws.String(w.own + "/" + w.adaID + "/part-source"), CopySourceRange: aws.String("bytes=2-1001")})
			require.NoError(t, err)
			parts, err := w.ada.ListParts(t.Context(), &s3.ListPartsInput{Bucket: &w.own, Key: &key, UploadId: made.UploadId})
			require.NoError(t, err)
			require.Len(t, parts.Parts, 2)
			require.Equal(t, int64(smallestPart), *parts.Parts[0].Size)
			uploads, err := w.admin.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &w.own, Prefix: aws.String(w.adaID)})
			require.NoError(t, err)
			require.Len(t, uploads.Uploads, 1)
			require.Equal(t, key, *uploads.Uploads[0].Key)
			_, err = w.eve.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: &w.own, Key: &key, UploadId: made.UploadId, PartNumber: aws.Int32(2), Body: strings.NewReader("eve")})
			refusedS3(t, err, "NoSuchUpload", "AccessDenied")
			_, err = w.eve.ListParts(t.Context(), &s3.ListPartsInput{Bucket: &w.own, Key: &key, UploadId: made.UploadId})
			refusedS3(t, err, "NoSuchUpload", "AccessDenied")
			_, err = w.ada.UploadPartCopy(t.Context(), &s3.UploadPartCopyInput{Bucket: &w.own, Key: &key, UploadId: made.UploadId, PartNumber: aws.Int32(2), CopySource: aws.String(w.own + "/somebody/elses")})
			refusedS3(t, err, "NoSuchKey")

			complete := func(parts ...types.CompletedPart) error {
				_, err := w.ada.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: &w.own, Key: &key, UploadId: made.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
				return err
			}
			p1, p3 := types.CompletedPart{PartNumber: aws.Int32(1), ETag: one.ETag}, types.CompletedPart{PartNumber: aws.Int32(3), ETag: two.CopyPartResult.ETag}
			refusedS3(t, complete(p1, p1), "InvalidPartOrder")
			refusedS3(t, complete(p1, types.CompletedPart{PartNumber: aws.Int32(2), ETag: one.ETag}), "InvalidPart")
			refusedS3(t, complete(p1, types.CompletedPart{PartNumber: aws.Int32(3), ETag: one.ETag}), "InvalidPart")
			require.NoError(t, complete(p1, p3))
			require.Equal(t, string(first)+string(last), w.read(t, w.ada, w.own, key))
			head, err := w.ada.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &w.own, Key: &key, PartNumber: aws.Int32(1)})
			require.NoError(t, err)
			require.Equal(t, []any{"text/csv", "b", int64(smallestPart), int32(2)}, []any{*head.ContentType, head.Metadata["a"], *head.ContentLength, *head.PartsCount})
			_, err = w.ada.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: &w.own, Key: &key, UploadId: made.UploadId, PartNumber: aws.Int32(4), Body: strings.NewReader("late")})
			refusedS3(t, err, "NoSuchUpload")
		}},
		{"an upload in parts that is given up, or too small", func(t *testing.T, w *walkS3) {
			key := w.adaID + "/aborted"
			made, err := w.ada.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &w.own, Key: &key})
			require.NoError(t, err)
			var done []types.CompletedPart
			for number := range int32(2) {
				part, err := w.ada.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: &w.own, Key: &key, UploadId: made.UploadId, PartNumber: aws.Int32(number + 1), Body: strings.NewReader("small")})
				require.NoError(t, err)
				done = append(done, types.CompletedPart{PartNumber: aws.Int32(number + 1), ETag: part.ETag})
			}
			_, err = w.ada.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: &w.own, Key: &key, UploadId: made.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done}})
			refusedS3(t, err, "EntityTooSmall")
			_, err = w.eve.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &w.own, Key: &key, UploadId: made.UploadId})
			refusedS3(t, err, "NoSuchUpload", "AccessDenied")
			_, err = w.ada.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &w.own, Key: &key, UploadId: made.UploadId})
			require.NoError(t, err)
			_, err = w.ada.ListParts(t.Context(), &s3.ListPartsInput{Bucket: &w.own, Key: &key, UploadId: made.UploadId})
			refusedS3(t, err, "NoSuchUpload")
			_, err = w.ada.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: &w.own, Key: &key, UploadId: aws.String("nothing"), PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
			refusedS3(t, err, "NoSuchUpload")
			_, err = w.ada.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &w.own, Key: &key})
			refusedS3(t, err, "NotFound")
		}},
	}
}

func s3Transfers() []stepS3 {
	return []stepS3{
		{"the transfer manager up and down", func(t *testing.T, w *walkS3) {
			content := randomBytes(12 << 20)
			key := w.adaID + "/transfer"
			manager := transfermanager.New(w.ada, func(o *transfermanager.Options) {
				o.PartSizeBytes, o.MultipartUploadThreshold = smallestPart, smallestPart
			})
			_, err := manager.UploadObject(t.Context(), &transfermanager.UploadObjectInput{Bucket: &w.own, Key: &key, Body: bytes.NewReader(content)})
			require.NoError(t, err)
			var got buffer
			_, err = manager.DownloadObject(t.Context(), &transfermanager.DownloadObjectInput{Bucket: &w.own, Key: &key, WriterAt: &got})
			require.NoError(t, err)
			require.True(t, bytes.Equal(content, got.content), "other bytes")
			out, err := manager.GetObject(t.Context(), &transfermanager.GetObjectInput{Bucket: &w.own, Key: &key})
			require.NoError(t, err)
			streamed, err := io.ReadAll(out.Body)
			require.NoError(t, err)
			require.True(t, bytes.Equal(content, streamed), "other bytes")
		}},
	}
}

// buffer takes writes at any offset.
type buffer struct {
	mu      sync.Mutex
	content []byte
}

func (b *buffer) WriteAt(p []byte, off int64) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if need := int(off) + len(p); need > len(b.content) {
		b.content = append(b.content, make([]byte, need-len(b.content))...)
	}
	return copy(b.content[off:], p), nil
}
