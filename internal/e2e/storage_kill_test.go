package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRowsAndBytesAgreeWhateverDies kills workers and control planes, and restarts them, in the middle of a thousand operations on files by all three protocols.
// At the end every acknowledged one holds byte for byte, and the bucket, the tables and the count of what is used agree to the byte. It runs before the parallel
// tests.
func TestRowsAndBytesAgreeWhateverDies(t *testing.T) {
	in := install(t)
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			f := newFiles(t, in.signUp(t, "keeper").create(t, "Files", shared))
			const operations, clients = 500, 8
			var left atomic.Int64
			left.Store(operations)
			var work sync.WaitGroup
			keepers := make([]*keeper, clients)
			for i := range keepers {
				keepers[i] = &keeper{files: f, name: strconv.Itoa(i), random: rand.New(rand.NewPCG(uint64(i), 1)), sure: map[string][]byte{}, counts: map[string]int{}}
				work.Go(func() {
					for left.Add(-1) >= 0 {
						keepers[i].operate(t.Context())
					}
				})
			}
			stop := make(chan struct{})
			var others sync.WaitGroup
			others.Go(func() { f.letTimePass(t, stop) })
			others.Go(func() { f.killAndRestart(t, &left, operations) })
			work.Wait()
			close(stop)
			others.Wait()

			done := map[string]int{}
			unsure := 0
			for _, k := range keepers {
				unsure += len(k.unsure)
				for what, n := range k.counts {
					done[what] += n
				}
			}
			t.Logf("acknowledged: %v; %d answers were lost", done, unsure)
			for _, what := range []string{"upload", "upsert", "delete", "copy", "move", "TUS", "S3 in parts"} {
				require.Positive(t, done[what], what)
			}
			f.settle(t)
			for _, k := range keepers {
				k.requireAll(t)
			}
			f.requireAgreement(t)
		})
	}
}

// files is a project's bucket, and the ways to it.
type files struct {
	*project
	s3   *s3.Client
	conn *pgx.Conn // of the cluster's superuser
	jobs *pgx.Conn
	mu   sync.Mutex // over both
}

const keptBucket = "kept"

func newFiles(t *testing.T, p *project) *files {
	t.Helper()
	f := &files{project: p}
	var answer []byte
	require.Eventually(t, func() bool { // until both workers know the project
		status, _, err := f.request(t.Context(), http.MethodPost, "/bucket", []byte(`{"name":"`+keptBucket+`"}`), nil)
		return err == nil && status == http.StatusOK
	}, waitFor, tick)
	status, answer, err := f.request(t.Context(), http.MethodPost, "/s3-keys", []byte(`{"description":"test"}`), nil)
	require.NoError(t, err)
	require.Less(t, status, 300, string(answer))
	var key struct {
		ID     string `json:"access_key"`
		Secret string `json:"secret_key"`
	}
	require.NoError(t, json.Unmarshal(answer, &key))
	require.NotEmpty(t, key.Secret, string(answer))
	f.s3 = s3.New(s3.Options{
		BaseEndpoint: aws.String(p.pathURL + "/storage/v1/s3"), Region: "us-east-1", UsePathStyle: true, RetryMaxAttempts: 1, HTTPClient: httpClient,
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret, ""),
	})
	for database, conn := range map[string]**pgx.Conn{p.database(): &f.conn, "fluxbase_jobs": &f.jobs} {
		made, err := pgx.Connect(t.Context(), p.owner.in.postgres.URL(database))
		require.NoError(t, err)
		t.Cleanup(func() { _ = made.Close(context.Background()) })
		*conn = made
	}
	_, err = f.conn.Exec(t.Context(), "set search_path to "+pgx.Identifier{f.schema()}.Sanitize())
	require.NoError(t, err)
	return f
}

func (p *project) database() string {
	if p.shared {
		return "fluxbase_shared"
	}
	return p.ref
}

func (p *project) schema() string {
	if p.shared {
		return p.ref + "_storage"
	}
	return "storage"
}

// errNotSent tells that no worker was there to be asked, so that nothing has happened.
var errNotSent = errors.New("no worker listens")

// request asks as the service role.
func (f *files) request(ctx context.Context, method, path string, body []byte, header map[string]string) (int, []byte, error) {
	status, _, answer, err := f.exchange(ctx, method, path, body, header)
	return status, answer, err
}

func (f *files) exchange(ctx context.Context, method, path string, body []byte, header map[string]string) (int, http.Header, []byte, error) {
	for {
		status, answered, content, err := f.send(ctx, method, path, body, header)
		if status != http.StatusTooManyRequests {
			return status, answered, content, err
		}
		<-time.After(2 * tick) // the plan's rate
	}
}

func (f *files) send(ctx context.Context, method, path string, body []byte, header map[string]string) (int, http.Header, []byte, error) {
	at := path
	if strings.HasPrefix(path, "/") {
		at = f.pathURL + "/storage/v1" + path
	}
	r, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	r.Header.Set("apikey", f.secret)
	if strings.HasPrefix(string(body), "{") {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	answer, err := httpClient.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	if answer.StatusCode == http.StatusBadGateway && bytes.Contains(content, []byte("connection refused")) {
		return 0, nil, nil, errNotSent
	}
	return answer.StatusCode, answer.Header, content, err
}

func ok(status int, err error) bool { return err == nil && status >= 200 && status < 300 }

// killAndRestart kills as the operations go on.
func (f *files) killAndRestart(t *testing.T, left *atomic.Int64, operations int64) {
	in := f.owner.in
	for _, step := range []struct {
		after            int64 // percent
		workers, control []int
	}{{10, []int{0}, nil}, {25, []int{1}, nil}, {40, nil, []int{0}}, {55, []int{0, 1}, nil}, {70, []int{1}, []int{1}}, {85, []int{0}, []int{0}}} {
		for left.Load() > operations*(100-step.after)/100 {
			<-time.After(tick)
		}
		for _, i := range step.workers {
			in.workers[i].kill()
		}
		for _, i := range step.control {
			in.control[i].kill()
		}
		for _, i := range step.control {
			require.NoError(t, in.startControl(i))
		}
		for _, i := range step.workers {
			require.NoError(t, in.startWorker(i))
		}
	}
}

// sql changes the project's storage behind Fluxbase's back.
func (f *files) sql(t *testing.T, statements ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range statements {
		_, err := f.conn.Exec(context.Background(), s)
		require.NoError(t, err, s)
	}
}

// hurry makes what is to be removed due, and the jobs too.
func (f *files) hurry(t *testing.T) {
	t.Helper()
	f.sql(t, "update outbox set created_at = now() where kind = 'remove' and created_at > now() and failed_at is null")
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.jobs.Exec(context.Background(), "update river_job set state = 'available', scheduled_at = now() where state in ('scheduled', 'retryable')")
	require.NoError(t, err)
}

// letTimePass has bytes removed while the operations go on, a minute earlier than they would be.
func (f *files) letTimePass(t *testing.T, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(10 * tick):
			f.hurry(t)
		}
	}
}

// settle lets the days pass that it takes until everything is due which was left for later, and waits for it to be done.
func (f *files) settle(t *testing.T) {
	t.Helper()
	list, err := f.s3.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String(keptBucket)})
	require.NoError(t, err)
	for _, u := range list.Uploads { // of clients that did not hear of their beginning, or went on no more
		_, err := f.s3.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: aws.String(keptBucket), Key: u.Key, UploadId: u.UploadId})
		if err != nil { // a worker died that completed it, and holds it for a minute; here its row is lost, and the end of its lease is all that is left
			require.Regexp(t, "SlowDown|NoSuchUpload", err.Error())
		}
	}
	f.sql(t, "delete from s3_multipart_uploads")
	settled := assert.Eventually(t, func() bool {
		f.sql(t,
			"update resumable_uploads set expires_at = now() - interval '1 second', state = state - 'finishing'",
			"update blobs set removing_at = removing_at - interval '1 hour' where removing_at is not null",
			"update outbox set created_at = now() where kind <> 'reconcile' and created_at > now() and failed_at is null")
		f.hurry(t)
		f.mu.Lock()
		defer f.mu.Unlock()
		// Jobs that a dead worker had begun are begun anew after some minutes.
		_, err := f.jobs.Exec(t.Context(), "update river_job set state = 'available', scheduled_at = now() where state = 'running' and attempted_at < now() - interval '3 seconds'")
		require.NoError(t, err)
		var left int
		require.NoError(t, f.conn.QueryRow(t.Context(), `select (select count(*) from outbox where kind <> 'reconcile') + (select count(*) from removals)
			+ (select count(*) from leases) + (select count(*) from resumable_uploads) + (select count(*) from s3_multipart_uploads)`).Scan(&left))
		return left == 0
	}, 2*waitFor, 10*tick)
	require.True(t, settled, "what was left for later is not done: %s\n%s", f.left(t), f.owner.in.workers[0].output())
}

// left tells what settle waits for.
func (f *files) left(t *testing.T) (out string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	require.NoError(t, f.conn.QueryRow(t.Context(), `select coalesce((select string_agg(kind || ' ' || payload || ' ' || last_error, e'\n') from outbox), '')`).Scan(&out))
	return out
}

// requireAll reads every file.
func (k *keeper) requireAll(t *testing.T) {
	t.Helper()
	for name, want := range k.sure {
		require.True(t, bytes.Equal(want, k.read(t, name)), "%s was acknowledged", name)
	}
	for _, ways := range k.unsure {
		matches := func(way map[string][]byte) bool {
			for name, want := range way {
				got := k.read(t, name)
				if (got == nil) != (want == nil) || !bytes.Equal(got, want) {
					return false
				}
			}
			return true
		}
		ok := false
		for _, way := range ways {
			ok = ok || matches(way)
		}
		require.True(t, ok, "neither as before nor as after")
	}
}

// read returns a file's bytes, or nil where there is none.
func (k *keeper) read(t *testing.T, name string) []byte {
	t.Helper()
	status, content, err := k.request(t.Context(), http.MethodGet, "/object/"+keptBucket+"/"+escape(name), nil, nil)
	require.NoError(t, err)
	if status == http.StatusOK {
		return append([]byte{}, content...)
	}
	require.Contains(t, string(content), "NoSuchKey", "%s: %d", name, status)
	return nil
}

// requireAgreement compares the bucket itself with the tables.
func (f *files) requireAgreement(t *testing.T) {
	t.Helper()
	store := f.owner.in.store.client()
	bucket := aws.String(f.bucket(t))
	keys := map[string]int64{}
	pages := s3.NewListObjectsV2Paginator(store, &s3.ListObjectsV2Input{Bucket: bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for _, o := range page.Contents {
			keys[*o.Key] = *o.Size
		}
	}
	query := func(sql string) map[string]int64 {
		out := map[string]int64{}
		rows, err := f.conn.Query(t.Context(), sql)
		require.NoError(t, err)
		var key string
		var size int64
		_, err = pgx.ForEachRow(rows, []any{&key, &size}, func() error { out[key] = size; return nil })
		require.NoError(t, err)
		return out
	}
	require.Equal(t, keys, query("select 'objects/' || version, size from blobs"), "what is in the bucket is counted, and nothing else")
	require.Equal(t, keys, query("select distinct 'objects/' || version, (metadata ->> 'size')::bigint from objects"), "and belongs to an object")
	var used, sum int64
	require.NoError(t, f.conn.QueryRow(t.Context(), "select (select bytes from used()), (select coalesce(sum(size), 0)::bigint from blobs)").Scan(&used, &sum))
	require.Equal(t, sum, used)
	uploads, err := store.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: bucket})
	require.NoError(t, err)
	require.Empty(t, uploads.Uploads, "no parts are left")
	status, answer, err := f.request(t.Context(), http.MethodPost, "/reconcile", []byte("{}"), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	var report struct {
		Problems []any            `json:"problems"`
		Checked  map[string]int64 `json:"checked"`
	}
	require.NoError(t, json.Unmarshal(answer, &report))
	require.Empty(t, report.Problems, "the reconciler sees the same")
	require.Equal(t, int64(len(keys)), report.Checked["keys"])
}

// bucket is the project's own bucket of the object store.
func (f *files) bucket(t *testing.T) string {
	t.Helper()
	list, err := f.owner.in.store.client().ListBuckets(t.Context(), &s3.ListBucketsInput{})
	require.NoError(t, err)
	for _, b := range list.Buckets {
		if strings.HasSuffix(*b.Name, f.ref) {
			return *b.Name
		}
	}
	require.Fail(t, "the project has no bucket")
	return ""
}

// client speaks to the object store itself.
func (s *store) client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &s.url, Region: "us-east-1", UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(s.key, s.secret, ""),
	})
}
