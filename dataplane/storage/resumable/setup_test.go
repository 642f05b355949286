package resumable_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/resumable"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

const (
	patience  = 30 * time.Second
	root      = "/upload/resumable"
	chunkType = "application/offset+octet-stream"
)

// bundle is a project with a bucket "files", where users have folders of their own, and workers that take uploads for it.
type bundle struct {
	*storagetest.Bundle
	redis   redis.UniversalClient
	prefix  string
	clock   *clock
	user    string
	token   string
	objects *objects
}

// clock goes when it is told to.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// objects lets a test come between an upload and its commit.
type objects struct {
	*object.Service
	before, after func(ctx context.Context) error
}

func (o *objects) Commit(ctx context.Context, session *projectdb.Session, t *object.Ticket, w blob.Written) (*object.Object, error) {
	if o.before != nil {
		if err := o.before(ctx); err != nil {
			return nil, err
		}
	}
	out, err := o.Service.Commit(ctx, session, t, w)
	if err == nil && o.after != nil {
		err = o.after(ctx)
	}
	return out, err
}

func both(t *testing.T, test func(t *testing.T, b *bundle)) {
	t.Helper()
	storagetest.Both(t, func(t *testing.T, base *storagetest.Bundle) { test(t, setup(base)) })
}

func setup(base *storagetest.Bundle) *bundle {
	base.T.Helper()
	b := &bundle{Bundle: base, clock: &clock{at: time.Now()}, objects: &objects{Service: base.Objects}}
	b.redis, b.prefix = testkit.Redis(base.T)
	b.Bucket("files", false)
	b.OwnFolders("files")
	b.user, b.token = b.User()
	b.Handler = b.worker()
	return b
}

func (b *bundle) service(change ...func(*resumable.Deps)) *resumable.Service {
	deps := resumable.Deps{
		Objects: b.objects, Blobs: b.Blobs, Queue: b.Queue, Redis: b.redis, Prefix: b.prefix, TempDir: b.T.TempDir(), Log: testkit.Logger(b.T), Now: b.clock.now,
	}
	for _, c := range change {
		c(&deps)
	}
	return resumable.New(deps)
}

// worker is a worker of its own.
func (b *bundle) worker(change ...func(*resumable.Deps)) http.Handler {
	rt := protocol.NewRouter(testkit.Logger(b.T))
	b.service(change...).Routes(rt)
	return rt
}

// on asks another worker.
func (b *bundle) on(h http.Handler) *bundle {
	base := *b.Bundle
	base.Handler = h
	out := *b
	out.Bundle = &base
	return &out
}

// serve lets a worker listen, for requests that break off.
func (b *bundle) serve(h http.Handler) string {
	other := b.on(h)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		other.Serve(w, r, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	}))
	b.T.Cleanup(server.Close)
	return server.URL
}

// metadata encodes pairs of keys and values.
func metadata(pairs ...string) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(out, ",")
}

// name is an object's name in the user's folder.
func (b *bundle) name(s string) string { return b.user + "/" + s }

// begin asks for an upload to the user's folder.
func (b *bundle) begin(name string, size int, headers ...string) storagetest.Answer {
	b.T.Helper()
	return b.Call("POST", root, b.token, nil, slices.Concat([]string{
		"Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(size),
		"Upload-Metadata", metadata("bucketName", "files", "objectName", b.name(name), "contentType", "text/plain"),
	}, headers)...)
}

// begun is begin, and the path of the upload.
func (b *bundle) begun(name string, size int, headers ...string) string {
	b.T.Helper()
	return b.path(b.begin(name, size, headers...))
}

// path is that of a new upload.
func (b *bundle) path(a storagetest.Answer) string {
	b.T.Helper()
	require.Equal(b.T, http.StatusCreated, a.Status, a.Text)
	path, ok := strings.CutPrefix(a.Header.Get("Location"), "/storage/v1")
	require.True(b.T, ok, a.Header)
	return path
}

// patch sends bytes.
func (b *bundle) patch(path string, offset int, body any, headers ...string) storagetest.Answer {
	b.T.Helper()
	return b.Call("PATCH", path, b.token, body, slices.Concat([]string{
		"Tus-Resumable", "1.0.0", "Content-Type", chunkType, "Upload-Offset", strconv.Itoa(offset),
	}, headers)...)
}

// patched is patch that goes well, and the new offset.
func (b *bundle) patched(path string, offset int, body any, headers ...string) int {
	b.T.Helper()
	a := b.patch(path, offset, body, headers...)
	require.Equal(b.T, http.StatusNoContent, a.Status, a.Text)
	next, err := strconv.Atoi(a.Header.Get("Upload-Offset"))
	require.NoError(b.T, err)
	return next
}

func (b *bundle) head(path string) storagetest.Answer {
	b.T.Helper()
	return b.Call("HEAD", path, b.token, nil, "Tus-Resumable", "1.0.0")
}

// offset is how far an upload is.
func (b *bundle) offset(path string) int {
	b.T.Helper()
	a := b.head(path)
	require.Equal(b.T, http.StatusOK, a.Status, a.Text)
	n, err := strconv.Atoi(a.Header.Get("Upload-Offset"))
	require.NoError(b.T, err)
	return n
}

func (b *bundle) terminate(path string) storagetest.Answer {
	b.T.Helper()
	return b.Call("DELETE", path, b.token, nil, "Tus-Resumable", "1.0.0")
}

// random makes bytes that are not alike.
func random(n int) []byte {
	source := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	out := make([]byte, n)
	_, _ = source.Read(out)
	return out
}

// has checks an object, and that nothing else is stored and no lease of an upload stays.
func (b *bundle) has(name string, want []byte) *object.Object {
	b.T.Helper()
	o, err := b.Objects.Find(b.T.Context(), b.Service(), "files", b.name(name))
	require.NoError(b.T, err)
	require.True(b.T, bytes.Equal(want, []byte(b.Read("files", b.name(name)))), "the object has other bytes than were sent")
	require.Equal(b.T, int64(len(want)), o.Metadata.Size)
	return o
}

// tidy checks that only some number of objects is stored, and nothing of uploads.
func (b *bundle) tidy(objects int) {
	b.T.Helper()
	require.Len(b.T, b.StoredKeys(), objects)
	require.Zero(b.T, b.underWay())
	require.Zero(b.T, storagetest.One[int](b.Bundle, "select count(*) from leases where worker = 'resumable'"))
}

// underWay is how many multipart uploads the object store has.
func (b *bundle) underWay() int {
	b.T.Helper()
	out, err := testkit.S3Client(b.S3).ListMultipartUploads(b.T.Context(), &s3.ListMultipartUploadsInput{Bucket: &b.Project.Bucket})
	require.NoError(b.T, err)
	return len(out.Uploads)
}

// id is the last part of an upload's path.
func id(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func sha1Of(data []byte) string {
	sum := sha1.Sum(data)
	return "sha1 " + base64.StdEncoding.EncodeToString(sum[:])
}

// torn is a body that ends with an error.
type torn struct {
	io.Reader
	err error
}

func (t torn) Read(b []byte) (int, error) {
	n, err := t.Reader.Read(b)
	if errors.Is(err, io.EOF) {
		err = t.err
	}
	return n, err
}

func (b *bundle) request(method, path string, headers ...string) *http.Request {
	r := httptest.NewRequestWithContext(b.T.Context(), method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}
