package blob

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// maxRemove is how many keys the object store removes in one request.
const maxRemove = 1000

// Remove removes the bytes of versions. What is not there is removed already.
func (s *Store) Remove(ctx context.Context, p *directory.Project, versions ...string) error {
	keys := make([]string, 0, len(versions))
	for _, v := range versions {
		if key, err := Key(v); err == nil { // what is no version has no bytes
			keys = append(keys, key)
		}
	}
	return s.RemoveKeys(ctx, p, keys...)
}

// RemoveKeys is Remove for keys.
func (s *Store) RemoveKeys(ctx context.Context, p *directory.Project, keys ...string) error {
	if slices.ContainsFunc(keys, escapes) { // such a key is in no bucket of ours
		keys = slices.DeleteFunc(slices.Clone(keys), escapes)
	}
	for _, key := range keys {
		if version, ok := strings.CutPrefix(key, Prefix); ok {
			s.memory.Drop(p.Ref, version)
			s.disk.Drop(p.Ref, version)
		}
	}
	for len(keys) > 0 {
		page := keys[:min(maxRemove, len(keys))]
		keys = keys[len(page):]
		objects := make([]types.ObjectIdentifier, len(page))
		for i := range page {
			objects[i].Key = &page[i]
		}
		out, err := s.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &p.Bucket, Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)}})
		if err != nil {
			return Fault(err, "remove keys")
		}
		for _, e := range out.Errors {
			if code := aws.ToString(e.Code); code != "NoSuchKey" {
				return Fault(fmt.Errorf("%s: %s %s", aws.ToString(e.Key), code, aws.ToString(e.Message)), "remove keys")
			}
		}
	}
	return nil
}
