package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// ObjectStore makes and removes projects' buckets in an S3 store.
type ObjectStore struct{ client *s3.Client }

var _ Buckets = (*ObjectStore)(nil)

// NewObjectStore makes a client of the configured store.
func NewObjectStore(c config.S3) *ObjectStore {
	o := s3.Options{Region: c.Region, UsePathStyle: c.PathStyle, RetryMaxAttempts: 3,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey.Reveal(), "")}
	if c.Endpoint != "" {
		o.BaseEndpoint = &c.Endpoint
	}
	return &ObjectStore{s3.New(o)}
}

// Create makes a bucket unless we have it.
func (o *ObjectStore) Create(ctx context.Context, name string) error {
	in := &s3.CreateBucketInput{Bucket: &name}
	if region := o.client.Options().Region; region != "" && region != "us-east-1" && o.client.Options().BaseEndpoint == nil {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}
	}
	_, err := o.client.CreateBucket(ctx, in)
	switch errorCode(err) {
	case "":
		return storeFault(err, "create bucket "+name)
	case "BucketAlreadyOwnedByYou":
		return nil
	case "BucketAlreadyExists":
		// Some stores say this of our own too: then we may look into it.
		if _, err := o.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name}); err == nil {
			return nil
		}
		return fault.Wrap(err, fault.Exists, "BUCKET_TAKEN", "The project's bucket %q belongs to someone else.", name)
	}
	return storeFault(err, "create bucket "+name)
}

// Remove deletes a bucket with everything in it: versions and unfinished uploads too.
func (o *ObjectStore) Remove(ctx context.Context, name string) error {
	for _, empty := range []func(context.Context, string) error{o.removeUploads, o.removeVersions, o.removeObjects} {
		if err := empty(ctx, name); err != nil {
			if code := errorCode(err); code == "NoSuchBucket" || code == "NotFound" {
				return nil
			}
			return storeFault(err, "empty bucket "+name)
		}
	}
	_, err := o.client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	if code := errorCode(err); code == "NoSuchBucket" || code == "NotFound" {
		return nil
	}
	return storeFault(err, "delete bucket "+name)
}

func (o *ObjectStore) removeUploads(ctx context.Context, name string) error {
	for {
		page, err := o.client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &name})
		if err != nil || len(page.Uploads) == 0 {
			return err
		}
		for _, u := range page.Uploads {
			_, err := o.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &name, Key: u.Key, UploadId: u.UploadId})
			if err != nil && errorCode(err) != "NoSuchUpload" {
				return err
			}
		}
	}
}

func (o *ObjectStore) removeVersions(ctx context.Context, name string) error {
	for {
		page, err := o.client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &name})
		if code := errorCode(err); code == "NotImplemented" || code == "MethodNotAllowed" {
			return nil // a store without versions
		}
		if err != nil {
			return err
		}
		var objects []types.ObjectIdentifier
		for _, v := range page.Versions {
			objects = append(objects, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			objects = append(objects, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if len(objects) == 0 {
			return nil
		}
		if err := o.removeMany(ctx, name, objects); err != nil {
			return err
		}
	}
}

func (o *ObjectStore) removeObjects(ctx context.Context, name string) error {
	for {
		page, err := o.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &name})
		if err != nil || len(page.Contents) == 0 {
			return err
		}
		objects := make([]types.ObjectIdentifier, len(page.Contents))
		for i, c := range page.Contents {
			objects[i] = types.ObjectIdentifier{Key: c.Key}
		}
		if err := o.removeMany(ctx, name, objects); err != nil {
			return err
		}
	}
}

func (o *ObjectStore) removeMany(ctx context.Context, name string, objects []types.ObjectIdentifier) error {
	out, err := o.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &name, Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)}})
	if err == nil && len(out.Errors) > 0 {
		return fmt.Errorf("%d objects stay, the first because of %s", len(out.Errors), aws.ToString(out.Errors[0].Message))
	}
	return err
}

func errorCode(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

// storeFault tells a store that is away or overloaded from one that refuses.
func storeFault(err error, doing string) error {
	if err == nil {
		return nil
	}
	switch errorCode(err) {
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return fault.Wrap(fmt.Errorf("%s: %w", doing, err), fault.FailedPrecondition, "OBJECT_STORE_REFUSES", "The object store refuses Fluxbase. The operator must mend its access.")
	case "TooManyBuckets":
		return fault.Wrap(fmt.Errorf("%s: %w", doing, err), fault.Exhausted, "OBJECT_STORE_FULL", "The object store takes no more buckets.")
	}
	return fault.Wrap(fmt.Errorf("%s: %w", doing, err), fault.Unavailable, "OBJECT_STORE_UNREACHABLE", "The object store cannot be reached.")
}
