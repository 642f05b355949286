package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/id"
)

func s3Buckets() []stepS3 {
	return []stepS3{
		{"ListBuckets shows what policies show", func(t *testing.T, w *walkS3) {
			hidden := "hidden-" + id.NewRef()
			_, err := w.admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &hidden})
			require.NoError(t, err)
			names := func(client *s3.Client) (out []string) {
				pages := s3.NewListBucketsPaginator(client, &s3.ListBucketsInput{MaxBuckets: aws.Int32(2)})
				for pages.HasMorePages() {
					page, err := pages.NextPage(t.Context())
					require.NoError(t, err)
					for _, b := range page.Buckets {
						require.False(t, b.CreationDate.IsZero())
						out = append(out, *b.Name)
					}
				}
				return out
			}
			require.Subset(t, names(w.admin), []string{hidden, w.own, w.other})
			require.Contains(t, names(w.ada), w.own)
			require.NotContains(t, names(w.ada), hidden)
			_, err = w.ada.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &hidden})
			refusedS3(t, err, "NotFound", "NoSuchBucket")
		}},
		{"CreateBucket refuses names that are taken, none or denied", func(t *testing.T, w *walkS3) {
			_, err := w.admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &w.own})
			refusedS3(t, err, "BucketAlreadyOwnedByYou", "BucketAlreadyExists")
			_, err = w.admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("фото")})
			refusedS3(t, err, "InvalidBucketName")
			_, err = w.ada.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("ada-" + id.NewRef())})
			refusedS3(t, err, "AccessDenied")
		}},
		{"CreateBucket by a policy is the user's own", func(t *testing.T, w *walkS3) {
			theirs := "theirs-" + id.NewRef()
			_, err := w.ada.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &theirs})
			require.NoError(t, err)
			w.put(t, w.ada, theirs, "a.txt", "a")
			_, err = w.ada.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &theirs})
			refusedS3(t, err, "BucketNotEmpty")
			_, err = w.eve.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &theirs})
			refusedS3(t, err, "NoSuchBucket", "AccessDenied")
			_, err = w.ada.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &theirs, Key: aws.String("a.txt")})
			require.NoError(t, err)
			_, err = w.ada.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &theirs})
			require.NoError(t, err)
			_, err = w.admin.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &theirs})
			refusedS3(t, err, "NotFound")
		}},
	}
}

func s3BucketsSay() []stepS3 {
	return []stepS3{
		{"a bucket tells of itself", func(t *testing.T, w *walkS3) {
			_, err := w.ada.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &w.own})
			require.NoError(t, err)
			_, err = w.admin.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: &w.own})
			require.NoError(t, err)
			versioning, err := w.admin.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: &w.own})
			require.NoError(t, err)
			require.NotEqual(t, types.BucketVersioningStatusEnabled, versioning.Status)
			_, err = w.admin.GetBucketAcl(t.Context(), &s3.GetBucketAclInput{Bucket: &w.own})
			require.NoError(t, err)
			for _, missing := range []string{"nothing-" + id.NewRef()} {
				_, err = w.admin.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: &missing})
				refusedS3(t, err, "NoSuchBucket")
				_, err = w.admin.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &missing})
				refusedS3(t, err, "NoSuchBucket")
				_, err = w.admin.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &missing, Key: aws.String("a"), Body: strings.NewReader("a")})
				refusedS3(t, err, "NoSuchBucket")
			}
		}},
		{"what is not there says so", func(t *testing.T, w *walkS3) {
			_, err := w.admin.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &w.own, Policy: aws.String("{}")})
			refusedS3(t, err, "NotImplemented")
			_, err = w.admin.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &w.own, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
			refusedS3(t, err, "NotImplemented")
			_, err = w.admin.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: &w.own, CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}}}}})
			refusedS3(t, err, "NotImplemented")
			_, err = w.admin.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &w.own})
			refusedS3(t, err, "NotImplemented")
			_, err = w.admin.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: aws.String("acl"), Body: strings.NewReader("a"), ACL: types.ObjectCannedACLPublicRead})
			refusedS3(t, err, "AccessControlListNotSupported")
			_, err = w.admin.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: aws.String("kms"), Body: strings.NewReader("a"), ServerSideEncryption: types.ServerSideEncryptionAwsKms})
			refusedS3(t, err, "NotImplemented")
			_, err = w.admin.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &w.own, Key: aws.String("a"), VersionId: aws.String("1")})
			refusedS3(t, err, "NoSuchVersion")
		}},
	}
}

func s3Objects() []stepS3 {
	return []stepS3{
		{"PutObject keeps what is said of a file", func(t *testing.T, w *walkS3) {
			key := w.adaID + "/тест/日本 1+2&c=d.txt"
			put, err := w.ada.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: &w.own, Key: &key, Body: strings.NewReader("Grüße"), ContentType: aws.String("text/plain; charset=utf-8"), CacheControl: aws.String("max-age=60"),
				ContentDisposition: aws.String(`attachment; filename="a.txt"`), ContentLanguage: aws.String("de"), Metadata: map[string]string{"first": "1", "second": "zwei"},
				Tagging: aws.String("a=1&b=2"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256, StorageClass: types.StorageClassStandard,
			})
			require.NoError(t, err)
			got, err := w.ada.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &w.own, Key: &key})
			require.NoError(t, err)
			defer func() { _ = got.Body.Close() }()
			require.Equal(t, []string{"text/plain; charset=utf-8", "max-age=60", `attachment; filename="a.txt"`, "de", *put.ETag},
				[]string{*got.ContentType, *got.CacheControl, *got.ContentDisposition, *got.ContentLanguage, *got.ETag})
			require.Equal(t, map[string]string{"first": "1", "second": "zwei"}, got.Metadata)
			require.Equal(t, int32(2), *got.TagCount)
			require.Equal(t, "Grüße", w.read(t, w.ada, w.own, key))
			head, err := w.ada.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &w.own, Key: &key})
			require.NoError(t, err)
			require.Equal(t, int64(len("Grüße")), *head.ContentLength)
			require.WithinDuration(t, time.Now(), *head.LastModified, time.Minute)
		}},
		{"PutObject with each checksum", func(t *testing.T, w *walkS3) {
			for _, algorithm := range []types.ChecksumAlgorithm{types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmCrc64nvme, types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256} {
				key := w.adaID + "/sum-" + string(algorithm)
				_, err := w.ada.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: &key, Body: strings.NewReader(key), ChecksumAlgorithm: algorithm})
				require.NoError(t, err, algorithm)
				require.Equal(t, key, w.read(t, w.ada, w.own, key))
			}
			key := w.adaID + "/bad-sum"
			_, err := w.ada.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: &key, Body: strings.NewReader("x"), ContentMD5: aws.String("1B2M2Y8AsgTpgAmY7PhCfg==")})
			refusedS3(t, err, "BadDigest")
			_, err = w.ada.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: &key, Body: strings.NewReader("x"), ChecksumCRC32: aws.String("AAAAAA==")})
			refusedS3(t, err, "BadDigest")
			_, err = w.ada.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &w.own, Key: &key})
			refusedS3(t, err, "NotFound")
		}},
	}
}

func s3Conditions() []stepS3 {
	return []stepS3{
		{"PutObject on conditions", func(t *testing.T, w *walkS3) {
			key := w.adaID + "/conditions"
			put, err := w.ada.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: &key, Body: strings.NewReader("1"), IfNoneMatch: aws.String("*")})
			require.NoError(t, err)
			_, err = w.ada.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: &key, Body: strings.NewReader("2"), IfNoneMatch: aws.String("*")})
			refusedS3(t, err, "PreconditionFailed")
			_, err = w.ada.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: &key, Body: strings.NewReader("2"), IfMatch: aws.String(`"0123456789abcdef0123456789abcdef"`)})
			refusedS3(t, err, "PreconditionFailed")
			_, err = w.ada.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: &key, Body: strings.NewReader("2"), IfMatch: put.ETag})
			require.NoError(t, err)
			require.Equal(t, "2", w.read(t, w.ada, w.own, key))
		}},
		{"PutObject refuses names, sizes and types", func(t *testing.T, w *walkS3) {
			for _, key := range []string{"a//b", "a/../b", "a\\b", "a\x01b", "a/", strings.Repeat("x", 1025)} {
				_, err := w.admin.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: &key, Body: strings.NewReader("x")})
				refusedS3(t, err, "InvalidKey", "KeyTooLongError", "AccessDenied", "NoSuchBucket") // the gateway has a word of its own for paths that climb
			}
			_, err := w.admin.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: aws.String("large"), Body: strings.NewReader(strings.Repeat("x", mostBytes+1))})
			refusedS3(t, err, "EntityTooLarge")
		}},
		{"GetObject by ranges, conditions and other headers", func(t *testing.T, w *walkS3) {
			key := w.adaID + "/ranges"
			w.put(t, w.ada, w.own, key, "0123456789")
			get := func(change func(*s3.GetObjectInput)) (*s3.GetObjectOutput, error) {
				in := &s3.GetObjectInput{Bucket: &w.own, Key: &key}
				change(in)
				out, err := w.ada.GetObject(t.Context(), in)
				if err == nil {
					t.Cleanup(func() { _ = out.Body.Close() })
				}
				return out, err
			}
			got, err := get(func(in *s3.GetObjectInput) { in.Range = aws.String("bytes=2-4") })
			require.NoError(t, err)
			require.Equal(t, "bytes 2-4/10", *got.ContentRange)
			require.Equal(t, int64(3), *got.ContentLength)
			_, err = get(func(in *s3.GetObjectInput) { in.Range = aws.String("bytes=10-") })
			refusedS3(t, err, "InvalidRange")
			_, err = get(func(in *s3.GetObjectInput) { in.IfNoneMatch = got.ETag })
			refusedS3(t, err, "NotModified")
			_, err = get(func(in *s3.GetObjectInput) { in.IfMatch = aws.String(`"other"`) })
			refusedS3(t, err, "PreconditionFailed")
			_, err = get(func(in *s3.GetObjectInput) { in.IfModifiedSince = aws.Time(time.Now().Add(time.Hour)) })
			refusedS3(t, err, "NotModified")
			got, err = get(func(in *s3.GetObjectInput) {
				in.ResponseContentType, in.ResponseContentDisposition, in.ResponseCacheControl = aws.String("text/csv"), aws.String("attachment"), aws.String("no-store")
			})
			require.NoError(t, err)
			require.Equal(t, []string{"text/csv", "attachment", "no-store"}, []string{*got.ContentType, *got.ContentDisposition, *got.CacheControl})
			_, err = w.ada.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &w.own, Key: aws.String(w.adaID + "/nothing")})
			refusedS3(t, err, "NoSuchKey")
		}},
	}
}

func s3Tags() []stepS3 {
	return []stepS3{
		{"tags come, change and go", func(t *testing.T, w *walkS3) {
			key := w.adaID + "/tags"
			w.put(t, w.ada, w.own, key, "x")
			tags := []types.Tag{{Key: aws.String("color"), Value: aws.String("grün")}, {Key: aws.String("n"), Value: aws.String("1")}}
			_, err := w.ada.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{Bucket: &w.own, Key: &key, Tagging: &types.Tagging{TagSet: tags}})
			require.NoError(t, err)
			got, err := w.ada.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &w.own, Key: &key})
			require.NoError(t, err)
			require.Len(t, got.TagSet, 2)
			_, err = w.ada.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{Bucket: &w.own, Key: &key, Tagging: &types.Tagging{TagSet: slices.Repeat(tags, 6)}})
			refusedS3(t, err, "BadRequest", "InvalidTag")
			_, err = w.eve.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &w.own, Key: &key})
			refusedS3(t, err, "NoSuchKey", "AccessDenied")
			_, err = w.eve.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{Bucket: &w.own, Key: &key, Tagging: &types.Tagging{TagSet: tags}})
			refusedS3(t, err, "NoSuchKey", "AccessDenied")
			_, err = w.ada.DeleteObjectTagging(t.Context(), &s3.DeleteObjectTaggingInput{Bucket: &w.own, Key: &key})
			require.NoError(t, err)
			got, err = w.ada.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &w.own, Key: &key})
			require.NoError(t, err)
			require.Empty(t, got.TagSet)
			require.Equal(t, "x", w.read(t, w.ada, w.own, key))
		}},
		{"an object tells of itself", func(t *testing.T, w *walkS3) {
			key := w.adaID + "/attributes"
			w.put(t, w.ada, w.own, key, "four")
			got, err := w.ada.GetObjectAttributes(t.Context(), &s3.GetObjectAttributesInput{Bucket: &w.own, Key: &key,
				ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesEtag, types.ObjectAttributesObjectSize, types.ObjectAttributesStorageClass}})
			require.NoError(t, err)
			require.Equal(t, int64(4), *got.ObjectSize)
			require.NotEmpty(t, *got.ETag)
			_, err = w.ada.GetObjectAcl(t.Context(), &s3.GetObjectAclInput{Bucket: &w.own, Key: &key})
			require.NoError(t, err)
			_, err = w.eve.GetObjectAttributes(t.Context(), &s3.GetObjectAttributesInput{Bucket: &w.own, Key: &key, ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesEtag}})
			refusedS3(t, err, "NoSuchKey", "AccessDenied")
		}},
	}
}

func s3Copies() []stepS3 {
	return []stepS3{
		{"CopyObject copies, within and across buckets", func(t *testing.T, w *walkS3) {
			from, to := w.adaID+"/from ü+1.txt", w.adaID+"/to.txt"
			_, err := w.ada.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: &from, Body: strings.NewReader("copied"), ContentType: aws.String("text/csv"), Metadata: map[string]string{"k": "v"}})
			require.NoError(t, err)
			source := w.own + "/" + strings.NewReplacer("%2F", "/", "+", "%20").Replace(queryEscape(from))
			copied, err := w.ada.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &w.other, Key: &to, CopySource: &source})
			require.NoError(t, err)
			head, err := w.ada.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &w.other, Key: &to})
			require.NoError(t, err)
			require.Equal(t, []string{"text/csv", "v", *copied.CopyObjectResult.ETag}, []string{*head.ContentType, head.Metadata["k"], *head.ETag})
			_, err = w.ada.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &w.other, Key: &to, CopySource: &source, MetadataDirective: types.MetadataDirectiveReplace,
				ContentType: aws.String("text/plain"), Metadata: map[string]string{"n": "w"}})
			require.NoError(t, err)
			head, err = w.ada.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &w.other, Key: &to})
			require.NoError(t, err)
			require.Equal(t, map[string]string{"n": "w"}, head.Metadata)
			require.Equal(t, "copied", w.read(t, w.ada, w.other, to))
			_, err = w.ada.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &w.other, Key: &to, CopySource: &source, CopySourceIfNoneMatch: head.ETag})
			refusedS3(t, err, "PreconditionFailed")
			_, err = w.ada.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &w.other, Key: &to, CopySource: aws.String(w.own + "/" + w.adaID + "/nothing")})
			refusedS3(t, err, "NoSuchKey")
			_, err = w.eve.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &w.own, Key: aws.String("stolen"), CopySource: &source})
			refusedS3(t, err, "NoSuchKey", "AccessDenied")
		}},
		{"DeleteObject and DeleteObjects delete", func(t *testing.T, w *walkS3) {
			var ids []types.ObjectIdentifier
			for _, name := range []string{"d1", "d2", "d3"} {
				key := w.adaID + "/" + name
				w.put(t, w.ada, w.own, key, name)
				ids = append(ids, types.ObjectIdentifier{Key: &key})
			}
			_, err := w.ada.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &w.own, Key: ids[0].Key})
			require.NoError(t, err)
			_, err = w.ada.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &w.own, Key: ids[0].Key})
			require.NoError(t, err, "twice is once")
			_, err = w.ada.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &w.own, Key: ids[0].Key})
			refusedS3(t, err, "NotFound")
			got, err := w.eve.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &w.own, Delete: &types.Delete{Objects: ids[1:]}})
			if err == nil {
				t.Logf("what a stranger is told: %d deleted, %d refused", len(got.Deleted), len(got.Errors))
			}
			require.Equal(t, "d2", w.read(t, w.ada, w.own, *ids[1].Key))
			got, err = w.ada.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &w.own, Delete: &types.Delete{Objects: ids}})
			require.NoError(t, err)
			require.Empty(t, got.Errors)
			require.Len(t, got.Deleted, 3)
			_, err = w.ada.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &w.own, Key: ids[1].Key})
			refusedS3(t, err, "NoSuchKey")
		}},
	}
}

func s3Lists() []stepS3 {
	names := []string{"a.txt", "b/1", "b/2", "b/c/3", "ä", "日 本"}
	fill := func(t *testing.T, w *walkS3) string {
		prefix := w.adaID + "/list-" + id.NewRef() + "/"
		for _, name := range names {
			w.put(t, w.ada, w.own, prefix+name, name)
		}
		return prefix
	}
	return []stepS3{
		{"ListObjectsV2 pages, by folders too", func(t *testing.T, w *walkS3) {
			prefix := fill(t, w)
			var keys []string
			pages := s3.NewListObjectsV2Paginator(w.ada, &s3.ListObjectsV2Input{Bucket: &w.own, Prefix: &prefix, MaxKeys: aws.Int32(2), FetchOwner: aws.Bool(true)})
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				require.NoError(t, err)
				require.LessOrEqual(t, len(page.Contents), 2)
				for _, o := range page.Contents {
					require.Equal(t, int64(len(strings.TrimPrefix(*o.Key, prefix))), *o.Size)
					keys = append(keys, strings.TrimPrefix(*o.Key, prefix))
				}
			}
			require.Equal(t, names, keys)
			got, err := w.ada.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &w.own, Prefix: &prefix, Delimiter: aws.String("/"), EncodingType: types.EncodingTypeUrl})
			require.NoError(t, err)
			require.Len(t, got.CommonPrefixes, 1)
			require.Len(t, got.Contents, 3)
			got, err = w.ada.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &w.own, Prefix: &prefix, StartAfter: aws.String(prefix + "b/2")})
			require.NoError(t, err)
			require.Len(t, got.Contents, 3)
			_, err = w.ada.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &w.own, ContinuationToken: aws.String("none")})
			refusedS3(t, err, "InvalidArgument", "InvalidRequest")
			_, err = w.admin.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("nothing-" + id.NewRef())})
			refusedS3(t, err, "NoSuchBucket")
		}},
		{"ListObjects pages by markers", func(t *testing.T, w *walkS3) {
			prefix := fill(t, w)
			var keys []string
			in := &s3.ListObjectsInput{Bucket: &w.own, Prefix: &prefix, MaxKeys: aws.Int32(4)}
			for {
				page, err := w.ada.ListObjects(t.Context(), in)
				require.NoError(t, err)
				for _, o := range page.Contents {
					keys = append(keys, strings.TrimPrefix(*o.Key, prefix))
				}
				if !*page.IsTruncated {
					break
				}
				in.Marker = page.Contents[len(page.Contents)-1].Key
			}
			require.Equal(t, names, keys)
		}},
		{"a denied listing is empty", func(t *testing.T, w *walkS3) {
			prefix := fill(t, w)
			got, err := w.eve.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &w.own, Prefix: &prefix})
			require.NoError(t, err)
			require.Empty(t, got.Contents)
			require.Empty(t, got.CommonPrefixes)
			whole, err := w.eve.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: &w.own})
			require.NoError(t, err)
			for _, o := range whole.Contents {
				require.True(t, strings.HasPrefix(*o.Key, "shared/"), *o.Key)
			}
		}},
	}
}

func s3Access() []stepS3 {
	return []stepS3{
		{"presigned addresses read, write and delete", func(t *testing.T, w *walkS3) {
			key := w.adaID + "/presigned ü.txt"
			signer := s3.NewPresignClient(w.ada)
			put, err := signer.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: &key, ContentType: aws.String("text/plain")})
			require.NoError(t, err)
			status, body := w.fetch(t, put.Method, put.URL, put.SignedHeader, []byte("presigned"))
			require.Equal(t, http.StatusOK, status, body)
			get, err := signer.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: &w.own, Key: &key, ResponseContentDisposition: aws.String("attachment")}, s3.WithPresignExpires(time.Minute))
			require.NoError(t, err)
			status, body = w.fetch(t, get.Method, get.URL, get.SignedHeader, nil)
			require.Equal(t, http.StatusOK, status, body)
			require.Equal(t, "presigned", body)
			head, err := signer.PresignHeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &w.own, Key: &key})
			require.NoError(t, err)
			status, _ = w.fetch(t, head.Method, head.URL, head.SignedHeader, nil)
			require.Equal(t, http.StatusOK, status)
			for name, address := range map[string]string{
				"a longer time":  changed(t, get.URL, "X-Amz-Expires", "600000"),
				"another time":   changed(t, get.URL, "X-Amz-Date", time.Now().Add(-time.Hour).UTC().Format("20060102T150405Z")),
				"another object": strings.Replace(get.URL, "presigned", "tags", 1),
				"another header": changed(t, get.URL, "response-content-disposition", "inline"),
				"without token":  changed(t, get.URL, "X-Amz-Security-Token", ""),
			} {
				status, body := w.fetch(t, http.MethodGet, address, nil, nil)
				require.Contains(t, []int{http.StatusForbidden, http.StatusBadRequest}, status, "%s: %s", name, body)
			}
			status, body = w.fetch(t, http.MethodDelete, get.URL, nil, nil)
			require.Equal(t, http.StatusForbidden, status, "another method: %s", body)
			gone, err := signer.PresignDeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &w.own, Key: &key})
			require.NoError(t, err)
			status, _ = w.fetch(t, gone.Method, gone.URL, gone.SignedHeader, nil)
			require.Equal(t, http.StatusNoContent, status)
			status, _ = w.fetch(t, http.MethodGet, get.URL, get.SignedHeader, nil)
			require.Equal(t, http.StatusNotFound, status)
		}},
		{"wrong keys, secrets and tokens open nothing", func(t *testing.T, w *walkS3) {
			for name, c := range map[string]struct {
				client *s3.Client
				codes  []string
			}{
				"a wrong secret":                   {w.as(w.key, "wrong", ""), []string{"SignatureDoesNotMatch"}},
				"an unknown key":                   {w.as("nobody", w.secret, ""), []string{"InvalidAccessKeyId"}},
				"the anon key without a token":     {w.as(w.p.ref, w.p.anon, ""), []string{"AccessDenied"}},
				"a token that is none":             {w.as(w.p.ref, w.p.anon, "none"), []string{"InvalidToken", "AccessDenied"}},
				"an access key with a token":       {w.as(w.key, w.secret, w.p.serviceRole), []string{"InvalidAccessKeyId"}},
				"the secret key as a secret":       {w.as(w.p.ref, w.p.secret, w.p.serviceRole), []string{"SignatureDoesNotMatch"}},
				"the service role's key as secret": {w.as(w.p.ref, w.p.serviceRole, w.p.serviceRole), []string{"SignatureDoesNotMatch"}},
			} {
				_, err := c.client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &w.own})
				require.Error(t, err, name)
				refusedS3(t, err, c.codes...)
			}
		}},
	}
}

func s3Denials() []stepS3 {
	return []stepS3{
		{"an access key that was deleted opens nothing", func(t *testing.T, w *walkS3) {
			key, secret := w.p.accessKey(t)
			client := w.as(key, secret, "")
			_, err := client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
			require.NoError(t, err)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, w.p.pathURL+"/storage/v1/s3-keys/"+key, nil)
			require.NoError(t, err)
			request.Header.Set("apikey", w.p.secret)
			answer, err := httpClient.Do(request)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, http.StatusNoContent, answer.StatusCode)
			require.Eventually(t, func() bool { // the other worker has read it a moment ago
				_, err = client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
				return err != nil
			}, waitFor, tick)
			refusedS3(t, err, "InvalidAccessKeyId")
		}},
		{"policies hold for tokens", func(t *testing.T, w *walkS3) {
			key := w.adaID + "/private"
			w.put(t, w.ada, w.own, key, "private")
			_, err := w.eve.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &w.own, Key: &key})
			refusedS3(t, err, "NoSuchKey")
			_, err = w.eve.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &w.own, Key: &key})
			refusedS3(t, err, "NotFound")
			_, err = w.eve.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.own, Key: &key, Body: strings.NewReader("eve")})
			refusedS3(t, err, "AccessDenied")
			_, _ = w.eve.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &w.own, Key: &key})
			_, err = w.eve.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &w.own, Key: &key})
			refusedS3(t, err, "AccessDenied")
			require.Equal(t, "private", w.read(t, w.admin, w.own, key))
		}},
	}
}
