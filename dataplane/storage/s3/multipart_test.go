package s3_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/multipart"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

const five = 5 << 20

// parts is an upload of a test.
type parts struct {
	t      *testing.T
	c      *awss3.Client
	bucket string
	key    string
	id     string
	done   []types.CompletedPart
}

func begin(t *testing.T, c *awss3.Client, bucket, key string) *parts {
	t.Helper()
	out, err := c.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key, ContentType: aws.String("video/mp4"),
		Metadata: map[string]string{"a": "b"}, CacheControl: aws.String("max-age=7"), Tagging: aws.String("t=1")})
	require.NoError(t, err)
	return &parts{t: t, c: c, bucket: bucket, key: key, id: *out.UploadId}
}

func (p *parts) put(number int32, body []byte) error {
	out, err := p.c.UploadPart(p.t.Context(), &awss3.UploadPartInput{Bucket: &p.bucket, Key: &p.key, UploadId: &p.id, PartNumber: &number, Body: bytes.NewReader(body)})
	if err == nil {
		p.done = append(p.done, types.CompletedPart{PartNumber: &number, ETag: out.ETag})
	}
	return err
}

func (p *parts) complete(done ...types.CompletedPart) (*awss3.CompleteMultipartUploadOutput, error) {
	return p.c.CompleteMultipartUpload(p.t.Context(), &awss3.CompleteMultipartUploadInput{Bucket: &p.bucket, Key: &p.key, UploadId: &p.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: done}})
}

func piece(letter string, size int) []byte { return bytes.Repeat([]byte(letter), size) }

func etagOf(pieces ...[]byte) string {
	all := md5.New()
	for _, p := range pieces {
		sum := md5.Sum(p)
		_, _ = all.Write(sum[:])
	}
	return fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(all.Sum(nil)), len(pieces))
}

func TestPartsMakeAnObject(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("films", false)
		ctx, c := t.Context(), w.client()
		a, b, z := piece("a", five), piece("b", five+3), piece("z", 10)
		p := begin(t, c, "films", "dir/ü film.mp4")
		require.NoError(t, p.put(1, piece("x", five)))
		require.NoError(t, p.put(3, z))
		require.NoError(t, p.put(2, b))
		require.NoError(t, p.put(1, a), "again, with other bytes")
		list, err := c.ListParts(ctx, &awss3.ListPartsInput{Bucket: &p.bucket, Key: &p.key, UploadId: &p.id, MaxParts: aws.Int32(2)})
		require.NoError(t, err)
		require.Len(t, list.Parts, 2)
		require.True(t, *list.IsTruncated)
		list, err = c.ListParts(ctx, &awss3.ListPartsInput{Bucket: &p.bucket, Key: &p.key, UploadId: &p.id, PartNumberMarker: list.NextPartNumberMarker})
		require.NoError(t, err)
		require.Len(t, list.Parts, 1)
		require.EqualValues(t, 3, *list.Parts[0].PartNumber)
		w.Owner("select 1 from {storage}.s3_multipart_uploads where in_progress_size = " + fmt.Sprint(len(a)+len(b)+len(z)))
		uploads, err := c.ListMultipartUploads(ctx, &awss3.ListMultipartUploadsInput{Bucket: &p.bucket})
		require.NoError(t, err)
		require.Equal(t, p.key, *uploads.Uploads[0].Key)
		require.Equal(t, p.id, *uploads.Uploads[0].UploadId)
		_, err = c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: &p.bucket, Key: &p.key})
		require.Equal(t, "NotFound", code(err), "there is no object before the end")

		one, two, three := p.done[3], p.done[2], p.done[1]
		_, err = p.complete(two, one)
		require.Equal(t, "InvalidPartOrder", code(err))
		_, err = p.complete(p.done[0], two)
		require.Equal(t, "InvalidPart", code(err), "the ETag of the part that was replaced")
		_, err = p.complete(one, types.CompletedPart{PartNumber: aws.Int32(9), ETag: one.ETag})
		require.Equal(t, "InvalidPart", code(err))
		_, err = p.complete()
		require.Equal(t, "MalformedXML", code(err))
		out, err := p.complete(one, two, three)
		require.NoError(t, err)
		require.Equal(t, etagOf(a, b, z), *out.ETag)
		get, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: &p.bucket, Key: &p.key})
		require.NoError(t, err)
		body, err := io.ReadAll(get.Body)
		require.NoError(t, err)
		require.True(t, bytes.Equal(append(append(append([]byte{}, a...), b...), z...), body))
		require.Equal(t, "video/mp4", *get.ContentType)
		require.Equal(t, "max-age=7", *get.CacheControl)
		require.Equal(t, "b", get.Metadata["a"])
		require.EqualValues(t, 1, *get.TagCount)
		require.Equal(t, etagOf(a, b, z), *get.ETag)
		attributes, err := c.GetObjectAttributes(ctx, &awss3.GetObjectAttributesInput{Bucket: &p.bucket, Key: &p.key, ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesObjectParts}})
		require.NoError(t, err)
		require.EqualValues(t, 3, *attributes.ObjectParts.TotalPartsCount)
		_, err = p.complete(one, two, three)
		require.Equal(t, "NoSuchUpload", code(err))
		require.Equal(t, "NoSuchUpload", code(p.put(4, z)))
		require.Zero(t, w.count("select count(*) from {storage}.s3_multipart_uploads"))
		require.Zero(t, w.count("select count(*) from {storage}.s3_multipart_uploads_parts"))
		require.Len(t, w.StoredKeys(), 1)
		part, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: &p.bucket, Key: &p.key, PartNumber: aws.Int32(2)})
		require.NoError(t, err)
		body, err = io.ReadAll(part.Body)
		require.NoError(t, err)
		require.True(t, bytes.Equal(b, body))
		require.EqualValues(t, 3, *part.PartsCount)
	})
}

// count counts rows past row security.
func (w *world) count(sql string) (n int) {
	w.T.Helper()
	w.Query(sql, &n)
	return n
}

func TestPartsAreCopied(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("films", false)
		ctx, c := t.Context(), w.client()
		big := append(piece("a", five), piece("b", five)...)
		_, err := c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("films"), Key: aws.String("ü big"), Body: bytes.NewReader(big)})
		require.NoError(t, err)
		p := begin(t, c, "films", "copy")
		take := func(number int32, within string) (types.CompletedPart, error) {
			in := &awss3.UploadPartCopyInput{Bucket: &p.bucket, Key: &p.key, UploadId: &p.id, PartNumber: &number, CopySource: aws.String("films/%C3%BC%20big")}
			if within != "" {
				in.CopySourceRange = &within
			}
			out, err := c.UploadPartCopy(ctx, in)
			if err != nil {
				return types.CompletedPart{}, err
			}
			return types.CompletedPart{PartNumber: &number, ETag: out.CopyPartResult.ETag}, nil
		}
		one, err := take(1, fmt.Sprintf("bytes=%d-%d", five, 2*five-1))
		require.NoError(t, err)
		two, err := take(2, "")
		require.NoError(t, err)
		_, err = take(3, fmt.Sprintf("bytes=0-%d", 2*five))
		require.Equal(t, "InvalidArgument", code(err))
		_, err = take(3, "bytes=-5")
		require.Equal(t, "InvalidArgument", code(err))
		_, err = p.complete(one, two)
		require.NoError(t, err)
		require.Equal(t, string(piece("b", five))+string(big), w.Read("films", "copy"))
	})
}

func TestPartsRefused(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("films", false)
		ctx, c := t.Context(), w.client()
		_, err := c.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: aws.String("nothing"), Key: aws.String("a")})
		require.Equal(t, "NoSuchBucket", code(err))
		p := begin(t, c, "films", "a")
		require.Equal(t, "InvalidArgument", code(p.put(0, []byte("x"))))
		require.Equal(t, "InvalidArgument", code(p.put(10_001, []byte("x"))))
		other := *p
		other.key = "b"
		require.Equal(t, "NoSuchUpload", code(other.put(1, []byte("x"))), "of another object")
		other = *p
		other.id = strings.Repeat("0", 48)
		require.Equal(t, "NoSuchUpload", code(other.put(1, []byte("x"))))
		require.NoError(t, p.put(1, []byte("small")))
		require.NoError(t, p.put(2, []byte("last")))
		_, err = p.complete(p.done...)
		require.Equal(t, "EntityTooSmall", code(err))
		_, err = c.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{Bucket: &p.bucket, Key: &p.key, UploadId: &p.id, MpuObjectSize: aws.Int64(3),
			MultipartUpload: &types.CompletedMultipartUpload{Parts: p.done[:1]}})
		require.Equal(t, "InvalidRequest", code(err))
		w.Put("films", "a", "there")
		_, err = c.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{Bucket: &p.bucket, Key: &p.key, UploadId: &p.id, IfNoneMatch: aws.String("*"),
			MultipartUpload: &types.CompletedMultipartUpload{Parts: p.done[:1]}})
		require.Equal(t, "PreconditionFailed", code(err))
		_, err = c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: &p.bucket})
		require.Equal(t, "BucketNotEmpty", code(err))
		_, err = c.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: &p.bucket, Key: &p.key, UploadId: &p.id})
		require.NoError(t, err)
		_, err = c.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: &p.bucket, Key: &p.key, UploadId: &p.id})
		require.Equal(t, "NoSuchUpload", code(err))
		require.Equal(t, "there", w.Read("films", "a"))
		left, err := testkit.S3Client(w.S3).ListMultipartUploads(ctx, &awss3.ListMultipartUploadsInput{Bucket: &w.Project.Bucket})
		require.NoError(t, err)
		require.Empty(t, left.Uploads, "nothing is left at the object store")
	})
}

func TestPartsKeepToLimits(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("films", false)
		w.Owner("update {storage}.buckets set file_size_limit = 12000000 where id = 'films'")
		p := begin(t, w.client(), "films", "a")
		require.NoError(t, p.put(1, piece("a", five)))
		require.NoError(t, p.put(2, piece("a", five)))
		require.NoError(t, p.put(2, piece("b", five)), "one part in place of another counts once")
		require.Equal(t, "EntityTooLarge", code(p.put(3, piece("a", five))))
		w.Owner("update {storage}.s3_multipart_uploads set in_progress_size = 0")
		require.Equal(t, "EntityTooLarge", code(p.put(3, piece("a", five))), "whatever the row says")
		w.Owner("update {storage}.buckets set file_size_limit = 100000 where id = 'films'")
		_, err := p.complete(p.done[0])
		require.Equal(t, "EntityTooLarge", code(err), "the limit at the end counts")
		w.Bundle.Project.Limits = directory.Limits{StorageBytes: 11_000_000}
		w.Owner("update {storage}.buckets set file_size_limit = null where id = 'films'")
		q := begin(t, w.client(), "films", "b")
		require.Equal(t, "QuotaExceeded", code(q.put(1, piece("a", five))), "what is under way counts")
		w.Owner("update {storage}.s3_multipart_uploads set upload_signature = (select upload_signature from {storage}.s3_multipart_uploads where id = $1) where id = $2", p.id, q.id)
		require.Equal(t, "NoSuchUpload", code(q.put(1, []byte("x"))), "a state that is another upload's")
	})
}

func TestUsersUploadsAreTheirOwn(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("home", false)
		w.OwnFolders("home")
		id, token := w.User()
		_, thief := w.User()
		ctx := t.Context()
		_, err := w.user(token).CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: aws.String("home"), Key: aws.String("other/a")})
		require.Equal(t, "AccessDenied", code(err))
		p := begin(t, w.user(token), "home", id+"/film")
		require.NoError(t, p.put(1, []byte("mine")))
		other := *p
		other.c = w.user(thief)
		require.Equal(t, "NoSuchUpload", code(other.put(1, []byte("theirs"))))
		_, err = other.complete(p.done...)
		require.Equal(t, "NoSuchUpload", code(err))
		_, err = other.c.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: &p.bucket, Key: &p.key, UploadId: &p.id})
		require.Equal(t, "NoSuchUpload", code(err))
		_, err = other.c.ListParts(ctx, &awss3.ListPartsInput{Bucket: &p.bucket, Key: &p.key, UploadId: &p.id})
		require.Equal(t, "NoSuchUpload", code(err))
		list, err := other.c.ListMultipartUploads(ctx, &awss3.ListMultipartUploadsInput{Bucket: &p.bucket})
		require.NoError(t, err)
		require.Empty(t, list.Uploads)
		w.Owner(`drop policy "own home" on {storage}.objects`)
		_, err = p.complete(p.done...)
		require.Equal(t, "AccessDenied", code(err), "the policies at the end count")
		w.OwnFolders("home")
		_, err = p.complete(p.done...)
		require.NoError(t, err)
		require.Equal(t, id, w.text("select owner_id from {storage}.objects"))
		require.Equal(t, "mine", w.Read("home", id+"/film"))
	})
}

// text reads one text past row security.
func (w *world) text(sql string) (s string) {
	w.T.Helper()
	w.Query(sql, &s)
	return s
}

// TestCompletionIsMended: a worker dies when the object store has put the parts together and there is no row yet, or right after the row.
func TestCompletionIsMended(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("films", false)
		p := begin(t, w.client(), "films", "a")
		require.NoError(t, p.put(1, []byte("whole")))
		w.completeAtStore(t, p)
		_, err := p.complete(p.done...)
		require.NoError(t, err)
		require.Equal(t, "whole", w.Read("films", "a"))
		require.Zero(t, w.count("select count(*) from {storage}.s3_multipart_uploads"))

		q := begin(t, w.client(), "films", "b")
		require.NoError(t, q.put(1, []byte("twice")))
		w.Owner("create table {public}.saved as select * from {storage}.s3_multipart_uploads")
		_, err = q.complete(q.done...)
		require.NoError(t, err)
		w.Owner("insert into {storage}.s3_multipart_uploads select * from {public}.saved")
		_, err = q.complete(q.done...)
		require.NoError(t, err, "the row's deletion alone was missing")
		require.Equal(t, "twice", w.Read("films", "b"))
		require.Zero(t, w.count("select count(*) from {storage}.s3_multipart_uploads"))
		require.Len(t, w.StoredKeys(), 2)
	})
}

// completeAtStore does what a worker did before it died.
func (w *world) completeAtStore(t *testing.T, p *parts) {
	t.Helper()
	store := testkit.S3Client(w.S3)
	key := blob.Prefix + w.text("select version from {storage}.s3_multipart_uploads where key = '"+p.key+"'")
	list, err := store.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: &w.Project.Bucket, Prefix: &key})
	require.NoError(t, err)
	require.Len(t, list.Uploads, 1)
	_, err = store.CompleteMultipartUpload(t.Context(), &awss3.CompleteMultipartUploadInput{Bucket: &w.Project.Bucket, Key: &key, UploadId: list.Uploads[0].UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: p.done}})
	require.NoError(t, err)
}

func TestManyComplete(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("films", false)
		p := begin(t, w.client(), "films", "a")
		require.NoError(t, p.put(1, []byte("whole")))
		var group sync.WaitGroup
		var mu sync.Mutex
		outcomes := map[string]int{}
		for range 6 {
			group.Go(func() {
				_, err := p.complete(p.done...)
				mu.Lock()
				defer mu.Unlock()
				outcomes[code(err)]++
			})
		}
		group.Wait()
		require.Positive(t, outcomes[""], "who asks between the object's row and the upload's end is told of the same object: %v", outcomes)
		require.Equal(t, 6, outcomes[""]+outcomes["SlowDown"]+outcomes["NoSuchUpload"], outcomes)
		require.Equal(t, "whole", w.Read("films", "a"), "nobody removed the bytes that another kept")
		require.Len(t, w.StoredKeys(), 1)
	})
}

func TestUploadsExpire(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("films", false)
		w.Bundle = w.With(map[string]string{"storage.resumable_expiry": "60"})
		started, dead := begin(t, w.client(), "films", "started"), begin(t, w.client(), "films", "dead")
		require.NoError(t, started.put(1, []byte("x")))
		require.NoError(t, dead.put(1, []byte("x")))
		w.completeAtStore(t, dead)
		require.Len(t, w.StoredKeys(), 1)
		require.ErrorContains(t, w.service.Expire(t.Context(), w.Service(), started.id), "NOT_EXPIRED")
		require.Equal(t, 2, storagetest.One[int](w.Bundle, "select count(*) from outbox where kind = $1 and created_at > now() + interval '50 seconds'", multipart.KindExpired))
		w.later(t, 2*time.Minute)
		require.Equal(t, "NoSuchUpload", code(started.put(2, []byte("x"))), "it has expired")
		for _, id := range []string{started.id, dead.id, started.id, "nothing"} {
			require.NoError(t, w.service.Expire(t.Context(), w.Service(), id))
		}
		require.Zero(t, w.count("select count(*) from {storage}.s3_multipart_uploads"))
		require.Empty(t, w.StoredKeys())
		left, err := testkit.S3Client(w.S3).ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: &w.Project.Bucket})
		require.NoError(t, err)
		require.Empty(t, left.Uploads)
	})
}

func TestUploadsAreListedByFolders(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("films", false)
		c := w.client()
		for _, key := range []string{"a", "b/1", "b/2", "c/1", "d"} {
			begin(t, c, "films", key)
		}
		var got []string
		in := &awss3.ListMultipartUploadsInput{Bucket: aws.String("films"), Delimiter: aws.String("/"), MaxUploads: aws.Int32(1)}
		for range 10 {
			out, err := c.ListMultipartUploads(t.Context(), in)
			require.NoError(t, err)
			for _, u := range out.Uploads {
				got = append(got, *u.Key)
			}
			for _, p := range out.CommonPrefixes {
				got = append(got, *p.Prefix)
			}
			if !*out.IsTruncated {
				break
			}
			in.KeyMarker, in.UploadIdMarker = out.NextKeyMarker, out.NextUploadIdMarker
		}
		require.Equal(t, []string{"a", "b/", "c/", "d"}, got)
		_, err := c.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: aws.String("nothing")})
		require.Equal(t, "NoSuchBucket", code(err))
		resp, _ := w.get(t, http.MethodGet, w.address+"/films?uploads", nil, nil)
		require.Equal(t, http.StatusForbidden, resp.StatusCode)
	})
}
