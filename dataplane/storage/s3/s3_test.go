package s3_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
)

func TestBuckets(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx, c := t.Context(), w.client()
		_, err := c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("photos")})
		require.NoError(t, err)
		_, err = c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("more"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
		require.NoError(t, err)
		_, err = c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("photos")})
		require.Equal(t, "BucketAlreadyOwnedByYou", code(err))
		list, err := c.ListBuckets(ctx, &awss3.ListBucketsInput{})
		require.NoError(t, err)
		require.Len(t, list.Buckets, 2)
		require.Equal(t, "more", *list.Buckets[0].Name)
		require.WithinDuration(t, time.Now(), *list.Buckets[0].CreationDate, time.Minute)
		page, err := c.ListBuckets(ctx, &awss3.ListBucketsInput{MaxBuckets: aws.Int32(1)})
		require.NoError(t, err)
		require.Len(t, page.Buckets, 1)
		page, err = c.ListBuckets(ctx, &awss3.ListBucketsInput{MaxBuckets: aws.Int32(1), ContinuationToken: page.ContinuationToken})
		require.NoError(t, err)
		require.Equal(t, "photos", *page.Buckets[0].Name)
		_, err = c.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: aws.String("photos")})
		require.NoError(t, err)
		_, err = c.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: aws.String("nothing")})
		require.Equal(t, "NotFound", code(err))
		location, err := c.GetBucketLocation(ctx, &awss3.GetBucketLocationInput{Bucket: aws.String("photos")})
		require.NoError(t, err)
		require.Empty(t, location.LocationConstraint)
		versioning, err := c.GetBucketVersioning(ctx, &awss3.GetBucketVersioningInput{Bucket: aws.String("photos")})
		require.NoError(t, err)
		require.Empty(t, versioning.Status)
		acl, err := c.GetBucketAcl(ctx, &awss3.GetBucketAclInput{Bucket: aws.String("photos")})
		require.NoError(t, err)
		require.Equal(t, types.PermissionFullControl, acl.Grants[0].Permission)
		w.Put("photos", "a.txt", "a")
		_, err = c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String("photos")})
		require.Equal(t, "BucketNotEmpty", code(err))
		_, err = c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String("more")})
		require.NoError(t, err)
		_, err = c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String("more")})
		require.Equal(t, "NoSuchBucket", code(err))
		_, err = c.GetBucketPolicy(ctx, &awss3.GetBucketPolicyInput{Bucket: aws.String("photos")})
		require.Equal(t, "NotImplemented", code(err))
	})
}

func TestObjects(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		for name, c := range map[string]*awss3.Client{"by path": w.client(), "by host": w.as(w.accessKey, w.value, "", w.host)} {
			objects(t, w, c, strings.ReplaceAll(name, " ", "/")+"/")
		}
	})
}

func objects(t *testing.T, w *world, c *awss3.Client, folder string) {
	ctx := t.Context()
	for _, key := range []string{"plain.txt", "a b+c&d=e#f?g%h*(i)'!.txt", "写真/über.jpg", "~tilde_-.", "a%2Fb", "q?x=y&z", "@:$,;="} {
		content := "content of " + key
		put, err := c.PutObject(ctx, &awss3.PutObjectInput{
			Bucket: aws.String("photos"), Key: aws.String(folder + key), Body: strings.NewReader(content), ContentType: aws.String("text/plain"),
			Metadata: map[string]string{"Color": "blue", "shape": "ünd"}, CacheControl: aws.String("max-age=60"), ContentDisposition: aws.String("attachment"),
			ContentLanguage: aws.String("de"), ContentEncoding: aws.String("identity"), Tagging: aws.String("a=1&b=2"),
		})
		require.NoError(t, err, key)
		sum := md5.Sum([]byte(content))
		require.Equal(t, `"`+hex.EncodeToString(sum[:])+`"`, *put.ETag)
		require.NotEmpty(t, put.ChecksumCRC32, "the checksum was found right")
		get, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("photos"), Key: aws.String(folder + key)})
		require.NoError(t, err, key)
		body, err := io.ReadAll(get.Body)
		require.NoError(t, err)
		require.Equal(t, content, string(body))
		require.Equal(t, *put.ETag, *get.ETag)
		require.Equal(t, "text/plain", *get.ContentType)
		require.Equal(t, "blue", get.Metadata["color"])
		require.Contains(t, []string{"ünd", "=?utf-8?b?w7xuZA==?="}, get.Metadata["shape"])
		require.Equal(t, "max-age=60", *get.CacheControl)
		require.Equal(t, "attachment", *get.ContentDisposition)
		require.Equal(t, "de", *get.ContentLanguage)
		require.Equal(t, "identity", *get.ContentEncoding)
		require.EqualValues(t, 2, *get.TagCount)
		require.WithinDuration(t, time.Now(), *get.LastModified, time.Minute)
		require.Equal(t, content, w.Read("photos", folder+key))
		head, err := c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("photos"), Key: aws.String(folder + key)})
		require.NoError(t, err)
		require.EqualValues(t, len(content), *head.ContentLength)
		_, err = c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("photos"), Key: aws.String(folder + key)})
		require.NoError(t, err)
		_, err = c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("photos"), Key: aws.String(folder + key)})
		require.Equal(t, "NotFound", code(err))
		_, err = c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("photos"), Key: aws.String(folder + key)})
		require.Equal(t, "NoSuchKey", code(err))
		_, err = c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("photos"), Key: aws.String(folder + key)})
		require.NoError(t, err, "what is not there is deleted")
	}
	_, err := c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("photos"), Key: aws.String(folder + "empty"), Body: strings.NewReader("")})
	require.NoError(t, err)
	_, err = c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("nothing"), Key: aws.String("a"), Body: strings.NewReader("x")})
	require.Equal(t, "NoSuchBucket", code(err))
}

func TestChecksumsOfTheSDK(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		body := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
		for _, algorithm := range types.ChecksumAlgorithm("").Values() {
			switch algorithm {
			case types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmCrc64nvme, types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256:
			default:
				continue
			}
			key := "sum/" + string(algorithm)
			_, err := w.client().PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("photos"), Key: &key, Body: bytes.NewReader(body), ChecksumAlgorithm: algorithm})
			require.NoError(t, err, algorithm)
			require.Equal(t, string(body), w.Read("photos", key))
		}
	})
}

func TestConditionsAndRanges(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		ctx, c, bucket, key := t.Context(), w.client(), aws.String("photos"), aws.String("a.txt")
		put := func(change func(*awss3.PutObjectInput)) error {
			in := &awss3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("0123456789"), ContentType: aws.String("text/html")}
			change(in)
			_, err := c.PutObject(ctx, in)
			return err
		}
		require.Equal(t, "PreconditionFailed", code(put(func(in *awss3.PutObjectInput) { in.IfMatch = aws.String(`"00"`) })))
		require.NoError(t, put(func(in *awss3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }))
		require.Equal(t, "PreconditionFailed", code(put(func(in *awss3.PutObjectInput) { in.IfNoneMatch = aws.String("*") })))
		require.Equal(t, "PreconditionFailed", code(put(func(in *awss3.PutObjectInput) { in.IfMatch = aws.String(`"00"`) })))
		head, err := c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: bucket, Key: key})
		require.NoError(t, err)
		require.NoError(t, put(func(in *awss3.PutObjectInput) { in.IfMatch = head.ETag }))
		get := func(change func(*awss3.GetObjectInput)) (*awss3.GetObjectOutput, string) {
			in := &awss3.GetObjectInput{Bucket: bucket, Key: key}
			change(in)
			out, err := c.GetObject(ctx, in)
			if err != nil {
				return nil, code(err)
			}
			body, err := io.ReadAll(out.Body)
			require.NoError(t, err)
			return out, string(body)
		}
		for asked, want := range map[string]string{"bytes=2-4": "234", "bytes=7-": "789", "bytes=-2": "89", "bytes=0-100": "0123456789", "bytes=5-100": "56789"} {
			out, body := get(func(in *awss3.GetObjectInput) { in.Range = &asked })
			require.Equal(t, want, body, asked)
			require.NotEmpty(t, *out.ContentRange)
		}
		_, got := get(func(in *awss3.GetObjectInput) { in.Range = aws.String("bytes=10-") })
		require.Equal(t, "InvalidRange", got)
		_, got = get(func(in *awss3.GetObjectInput) { in.IfMatch = aws.String(`"00"`) })
		require.Equal(t, "PreconditionFailed", got)
		_, got = get(func(in *awss3.GetObjectInput) { in.IfNoneMatch = head.ETag })
		require.Equal(t, "NotModified", got)
		_, got = get(func(in *awss3.GetObjectInput) { in.IfModifiedSince = aws.Time(time.Now().Add(time.Hour)) })
		require.Contains(t, []string{"NotModified", "0123456789"}, got, "a time to come is no condition, or holds")
		_, got = get(func(in *awss3.GetObjectInput) { in.IfUnmodifiedSince = aws.Time(time.Now().Add(-time.Hour)) })
		require.Equal(t, "PreconditionFailed", got)
		_, got = get(func(in *awss3.GetObjectInput) { in.PartNumber = aws.Int32(1) })
		require.Equal(t, "0123456789", got)
		_, got = get(func(in *awss3.GetObjectInput) { in.PartNumber = aws.Int32(2) })
		require.Equal(t, "InvalidPartNumber", got)
		out, _ := get(func(in *awss3.GetObjectInput) {
			in.ResponseContentType, in.ResponseContentDisposition, in.ResponseCacheControl = aws.String("text/plain"), aws.String(`attachment; filename="x"`), aws.String("no-store")
		})
		require.Equal(t, "text/plain", *out.ContentType)
		require.Equal(t, `attachment; filename="x"`, *out.ContentDisposition)
		require.Equal(t, "no-store", *out.CacheControl)
		_, got = get(func(in *awss3.GetObjectInput) { in.ResponseContentType = aws.String("text/plain\r\nSet-Cookie: a=b") })
		require.Equal(t, "InvalidRequest", got)
		_, got = get(func(in *awss3.GetObjectInput) { in.VersionId = aws.String("abc") })
		require.Equal(t, "NoSuchVersion", got)
	})
}

func TestListings(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		w.Bucket("empty", false)
		ctx, c := t.Context(), w.client()
		for _, key := range []string{"a.txt", "b/1.txt", "b/2.txt", "b/c/3.txt", "d e/ü&.txt", "z.txt", "日本/x"} {
			w.Put("photos", key, key)
		}
		ask := func(in awss3.ListObjectsV2Input) (names []string) {
			in.Bucket = aws.String("photos")
			pages := awss3.NewListObjectsV2Paginator(c, &in)
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				require.NoError(t, err)
				require.EqualValues(t, len(page.Contents)+len(page.CommonPrefixes), *page.KeyCount)
				for _, p := range page.CommonPrefixes {
					names = append(names, *p.Prefix)
				}
				for _, o := range page.Contents {
					names = append(names, *o.Key)
				}
			}
			return names
		}
		all := []string{"a.txt", "b/1.txt", "b/2.txt", "b/c/3.txt", "d e/ü&.txt", "z.txt", "日本/x"}
		require.Equal(t, all, ask(awss3.ListObjectsV2Input{}))
		require.Equal(t, all, ask(awss3.ListObjectsV2Input{MaxKeys: aws.Int32(2)}))
		require.Equal(t, []string{"b/1.txt", "b/2.txt", "b/c/3.txt"}, ask(awss3.ListObjectsV2Input{Prefix: aws.String("b/")}))
		require.Equal(t, []string{"b/c/", "b/1.txt", "b/2.txt"}, ask(awss3.ListObjectsV2Input{Prefix: aws.String("b/"), Delimiter: aws.String("/")}))
		require.ElementsMatch(t, []string{"b/", "d e/", "日本/", "a.txt", "z.txt"}, ask(awss3.ListObjectsV2Input{Delimiter: aws.String("/")}))
		require.ElementsMatch(t, []string{"b/", "d e/", "日本/", "a.txt", "z.txt"}, ask(awss3.ListObjectsV2Input{Delimiter: aws.String("/"), MaxKeys: aws.Int32(1)}))
		require.Equal(t, []string{"z.txt", "日本/x"}, ask(awss3.ListObjectsV2Input{StartAfter: aws.String("d e/ü&.txt")}))
		require.ElementsMatch(t, []string{"d e/", "日本/", "z.txt"}, ask(awss3.ListObjectsV2Input{StartAfter: aws.String("b/"), Delimiter: aws.String("/")}))
		require.ElementsMatch(t, []string{"a.t", "z.t", "b/1.t", "b/2.t", "b/c/3.t", "d e/ü&.t", "日本/x"}, (ask(awss3.ListObjectsV2Input{Delimiter: aws.String(".t")})))
		require.Empty(t, ask(awss3.ListObjectsV2Input{Prefix: aws.String("nothing/")}))
		page, err := c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("photos"), FetchOwner: aws.Bool(true), MaxKeys: aws.Int32(1), EncodingType: types.EncodingTypeUrl, Prefix: aws.String("d e/")})
		require.NoError(t, err)
		require.Equal(t, w.Project.Ref, *page.Contents[0].Owner.ID)
		require.Equal(t, types.ObjectStorageClassStandard, page.Contents[0].StorageClass)
		require.Equal(t, "d+e/%C3%BC%26.txt", *page.Contents[0].Key)

		var first []string
		in := &awss3.ListObjectsInput{Bucket: aws.String("photos"), Delimiter: aws.String("/"), MaxKeys: aws.Int32(1)}
		for {
			out, err := c.ListObjects(ctx, in)
			require.NoError(t, err)
			for _, p := range out.CommonPrefixes {
				first = append(first, *p.Prefix)
			}
			for _, o := range out.Contents {
				first = append(first, *o.Key)
			}
			if !*out.IsTruncated {
				break
			}
			in.Marker = out.NextMarker
			require.Less(t, len(first), 20)
		}
		require.Equal(t, []string{"a.txt", "b/", "d e/", "z.txt", "日本/"}, first)
		none, err := c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("photos"), MaxKeys: aws.Int32(0)})
		require.NoError(t, err)
		require.Empty(t, none.Contents)
		empty, err := c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("empty")})
		require.NoError(t, err)
		require.Empty(t, empty.Contents)
		_, err = c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("nothing")})
		require.Equal(t, "NoSuchBucket", code(err))
		_, err = c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("photos"), ContinuationToken: aws.String("!!")})
		require.Equal(t, "InvalidRequest", code(err))
	})
}

func TestCopies(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		w.Bucket("other", false)
		ctx, c := t.Context(), w.client()
		_, err := c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("photos"), Key: aws.String("ü a+b.txt"), Body: strings.NewReader("hello"),
			ContentType: aws.String("text/plain"), Metadata: map[string]string{"a": "b"}, Tagging: aws.String("t=1")})
		require.NoError(t, err)
		copied := func(change func(*awss3.CopyObjectInput)) (*awss3.CopyObjectOutput, error) {
			in := &awss3.CopyObjectInput{Bucket: aws.String("other"), Key: aws.String("copy.txt"), CopySource: aws.String("photos/%C3%BC%20a%2Bb.txt")}
			change(in)
			return c.CopyObject(ctx, in)
		}
		out, err := copied(func(*awss3.CopyObjectInput) {})
		require.NoError(t, err)
		require.Equal(t, `"5d41402abc4b2a76b9719d911017c592"`, *out.CopyObjectResult.ETag)
		head, err := c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("other"), Key: aws.String("copy.txt")})
		require.NoError(t, err)
		require.Equal(t, "b", head.Metadata["a"])
		_, err = copied(func(in *awss3.CopyObjectInput) {
			in.MetadataDirective, in.Metadata, in.ContentType = types.MetadataDirectiveReplace, map[string]string{"c": "d"}, aws.String("text/html")
		})
		require.NoError(t, err)
		head, err = c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("other"), Key: aws.String("copy.txt")})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"c": "d"}, head.Metadata)
		require.Equal(t, "text/html", *head.ContentType)
		tags, err := c.GetObjectTagging(ctx, &awss3.GetObjectTaggingInput{Bucket: aws.String("other"), Key: aws.String("copy.txt")})
		require.NoError(t, err)
		require.Equal(t, "t", *tags.TagSet[0].Key, "tags have a directive of their own")
		_, err = copied(func(in *awss3.CopyObjectInput) {
			in.TaggingDirective, in.Tagging = types.TaggingDirectiveReplace, aws.String("u=2")
		})
		require.NoError(t, err)
		tags, err = c.GetObjectTagging(ctx, &awss3.GetObjectTaggingInput{Bucket: aws.String("other"), Key: aws.String("copy.txt")})
		require.NoError(t, err)
		require.Equal(t, "u", *tags.TagSet[0].Key)
		for name, change := range map[string]func(*awss3.CopyObjectInput){
			"if match":            func(in *awss3.CopyObjectInput) { in.CopySourceIfMatch = aws.String(`"00"`) },
			"if none match":       func(in *awss3.CopyObjectInput) { in.CopySourceIfNoneMatch = out.CopyObjectResult.ETag },
			"if modified since":   func(in *awss3.CopyObjectInput) { in.CopySourceIfModifiedSince = aws.Time(time.Now().Add(time.Hour)) },
			"if unmodified since": func(in *awss3.CopyObjectInput) { in.CopySourceIfUnmodifiedSince = aws.Time(time.Now().Add(-time.Hour)) },
		} {
			_, err = copied(change)
			require.Equal(t, "PreconditionFailed", code(err), name)
		}
		for source, want := range map[string]string{
			"photos/nothing": "NoSuchKey", "photos": "InvalidArgument", "photos/../other/copy.txt": "InvalidKey", "photos/%2e%2e/other/copy.txt": "InvalidKey",
			"photos/%zz": "InvalidArgument", "photos/a.txt?versionId=1": "NoSuchVersion", "arn:aws:s3:::x/y": "InvalidArgument",
		} {
			_, err = copied(func(in *awss3.CopyObjectInput) { in.CopySource = &source })
			require.Equal(t, want, code(err), source)
		}
		_, err = copied(func(in *awss3.CopyObjectInput) { in.CopySource = aws.String("other/copy.txt") })
		require.Equal(t, "InvalidRequest", code(err))
		_, err = copied(func(in *awss3.CopyObjectInput) {
			in.CopySource, in.MetadataDirective, in.Metadata = aws.String("other/copy.txt"), types.MetadataDirectiveReplace, map[string]string{"self": "yes"}
		})
		require.NoError(t, err)
		require.Equal(t, "hello", w.Read("other", "copy.txt"))
	})
}

func TestDeletesManyAndTags(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		ctx, c := t.Context(), w.client()
		for _, key := range []string{"a", "b", "c"} {
			w.Put("photos", key, key)
		}
		ids := func(keys ...string) (out []types.ObjectIdentifier) {
			for _, key := range keys {
				out = append(out, types.ObjectIdentifier{Key: aws.String(key)})
			}
			return out
		}
		out, err := c.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("photos"), Delete: &types.Delete{Objects: ids("a", "nothing", "../b", "x/")}})
		require.NoError(t, err)
		require.Len(t, out.Deleted, 2)
		require.Len(t, out.Errors, 2)
		require.Equal(t, "InvalidKey", *out.Errors[0].Code)
		out, err = c.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("photos"), Delete: &types.Delete{Objects: ids("b"), Quiet: aws.Bool(true)}})
		require.NoError(t, err)
		require.Empty(t, out.Deleted)
		var many []string
		for i := range 1001 {
			many = append(many, fmt.Sprint(i))
		}
		_, err = c.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("photos"), Delete: &types.Delete{Objects: ids(many...)}})
		require.Equal(t, "MalformedXML", code(err))
		out, err = c.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("photos"), Delete: &types.Delete{Objects: ids(many[:1000]...)}})
		require.NoError(t, err)
		require.Len(t, out.Deleted, 1000)

		key := aws.String("c")
		set := func(pairs ...string) error {
			var tags []types.Tag
			for i := 0; i < len(pairs); i += 2 {
				tags = append(tags, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
			}
			_, err := c.PutObjectTagging(ctx, &awss3.PutObjectTaggingInput{Bucket: aws.String("photos"), Key: key, Tagging: &types.Tagging{TagSet: tags}})
			return err
		}
		require.NoError(t, set("b", "2", "a", "1 & <ü>"))
		tags, err := c.GetObjectTagging(ctx, &awss3.GetObjectTaggingInput{Bucket: aws.String("photos"), Key: key})
		require.NoError(t, err)
		require.Equal(t, "1 & <ü>", *tags.TagSet[0].Value)
		require.Equal(t, "b", *tags.TagSet[1].Key)
		require.Equal(t, "InvalidTag", code(set("a", "1", "a", "2")))
		require.Equal(t, "InvalidTag", code(set(strings.Repeat("k", 129), "1")))
		require.Equal(t, "BadRequest", code(set("1", "", "2", "", "3", "", "4", "", "5", "", "6", "", "7", "", "8", "", "9", "", "10", "", "11", "")))
		_, err = c.DeleteObjectTagging(ctx, &awss3.DeleteObjectTaggingInput{Bucket: aws.String("photos"), Key: key})
		require.NoError(t, err)
		tags, err = c.GetObjectTagging(ctx, &awss3.GetObjectTaggingInput{Bucket: aws.String("photos"), Key: key})
		require.NoError(t, err)
		require.Empty(t, tags.TagSet)
		require.Equal(t, "c", w.Read("photos", "c"))
		attributes, err := c.GetObjectAttributes(ctx, &awss3.GetObjectAttributesInput{Bucket: aws.String("photos"), Key: key,
			ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesEtag, types.ObjectAttributesObjectSize, types.ObjectAttributesStorageClass, types.ObjectAttributesObjectParts}})
		require.NoError(t, err)
		require.Equal(t, "4a8a08f09d37b73795649038408b5f33", *attributes.ETag)
		require.EqualValues(t, 1, *attributes.ObjectSize)
		acl, err := c.GetObjectAcl(ctx, &awss3.GetObjectAclInput{Bucket: aws.String("photos"), Key: key})
		require.NoError(t, err)
		require.Equal(t, w.Project.Ref, *acl.Owner.ID)
	})
}

// get fetches an address as it is.
func (w *world) get(t *testing.T, method, address string, header http.Header, body io.Reader) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, address, body)
	require.NoError(t, err)
	for name, values := range header {
		r.Header[name] = values
	}
	resp, err := w.dialer().Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(text)
}

func TestPresigned(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		for name, endpoint := range map[string]string{"by path": w.address, "by host": w.host} {
			sign := awss3.NewPresignClient(w.as(w.accessKey, w.value, "", endpoint))
			put, err := sign.PresignPutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("photos"), Key: aws.String("ü b.txt"), ContentType: aws.String("text/plain")})
			require.NoError(t, err)
			resp, text := w.get(t, put.Method, put.URL, put.SignedHeader, strings.NewReader("hello "+name))
			require.Equal(t, http.StatusOK, resp.StatusCode, text)
			get, err := sign.PresignGetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("photos"), Key: aws.String("ü b.txt")})
			require.NoError(t, err)
			resp, text = w.get(t, get.Method, get.URL, get.SignedHeader, nil)
			require.Equal(t, http.StatusOK, resp.StatusCode, text)
			require.Equal(t, "hello "+name, text)
			require.Equal(t, "text/plain", resp.Header.Get("Content-Type"))
			require.NotEmpty(t, resp.Header.Get("X-Amz-Request-Id"))
			for change, with := range map[string]string{
				"/photos/": "/private/", "X-Amz-Expires=900": "X-Amz-Expires=604800", "x-id=GetObject": "x-id=GetObject&response-content-type=text%2Fhtml",
				"%C3%BC%20b.txt": "%C3%BC%20c.txt",
			} {
				require.Contains(t, get.URL, change)
				resp, text = w.get(t, get.Method, strings.Replace(get.URL, change, with, 1), get.SignedHeader, nil)
				require.Equal(t, http.StatusForbidden, resp.StatusCode)
				require.Contains(t, text, "<Code>SignatureDoesNotMatch</Code>")
			}
			resp, _ = w.get(t, http.MethodDelete, get.URL, nil, nil)
			require.Equal(t, http.StatusForbidden, resp.StatusCode, "signed for reading only")
		}
	})
}
