package blob_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// watched is a body that looks, as it is read, at how much the files have that this process holds open in a folder.
type watched struct {
	io.Reader
	t    *testing.T
	dir  string
	most int64
}

func (w *watched) Read(p []byte) (int, error) {
	links, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(w.t, err)
	sum := int64(0)
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && filepath.Dir(to) == w.dir {
			if info, err := os.Stat(link); err == nil {
				sum += info.Size()
			}
		}
	}
	w.most = max(w.most, sum)
	return w.Reader.Read(p[:min(len(p), 1<<20)])
}

// TestBodiesOfUnknownLength take no more of the disk than a piece, whatever their length.
func TestBodiesOfUnknownLength(t *testing.T) {
	t.Parallel()
	b := storagetest.New(t, false)
	dir := t.TempDir()
	store := blob.New(blob.Deps{Client: b.Blobs.Client(), Log: testkit.Logger(t), TempDir: dir, Queue: b.Queue, WorkerID: "test"})
	whole := bytes.Repeat([]byte("0123456789abcdef"), 40<<20/16)
	for _, size := range []int{0, 1, 64 << 10, 64<<10 + 1, 16<<20 - 1, 16 << 20, 16<<20 + 1, 32<<20 + 70<<10} {
		version, err := store.Lease(t.Context(), b.Service())
		require.NoError(t, err)
		body := &watched{Reader: bytes.NewReader(whole[:size]), t: t, dir: dir}
		written, err := store.Put(t.Context(), b.Project, version, body, -1, "text/plain")
		require.NoError(t, err, size)
		require.Equal(t, int64(size), written.Size)
		require.Equal(t, version, written.Version)
		require.LessOrEqual(t, body.most, int64(16<<20))
		if size < 16<<20 {
			sum := md5.Sum(whole[:size])
			require.Equal(t, hex.EncodeToString(sum[:]), written.ETag)
		}
		got, err := store.Get(t.Context(), b.Project, version, 0, -1)
		require.NoError(t, err)
		content, err := io.ReadAll(got)
		require.NoError(t, err)
		require.NoError(t, got.Close())
		require.True(t, bytes.Equal(whole[:size], content), size)
		require.NoError(t, store.Remove(t.Context(), b.Project, version))
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestBodiesOfUnknownLengthThatBreak leave nothing.
func TestBodiesOfUnknownLengthThatBreak(t *testing.T) {
	t.Parallel()
	b := storagetest.New(t, false)
	own := errors.New("too much")
	for _, size := range []int{10, 1 << 20, 16 << 20, 20 << 20, 40 << 20} {
		version, err := b.Blobs.Lease(t.Context(), b.Service())
		require.NoError(t, err)
		_, err = b.Blobs.Put(t.Context(), b.Project, version, io.MultiReader(bytes.NewReader(make([]byte, size)), failing{own}), -1, "text/plain")
		require.ErrorIs(t, err, own, size)
		require.Empty(t, b.StoredKeys())
		begun, err := b.Blobs.Client().ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &b.Project.Bucket})
		require.NoError(t, err)
		require.Empty(t, begun.Uploads)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestTheFolderOfTemporaryFilesIsAway is a time in which bodies of known length go on and others come again, and no defect.
func TestTheFolderOfTemporaryFilesIsAway(t *testing.T) {
	t.Parallel()
	b := storagetest.New(t, false)
	store := blob.New(blob.Deps{Client: b.Blobs.Client(), Log: testkit.Logger(t), TempDir: filepath.Join(t.TempDir(), "nothing"), Queue: b.Queue, WorkerID: "test"})
	whole := bytes.Repeat([]byte("0123456789abcdef"), 8<<10)
	put := func(size int64) error {
		version, err := store.Lease(t.Context(), b.Service())
		require.NoError(t, err)
		_, err = store.Put(t.Context(), b.Project, version, bytes.NewReader(whole), size, "text/plain")
		return err
	}
	require.NoError(t, put(int64(len(whole))))
	f := fault.From(put(-1))
	require.Equal(t, fault.Unavailable, f.Kind)
	require.Equal(t, "STORAGE_UNAVAILABLE", f.Reason)
	require.NotContains(t, f.Message, "nothing")
}
