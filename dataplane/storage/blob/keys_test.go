package blob_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// TestNothingLeavesItsBucket: keys and ids of uploads that are kept in a project's database may have been written there by its owner, and reach
// no other project, whatever the object store makes of them.
func TestNothingLeavesItsBucket(t *testing.T) {
	t.Parallel()
	victim, other := storagetest.New(t, false), storagetest.New(t, false)
	victim.Bucket("files", true)
	theirs := blob.Prefix + victim.Put("files", "a", "theirs").Version
	bucket, own, client, ctx := &other.Project.Bucket, aws.String(blob.Prefix+"0123456789abcdef/2c42f78f-eff3-48d4-ba58-4b065c569b70"), other.Blobs.Client(), t.Context()
	for _, up := range []string{"../", "renditions/../../", `..\\`, "/../"} {
		key := up + victim.Project.Bucket + "/" + theirs
		_, err := other.Blobs.GetKey(ctx, other.Project, key, 0, -1)
		require.Equal(t, "NO_SUCH_KEY", fault.From(err).Reason)
		_, err = other.Blobs.PutKey(ctx, other.Project, key, strings.NewReader("mine"), 4, "text/plain")
		require.Equal(t, "NO_SUCH_KEY", fault.From(err).Reason)
		require.NoError(t, other.Blobs.RemoveKeys(ctx, other.Project, key), "what cannot be there is gone")
	}
	id := aws.String("../../../../" + victim.Project.Bucket)
	out := aws.String("../" + victim.Project.Bucket + "/" + theirs)
	for name, do := range map[string]func(context.Context) error{
		"abort": func(ctx context.Context) error {
			_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: bucket, Key: own, UploadId: id})
			return err
		},
		"part": func(ctx context.Context) error {
			_, err := client.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: own, UploadId: id, PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
			return err
		},
		"complete": func(ctx context.Context) error {
			_, err := client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: own, UploadId: id})
			return err
		},
		"parts": func(ctx context.Context) error {
			_, err := client.ListParts(ctx, &s3.ListPartsInput{Bucket: bucket, Key: own, UploadId: id})
			return err
		},
		"copy": func(ctx context.Context) error {
			_, err := client.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: bucket, Key: own, UploadId: aws.String("x"), PartNumber: aws.Int32(1), CopySource: aws.String(*bucket + "/" + *out)})
			return err
		},
		"head": func(ctx context.Context) error {
			_, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: out})
			return err
		},
		"delete": func(ctx context.Context) error {
			_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: out})
			return err
		},
		"delete many": func(ctx context.Context) error {
			_, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: own}, {Key: out}}}})
			return err
		},
		"list": func(ctx context.Context) error {
			_, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String("../" + victim.Project.Bucket + "/")})
			return err
		},
		"list uploads": func(ctx context.Context) error {
			_, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: bucket, KeyMarker: own, UploadIdMarker: id})
			return err
		},
	} {
		require.Equal(t, fault.NotFound, fault.From(do(ctx)).Kind, name)
	}
	require.Equal(t, []string{theirs}, victim.StoredKeys())
	require.Equal(t, "theirs", victim.Read("files", "a"))
}
