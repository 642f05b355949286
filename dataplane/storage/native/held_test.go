package native_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// held reads a file until a worker holds it, and takes its bytes from the object store: what is read from now on comes from memory.
func (s *scene) held(t *testing.T, path, name string) {
	t.Helper()
	for range 2 {
		ok(t, s.Call("GET", path, s.mine, nil))
	}
	o, err := s.Objects.Find(t.Context(), s.Service(), "private", name)
	require.NoError(t, err)
	key, err := blob.Key(o.Version)
	require.NoError(t, err)
	_, err = testkit.S3Client(s.S3).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &s.Project.Bucket, Key: &key})
	require.NoError(t, err)
}

// TestHeldFilesAreReadByTheRules: whatever a worker holds in memory, the project's policies are asked each time, and the row tells what is read.
func TestHeldFilesAreReadByTheRules(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		name := s.folder + "a.txt"
		path := "/object/private/" + name
		const first, second = "the first text", "a second one"
		ok(t, s.Call("POST", path, s.mine, first, "Content-Type", "text/plain"))
		s.held(t, path, name)

		a := ok(t, s.Call("GET", path, s.mine, nil))
		require.Equal(t, first, a.Text)
		require.Equal(t, "14", a.Header.Get("Content-Length"))
		for asked, want := range map[string]string{"bytes=4-8": "first", "bytes=-4": "text", "bytes=10-": "text", "bytes=0-99": first} {
			a := s.Call("GET", path, s.mine, nil, "Range", asked)
			require.Equal(t, 206, a.Status, asked)
			require.Equal(t, want, a.Text, asked)
		}
		require.Equal(t, 416, s.Call("GET", path, s.mine, nil, "Range", "bytes=14-").Status)
		require.Equal(t, 304, s.Call("GET", path, s.mine, nil, "If-None-Match", a.Header.Get("Etag")).Status)
		require.Equal(t, 412, s.Call("GET", path, s.mine, nil, "If-Match", `"x"`).Status)
		head := ok(t, s.Call("HEAD", path, s.mine, nil))
		require.Empty(t, head.Text)

		for _, bearer := range []string{"", s.other} {
			refuses(t, s.Call("GET", path, bearer, nil), 400, "404", "NoSuchKey")
			refuses(t, s.Call("GET", path, bearer, nil, "Range", "bytes=0-3"), 400, "404", "NoSuchKey")
		}
		s.Owner(`alter policy "own private" on {storage}.objects using (false)`)
		refuses(t, s.Call("GET", path, s.mine, nil), 400, "404", "NoSuchKey")
		require.Equal(t, first, ok(t, s.Call("GET", path, storagetest.Secret, nil)).Text)
		s.Owner(`alter policy "own private" on {storage}.objects using (true)`)

		ok(t, s.Call("PUT", path, s.mine, second, "Content-Type", "text/plain"))
		require.Equal(t, second, ok(t, s.Call("GET", path, s.mine, nil)).Text, "what changed is read at once")
		s.held(t, path, name)
		require.Equal(t, second, ok(t, s.Call("GET", path, s.mine, nil)).Text)

		ok(t, s.Call("DELETE", path, s.mine, nil))
		refuses(t, s.Call("GET", path, s.mine, nil), 400, "404", "NoSuchKey")
	})
}

// TestHeldFilesEndWithTheirBytes: what is removed from the object store is held no longer, though a row should name it.
func TestHeldFilesEndWithTheirBytes(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		name := s.folder + "a.txt"
		path := "/object/private/" + name
		ok(t, s.Call("POST", path, s.mine, "text"))
		s.held(t, path, name)
		o, err := s.Objects.Find(t.Context(), s.Service(), "private", name)
		require.NoError(t, err)
		require.NoError(t, s.Blobs.Remove(t.Context(), s.Project, o.Version))
		refuses(t, s.Call("GET", path, s.mine, nil), 400, "404", "NoSuchKey")
	})
}

// TestHeldFilesAreOfTheirProject: a row may name any version, also one that another project's file has, of which nothing is given.
func TestHeldFilesAreOfTheirProject(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		name := s.folder + "a.txt"
		path := "/object/private/" + name
		ok(t, s.Call("POST", path, s.mine, "text"))
		s.held(t, path, name)
		o, err := s.Objects.Find(t.Context(), s.Service(), "private", name)
		require.NoError(t, err)

		other := storagetest.New(t, false)
		other.Objects = s.Objects // one worker serves both
		hostile := setup(t, other)
		hostile.Owner(`insert into {storage}.objects (bucket_id, name, version, metadata) values ('private', $1, $2, '{"size": 4, "mimetype": "text/plain"}')`,
			hostile.folder+"theirs", o.Version)
		for range 3 {
			refuses(t, hostile.Call("GET", "/object/private/"+hostile.folder+"theirs", hostile.mine, nil), 400, "404", "NoSuchKey")
		}
	})
}
