package blob_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

func TestZZAbort(t *testing.T) {
	t.Parallel()
	victim, other := storagetest.New(t, false), storagetest.New(t, false)
	victim.Bucket("files", true)
	victim.Put("files", "a", "theirs")
	for _, id := range []string{"../../../../" + victim.Project.Bucket + "/objects", "../../../../" + victim.Project.Bucket} {
		_, err := other.Blobs.Client().AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &other.Project.Bucket, Key: aws.String("objects/0123456789abcdef/2c42f78f-eff3-48d4-ba58-4b065c569b70"), UploadId: aws.String(id)})
		t.Log(id, err)
		t.Log(victim.StoredKeys())
	}
}
