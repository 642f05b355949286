package s3_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/s3"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/accesskey"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

// TestUsersKeepToPolicies: with a session token everything is done as the user.
func TestUsersKeepToPolicies(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("home", false)
		w.OwnFolders("home")
		id, token := w.User()
		other, _ := w.User()
		w.Put("home", other+"/secret.txt", "secret")
		ctx := t.Context()
		for name, endpoint := range map[string]string{"by path": w.address, "by host": w.host} {
			c := w.as(w.Project.Ref, w.Project.AnonKey, token, endpoint)
			put := func(key string) error {
				_, err := c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("home"), Key: &key, Body: strings.NewReader("mine")})
				return err
			}
			require.NoError(t, put(id+"/a.txt"), name)
			require.Equal(t, id, w.text("select owner_id from {storage}.objects where name like '%a.txt'"))
			require.Equal(t, "AccessDenied", code(put(other+"/a.txt")))
			require.Equal(t, "AccessDenied", code(put(other+"/secret.txt")), "to overwrite")
			list, err := c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("home")})
			require.NoError(t, err)
			require.Len(t, list.Contents, 1, "what may not be seen is not listed")
			list, err = c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("home"), Prefix: aws.String(other + "/")})
			require.NoError(t, err)
			require.Empty(t, list.Contents)
			_, err = c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("home"), Key: aws.String(other + "/secret.txt")})
			require.Equal(t, "NoSuchKey", code(err))
			_, err = c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("home"), Key: aws.String(other + "/secret.txt")})
			require.Equal(t, "NotFound", code(err))
			_, err = c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String("home"), Key: aws.String(id + "/stolen.txt"), CopySource: aws.String("home/" + other + "/secret.txt")})
			require.Equal(t, "NoSuchKey", code(err))
			_, err = c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String("home"), Key: aws.String(other + "/planted.txt"), CopySource: aws.String("home/" + id + "/a.txt")})
			require.Equal(t, "AccessDenied", code(err))
			p := begin(t, c, "home", id+"/copy")
			_, err = c.UploadPartCopy(ctx, &awss3.UploadPartCopyInput{Bucket: &p.bucket, Key: &p.key, UploadId: &p.id, PartNumber: aws.Int32(1), CopySource: aws.String("home/" + other + "/secret.txt")})
			require.Equal(t, "NoSuchKey", code(err))
			_, err = c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("home"), Key: aws.String(other + "/secret.txt")})
			require.NoError(t, err, "to the user it is not there")
			_, err = c.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("home"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String(other + "/secret.txt")}}}})
			require.NoError(t, err)
			_, err = c.PutObjectTagging(ctx, &awss3.PutObjectTaggingInput{Bucket: aws.String("home"), Key: aws.String(other + "/secret.txt"), Tagging: &types.Tagging{TagSet: []types.Tag{}}})
			require.Equal(t, "NoSuchKey", code(err))
			require.Equal(t, "secret", w.Read("home", other+"/secret.txt"))
			_, err = c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("mine")})
			require.Equal(t, "AccessDenied", code(err))
			_, err = c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String("home")})
			require.Equal(t, "NoSuchBucket", code(err))
			buckets, err := c.ListBuckets(ctx, &awss3.ListBucketsInput{})
			require.NoError(t, err)
			require.Empty(t, buckets.Buckets)
			_, err = c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("home"), Key: aws.String(id + "/a.txt")})
			require.NoError(t, err)
		}
		w.Owner("create policy readers on {storage}.objects for select to {authenticated} using (true)")
		_, err := w.user(token).DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("home"), Key: aws.String(other + "/secret.txt")})
		require.Equal(t, "AccessDenied", code(err), "what may be read and not deleted")
		many, err := w.user(token).DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("home"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String(other + "/secret.txt")}}}})
		require.NoError(t, err)
		require.Equal(t, "AccessDenied", *many.Errors[0].Code)
		require.Equal(t, "secret", w.Read("home", other+"/secret.txt"))
	})
}

func TestWhoMaySign(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bucket("photos", false)
		w.Put("photos", "a.txt", "a")
		neighbour := newWorld(t, storagetest.New(t, !w.Project.Shared))
		_, token := w.User()
		_, foreign := neighbour.User()
		_, revoked := w.User()
		w.tokens.revoked[revoked] = true
		p, n := w.Project, neighbour.Project
		for name, c := range map[string]struct{ key, secret, token, code string }{
			"a key of ours":                         {w.accessKey, w.value, "", ""},
			"the service role's token":              {p.Ref, p.AnonKey, w.Keys.ServiceRole, ""},
			"another secret":                        {w.accessKey, strings.Repeat("0", 64), "", "SignatureDoesNotMatch"},
			"another project's key":                 {neighbour.accessKey, neighbour.value, "", "InvalidAccessKeyId"},
			"another project's secret":              {w.accessKey, neighbour.value, "", "SignatureDoesNotMatch"},
			"a key that is not there":               {strings.Repeat("0", 32), w.value, "", "InvalidAccessKeyId"},
			"a key of another form":                 {"AKIAIOSFODNN7EXAMPLE", w.value, "", "InvalidAccessKeyId"},
			"another project's token":               {p.Ref, p.AnonKey, foreign, "InvalidToken"},
			"another project's anon key":            {p.Ref, n.AnonKey, token, "SignatureDoesNotMatch"},
			"another project's ref, key and token":  {n.Ref, n.AnonKey, foreign, "InvalidAccessKeyId"},
			"the ref without a token":               {p.Ref, p.AnonKey, "", "AccessDenied"},
			"the ref with a wrong secret":           {p.Ref, "secret", token, "SignatureDoesNotMatch"},
			"an access key with a token":            {w.accessKey, w.value, token, "InvalidAccessKeyId"},
			"a token that was revoked":              {p.Ref, p.AnonKey, revoked, "InvalidToken"},
			"a token that is none":                  {p.Ref, p.AnonKey, "a.b.c", "InvalidToken"},
			"an API key for a secret":               {p.Ref, w.Keys.Secret, token, "SignatureDoesNotMatch"},
			"an API key for an access key":          {w.Keys.Secret, w.Keys.Secret, "", "InvalidAccessKeyId"},
			"the service role's key for the secret": {p.Ref, w.Keys.ServiceRole, token, "SignatureDoesNotMatch"},
		} {
			_, err := w.as(c.key, c.secret, c.token, w.address).GetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("photos"), Key: aws.String("a.txt")})
			require.Equal(t, c.code, code(err), name)
		}
		for _, bearer := range []string{"", w.Keys.Secret, w.Keys.ServiceRole, token} {
			resp, text := w.get(t, http.MethodGet, w.address+"/photos/a.txt", http.Header{"Authorization": {"Bearer " + bearer}, "Apikey": {w.Keys.Secret}}, nil)
			require.Equal(t, http.StatusForbidden, resp.StatusCode)
			require.Contains(t, text, "<Code>AccessDenied</Code>")
		}
	})
}

func TestAccessKeys(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		_, token := w.User()
		for _, bearer := range []string{"", token} {
			for method, path := range map[string]string{http.MethodGet: "/s3-keys", http.MethodPost: "/s3-keys", http.MethodDelete: "/s3-keys/" + w.accessKey} {
				require.Equal(t, "AccessDenied", w.Call(method, path, bearer, nil).Str("code"), method)
			}
		}
		list := w.Call(http.MethodGet, "/s3-keys", storagetest.Secret, nil)
		require.Equal(t, http.StatusOK, list.Status)
		require.Contains(t, list.Text, `"description":"tests"`)
		require.Contains(t, list.Text, `"last_used_at":null`)
		require.NotContains(t, list.Text, w.value, "the secret is shown once")
		sealed := storagetest.One[[]byte](w.Bundle, "select secret_sealed from s3_access_keys")
		require.False(t, bytes.Contains(sealed, []byte(w.value)), "and kept sealed")
		require.Equal(t, "InvalidParameter", w.Call(http.MethodPost, "/s3-keys", storagetest.Secret, map[string]any{"description": strings.Repeat("x", 201)}).Str("code"))
		require.Equal(t, "NoSuchAccessKey", w.Call(http.MethodDelete, "/s3-keys/nothing", storagetest.Secret, nil).Str("code"))

		_, err := w.client().ListBuckets(t.Context(), &awss3.ListBucketsInput{})
		require.NoError(t, err)
		require.NotNil(t, storagetest.One[*time.Time](w.Bundle, "select last_used_at from s3_access_keys"))
		// Another worker that has read the key goes on with it for as long as it remembers, and no longer.
		elsewhere := accesskey.New(accesskey.Deps{Sealer: w.sealer, Now: func() time.Time { return time.Now().Add(time.Duration(w.off.Load())) }})
		secret, err := elsewhere.Secret(t.Context(), w.Service(), w.accessKey)
		require.NoError(t, err)
		require.Equal(t, w.value, secret)
		require.Equal(t, http.StatusNoContent, w.Call(http.MethodDelete, "/s3-keys/"+w.accessKey, storagetest.Secret, nil).Status)
		_, err = w.client().ListBuckets(t.Context(), &awss3.ListBucketsInput{})
		require.Equal(t, "InvalidAccessKeyId", code(err), "at once where it was deleted")
		w.later(t, accesskey.Remembered)
		_, err = elsewhere.Secret(t.Context(), w.Service(), w.accessKey)
		require.ErrorIs(t, err, accesskey.ErrUnknown)
		require.LessOrEqual(t, accesskey.Remembered, 5*time.Second)

		for i := range accesskey.MaxKeys {
			require.Equal(t, http.StatusCreated, w.Call(http.MethodPost, "/s3-keys", storagetest.Secret, map[string]any{"description": fmt.Sprint(i)}).Status)
		}
		require.Equal(t, "TooManyAccessKeys", w.Call(http.MethodPost, "/s3-keys", storagetest.Secret, nil).Str("code"))
	})
}

func TestTurnedOff(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Bundle = w.With(map[string]string{"storage.s3_enabled": "false"})
		_, err := w.client().ListBuckets(t.Context(), &awss3.ListBucketsInput{})
		require.Equal(t, "AccessDenied", code(err))
		require.ErrorContains(t, err, "storage.s3_enabled")
	})
}

func TestEveryOperationIsThere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"ListBuckets", "CreateBucket", "HeadBucket", "DeleteBucket", "GetBucketLocation", "GetBucketVersioning", "PutObject", "GetObject", "HeadObject", "DeleteObject",
		"DeleteObjects", "CopyObject", "ListObjects", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "ListParts", "ListMultipartUploads", "CompleteMultipartUpload",
		"AbortMultipartUpload", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging", "GetObjectAttributes", "GetBucketAcl", "GetObjectAcl",
	} {
		require.Contains(t, s3.Operations(), name)
	}
}
