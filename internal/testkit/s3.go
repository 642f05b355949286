package testkit

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/id"
)

// S3 returns the settings of a real object store, with a bucket prefix of the test's own. Buckets with it are deleted at
// the end.
func S3(t testing.TB) config.S3 {
	t.Helper()
	store := config.S3{
		Endpoint: variable(t, S3Variable), Region: "us-east-1", PathStyle: true, BucketPrefix: "t" + id.NewRef()[:8] + "-",
		AccessKey: variable(t, S3AccessKeyVariable), SecretKey: config.Secret(variable(t, S3SecretKeyVariable)),
	}
	client := S3Client(store)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		list, err := client.ListBuckets(ctx, &s3.ListBucketsInput{})
		require.NoError(t, err)
		for _, bucket := range list.Buckets {
			if strings.HasPrefix(*bucket.Name, store.BucketPrefix) {
				empty(ctx, t, client, *bucket.Name)
				_, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket.Name})
				require.NoError(t, err)
			}
		}
	})
	return store
}

// S3Client returns a client for the settings.
func S3Client(store config.S3) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &store.Endpoint, Region: store.Region, UsePathStyle: store.PathStyle,
		Credentials: credentials.NewStaticCredentialsProvider(store.AccessKey, store.SecretKey.Reveal(), ""),
	})
}

func empty(ctx context.Context, t testing.TB, client *s3.Client, bucket string) {
	t.Helper()
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		require.NoError(t, err)
		var objects []types.ObjectIdentifier
		for _, object := range page.Contents {
			objects = append(objects, types.ObjectIdentifier{Key: object.Key})
		}
		if len(objects) == 0 {
			continue
		}
		_, err = client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: &bucket, Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)},
		})
		require.NoError(t, err)
	}
}
