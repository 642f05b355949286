// Package storagetest makes real projects for the tests of storage: in both isolations, with a bucket on a real object store, the jobs running, and
// storage's domains wired as on a worker.
package storagetest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob/hot"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob/wire"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/egress"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// Bundle is a project with storage's domains.
type Bundle struct {
	T        testing.TB
	Snapshot *directoryv1.Snapshot
	Project  *directory.Project
	Keys     testkit.Keys
	Door     *projectdb.Door
	S3       config.S3
	// Queue runs once Run is called. Its items find the bundle's project.
	Queue   *outbox.Queue
	Blobs   *blob.Store
	Objects *object.Service
	// Egress lets loopback through, as in development.
	Egress *egress.Guard
	// Handler answers Do: whatever the test mounts.
	Handler http.Handler
	current *atomic.Pointer[directory.Project]
}

// Both runs a test over both isolations.
func Both(t *testing.T, test func(t *testing.T, b *Bundle)) {
	t.Helper()
	t.Parallel()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, New(t, shared))
		})
	}
}

// New makes a bundle.
func New(t testing.TB, shared bool) *Bundle {
	t.Helper()
	store := testkit.S3(t)
	snapshot := testkit.Project(t, shared)
	snapshot.Placement.Bucket = store.BucketPrefix + snapshot.GetRef()
	_, err := testkit.S3Client(store).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &snapshot.Placement.Bucket})
	require.NoError(t, err)
	project, err := directory.FromSnapshot(snapshot)
	require.NoError(t, err)
	door := projectdb.New(projectdb.Deps{Log: testkit.Logger(t), Metrics: prometheus.NewRegistry(), MaxConnections: 16})
	t.Cleanup(func() { require.NoError(t, door.Close(context.Background())) })
	b := &Bundle{T: t, Snapshot: snapshot, Project: project, Keys: testkit.ProjectKeys(t, snapshot), Door: door, S3: store, current: &atomic.Pointer[directory.Project]{}}
	b.current.Store(project)
	b.Egress = egress.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")})
	b.Queue, err = outbox.New(outbox.Deps{
		URL: testkit.Jobs(t), Projects: projects{b.current}, Binder: door, Log: testkit.Logger(t), Grace: time.Second, Again: time.Second, Retry: 50 * time.Millisecond, Drain: time.Second,
	})
	require.NoError(t, err)
	moving, err := wire.New(store)
	require.NoError(t, err)
	b.Blobs = blob.New(blob.Deps{Client: blob.NewClient(store), Wire: moving, Memory: hot.New(hot.Deps{Budget: 32 << 20, Most: hot.MostInMemory}), Disk: hot.New(hot.Deps{Budget: 64 << 20, Dir: t.TempDir()}), Log: testkit.Logger(t), Queue: b.Queue, WorkerID: "test", TempDir: t.TempDir()})
	b.Objects = object.New(object.Deps{Blobs: b.Blobs, Queue: b.Queue, Log: testkit.Logger(t)})
	return b
}

type projects struct {
	current *atomic.Pointer[directory.Project]
}

// ByRef finds the one project.
func (p projects) ByRef(_ context.Context, ref string) (*directory.Project, error) {
	if known := p.current.Load(); known.Ref == ref {
		return known, nil
	}
	return nil, directory.ErrNotFound
}

// Run carries out what is in the outbox until the test's end. Register handlers first.
func (b *Bundle) Run() {
	b.T.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Queue.Run(ctx) }()
	b.T.Cleanup(func() { stop(); require.NoError(b.T, <-done) })
}

// With returns the same project with settings changed: values are JSON. The outbox's items see the change too.
func (b *Bundle) With(settings map[string]string) *Bundle {
	b.T.Helper()
	changed := *b.Project
	changed.Settings = testkit.Settings(b.T, b.Project.Settings, settings)
	return b.changed(&changed)
}

// Limited returns the same project with other limits.
func (b *Bundle) Limited(limits directory.Limits) *Bundle {
	changed := *b.Project
	changed.Limits = limits
	return b.changed(&changed)
}

func (b *Bundle) changed(p *directory.Project) *Bundle {
	b.current.Store(p)
	out := *b
	out.Project = p
	return &out
}

// Caller makes the session of a role, and for authenticated of a user.
func (b *Bundle) Caller(role, subject string) *projectdb.Session {
	claims, err := json.Marshal(map[string]any{"role": role, "sub": subject, "aud": role})
	require.NoError(b.T, err)
	return b.Door.Bind(b.Project, projectdb.Caller{Role: role, Claims: claims, Subject: subject})
}

// Service is the session of the service role, Anon that of nobody.
func (b *Bundle) Service() *projectdb.Session { return b.Caller("service_role", "") }

// Anon is the session of nobody in particular.
func (b *Bundle) Anon() *projectdb.Session { return b.Caller("anon", "") }

// User makes a user's id and access token.
func (b *Bundle) User() (id, token string) {
	id = uuid.NewString()
	return id, testkit.UserToken(b.T, b.Snapshot, map[string]any{"sub": id})
}

// Owner runs SQL as the project's owner, as its developers do: policies, triggers. {storage} stands for the physical schema storage, {public}, {auth} alike,
// {anon}, {authenticated}, {service_role} for the roles.
func (b *Bundle) Owner(sql string, args ...any) {
	b.T.Helper()
	p := b.Project
	options, err := pgx.ParseConfig("sslmode=disable")
	require.NoError(b.T, err)
	options.Host, options.Port, options.Database, options.User, options.Password = p.Host, uint16(p.Port), p.Database, p.Owner.User, p.Owner.Password
	conn, err := pgx.ConnectConfig(b.T.Context(), options)
	require.NoError(b.T, err)
	defer func() { require.NoError(b.T, conn.Close(context.Background())) }()
	_, err = conn.Exec(b.T.Context(), b.Physical(sql), args...)
	require.NoError(b.T, err, sql)
}

// Physical puts physical names into SQL.
func (b *Bundle) Physical(sql string) string {
	p := b.Project
	var pairs []string
	for _, schema := range []string{"storage", "public", "auth", "extensions"} {
		pairs = append(pairs, "{"+schema+"}", `"`+p.Schema(schema)+`"`)
	}
	for _, role := range []string{"anon", "authenticated", "service_role"} {
		pairs = append(pairs, "{"+role+"}", `"`+p.Role(role)+`"`)
	}
	return strings.NewReplacer(pairs...).Replace(sql)
}

// Bucket makes a bucket.
func (b *Bundle) Bucket(id string, public bool) {
	b.T.Helper()
	b.Owner("insert into {storage}.buckets (id, name, public) values ($1, $1, $2)", id, public)
}

// OwnFolders lets users do everything in folders of a bucket that are named by their ids, as Supabase's examples do, and nobody anything else.
func (b *Bundle) OwnFolders(bucket string) {
	b.T.Helper()
	b.Owner(`create policy "own ` + bucket + `" on {storage}.objects to {authenticated}
		using (bucket_id = '` + bucket + `' and ({storage}.foldername(name))[1] = (select auth.uid())::text)
		with check (bucket_id = '` + bucket + `' and ({storage}.foldername(name))[1] = (select auth.uid())::text)`)
}

// Put uploads an object as the service role.
func (b *Bundle) Put(bucket, name, content string) *object.Object {
	b.T.Helper()
	out, err := b.Objects.Upload(b.T.Context(), b.Service(), object.Target{Bucket: bucket, Name: name, Size: int64(len(content)), MimeType: "text/plain", Upsert: true},
		strings.NewReader(content))
	require.NoError(b.T, err)
	return out
}

// Read returns an object's bytes.
func (b *Bundle) Read(bucket, name string) string {
	b.T.Helper()
	o, err := b.Objects.Find(b.T.Context(), b.Service(), bucket, name)
	require.NoError(b.T, err)
	body, err := b.Objects.Open(b.T.Context(), b.Service(), o, 0, -1)
	require.NoError(b.T, err)
	defer func() { require.NoError(b.T, body.Close()) }()
	content, err := io.ReadAll(body)
	require.NoError(b.T, err)
	return string(content)
}

// StoredKeys lists the keys of the project's bucket.
func (b *Bundle) StoredKeys() []string {
	b.T.Helper()
	var out []string
	pages := s3.NewListObjectsV2Paginator(testkit.S3Client(b.S3), &s3.ListObjectsV2Input{Bucket: &b.Project.Bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(b.T.Context())
		require.NoError(b.T, err)
		for _, o := range page.Contents {
			out = append(out, *o.Key)
		}
	}
	return out
}

// One reads one value of the service's own tables.
func One[T any](b *Bundle, sql string, args ...any) (out T) {
	b.T.Helper()
	require.NoError(b.T, b.Service().InService(b.T.Context(), "storage", func(tx pgx.Tx) error { return tx.QueryRow(b.T.Context(), sql, args...).Scan(&out) }))
	return out
}

// Answer is an answer to a request.
type Answer struct {
	Status int
	Header http.Header
	Text   string
	Body   map[string]any
}

// Str is a string of the body, or "".
func (a Answer) Str(key string) string { s, _ := a.Body[key].(string); return s }

// Secret is a bearer with the service role.
const Secret = "service_role"

// Call sends a request to Handler as the gateway does: a bearer token verified, the session bound. Bearer may be "" for anon or Secret. Body is a
// string, bytes, a reader, or is encoded as JSON. Headers are pairs.
func (b *Bundle) Call(method, path, bearer string, body any, headers ...string) Answer {
	b.T.Helper()
	var reader io.Reader
	kind := ""
	switch v := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(v)
	case []byte:
		reader = bytes.NewReader(v)
	case io.Reader:
		reader = v
	default:
		encoded, err := json.Marshal(v)
		require.NoError(b.T, err)
		reader, kind = bytes.NewReader(encoded), "application/json"
	}
	r := httptest.NewRequestWithContext(b.T.Context(), method, path, reader)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.Do(r, bearer)
}

// Do is Call for a request that is made already.
func (b *Bundle) Do(r *http.Request, bearer string) Answer {
	b.T.Helper()
	w := httptest.NewRecorder()
	b.Serve(w, r, bearer)
	out := Answer{Status: w.Code, Header: w.Header(), Text: w.Body.String()}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && strings.HasPrefix(out.Text, "{") {
		require.NoError(b.T, json.Unmarshal(w.Body.Bytes(), &out.Body), out.Text)
	}
	return out
}

// Serve binds the session to a request and hands it to Handler.
func (b *Bundle) Serve(w http.ResponseWriter, r *http.Request, bearer string) {
	caller := projectdb.Caller{Role: "anon", Claims: json.RawMessage(`{"role":"anon"}`)}
	switch bearer {
	case "":
	case Secret:
		caller = projectdb.Caller{Role: "service_role", Claims: json.RawMessage(`{"role":"service_role"}`)}
	default:
		r.Header.Set("Authorization", "Bearer "+bearer)
		verified, err := b.Project.Verifier.Verify(bearer, time.Now())
		require.NoError(b.T, err)
		caller = projectdb.Caller{Role: verified.Role, Claims: verified.JSON, Subject: verified.Subject, SessionID: verified.SessionID}
	}
	b.Handler.ServeHTTP(w, r.WithContext(projectdb.NewContext(r.Context(), b.Door.Bind(b.Project, caller))))
}
