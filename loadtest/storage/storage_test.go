package storage

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/config"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/loadtest/worker"
)

const bucket = "files"

// rounds of each side, in turn; the median counts.
const rounds = 5

// stage is a worker with one project, and the store beside it.
type stage struct {
	snapshot *directoryv1.Snapshot
	keys     testkit.Keys
	url      string
	pid      int
	// through goes through Fluxbase, straight to the store.
	through, straight *s3.Client
	beside            string // the store's bucket for what goes straight
}

func newStage(b *testing.B) *stage {
	store := testkit.S3(b)
	snapshot := testkit.Project(b, false)
	snapshot.Placement.Bucket = store.BucketPrefix + snapshot.GetRef()
	snapshot.Settings["storage.file_size_limit"] = "5368709120"
	s := &stage{snapshot: snapshot, keys: testkit.ProjectKeys(b, snapshot), straight: client(store.Endpoint, store.AccessKey, store.SecretKey.Reveal(), ""), beside: store.BucketPrefix + "beside"}
	for _, name := range []string{snapshot.Placement.Bucket, s.beside} {
		_, err := s.straight.CreateBucket(b.Context(), &s3.CreateBucketInput{Bucket: &name})
		require.NoError(b, err)
	}
	if os.Getenv("FLUXBASE_BENCH_IN_PROCESS") != "" { // for profiles
		s.url, s.pid = worker.Start(b, snapshot, func(c *config.Config) { c.S3 = store }), os.Getpid()
	} else {
		s.url, s.pid = worker.Process(b, snapshot, store)
	}
	s.through = client(s.url+"/p/"+snapshot.GetRef()+"/storage/v1/s3", snapshot.GetRef(), snapshot.GetAnonKey(), s.keys.ServiceRole)
	require.Equal(b, http.StatusOK, s.call(b, http.MethodPost, "/bucket", strings.NewReader(`{"id":"files","name":"files"}`), "application/json"))
	return s
}

// client is the same for both sides.
func client(endpoint, key, secret, session string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1", UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(key, secret, session), RetryMaxAttempts: 1,
		HTTPClient: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	})
}

// call speaks Supabase Storage's own protocol.
func (s *stage) call(b *testing.B, method, path string, body io.Reader, kind string) int {
	r, err := http.NewRequestWithContext(b.Context(), method, s.url+"/p/"+s.snapshot.GetRef()+"/storage/v1"+path, body)
	require.NoError(b, err)
	r.Header.Set("Authorization", "Bearer "+s.keys.ServiceRole)
	r.Header.Set("Content-Type", kind)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(b, err)
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(b, err)
	require.NoError(b, answer.Body.Close())
	return answer.StatusCode
}

func put(ctx context.Context, c *s3.Client, bucket, key string, content []byte) error {
	_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(content)})
	return err
}

func get(ctx context.Context, c *s3.Client, bucket, key string, size int) error {
	out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, out.Body)
	if err == nil && n != int64(size) {
		err = fmt.Errorf("%d bytes of %d", n, size)
	}
	return errors.Join(err, out.Body.Close())
}

// rate does work on so many connections for a time, and returns how often a second it was done.
func rate(b *testing.B, connections int, length time.Duration, work func(n int) error) float64 {
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	var done atomic.Int64
	began := time.Now()
	for range connections {
		all.Go(func() {
			for time.Since(began) < length {
				if err := work(int(done.Add(1))); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		require.NoError(b, *err)
	}
	return float64(done.Load()) / time.Since(began).Seconds()
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func roundTime() time.Duration {
	if seconds, err := strconv.ParseFloat(os.Getenv("FLUXBASE_BENCH_SECONDS"), 64); err == nil {
		return time.Duration(seconds * float64(time.Second))
	}
	return 2 * time.Second
}

// BenchmarkRatio compares uploads and downloads through Fluxbase with those straight at the store. "get" is of one file, which a worker holds in memory when it
// is small; "get-many" goes round more files than it holds.
func BenchmarkRatio(b *testing.B) {
	s := newStage(b)
	var fresh atomic.Int64
	for _, size := range []struct {
		name                     string
		bytes, connections, many int
	}{{"10 kB", 10_000, 16, 3000}, {"1 MB", 1_000_000, 1, 40}, {"1 MB by 8", 1_000_000, 8, 40}, {"100 MB", 100_000_000, 1, 0}, {"100 MB by 2", 100_000_000, 2, 0}} {
		content := make([]byte, size.bytes)
		_, _ = rand.Read(content)
		b.Run(size.name, func(b *testing.B) {
			for b.Loop() {
				s.compare(b, "put", size.connections, func(c *s3.Client, bucket string, n int) error {
					name := fmt.Sprintf("%d/put-%d", size.bytes, n%20)
					if size.bytes < 1_000_000 { // new ones; of the large ones there is no room for so many
						name = fmt.Sprintf("%d/put-%d", size.bytes, fresh.Add(1))
					}
					return put(b.Context(), c, bucket, name, content)
				})
				for side, name := range map[*s3.Client]string{s.straight: s.beside, s.through: bucket} {
					require.NoError(b, put(b.Context(), side, name, "read-"+size.name, content))
					for n := range size.many {
						require.NoError(b, put(b.Context(), side, name, fmt.Sprintf("%s/many-%d", size.name, n), content))
					}
				}
				s.compare(b, "get", size.connections, func(c *s3.Client, bucket string, _ int) error {
					return get(b.Context(), c, bucket, "read-"+size.name, size.bytes)
				})
				if size.many > 0 {
					s.compare(b, "get-many", size.connections, func(c *s3.Client, bucket string, n int) error {
						return get(b.Context(), c, bucket, fmt.Sprintf("%s/many-%d", size.name, n%size.many), size.bytes)
					})
				}
			}
		})
	}
}

// BenchmarkNative compares small files by the requests that storage-js sends, as the service role and as a user whom policies hold, with the S3 client straight at
// the store. Beside S3's, such a request carries no signature.
func BenchmarkNative(b *testing.B) {
	const size, connections = 10_000, 16
	s := newStage(b)
	s.owner(b, `create policy own on storage.objects to authenticated using (bucket_id = 'files' and (storage.foldername(name))[1] = (select auth.uid())::text)
		with check (bucket_id = 'files' and (storage.foldername(name))[1] = (select auth.uid())::text)`)
	user := uuid.NewString()
	content := make([]byte, size)
	_, _ = rand.Read(content)
	require.NoError(b, put(b.Context(), s.straight, s.beside, "read", content))
	var fresh atomic.Int64
	for name, c := range map[string]struct{ key, token string }{
		"service role": {s.keys.ServiceRole, s.keys.ServiceRole},
		"user":         {s.keys.Publishable, testkit.UserToken(b, s.snapshot, map[string]any{"sub": user})},
	} {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		ask := func(method, path string, body []byte) error {
			r, err := http.NewRequestWithContext(b.Context(), method, s.url+"/p/"+s.snapshot.GetRef()+"/storage/v1/object/files/"+user+"/"+path, bytes.NewReader(body))
			if err != nil {
				return err
			}
			r.Header.Set("Apikey", c.key)
			r.Header.Set("Authorization", "Bearer "+c.token)
			r.Header.Set("Content-Type", "application/octet-stream")
			answer, err := client.Do(r)
			if err != nil {
				return err
			}
			n, err := io.Copy(io.Discard, answer.Body)
			if err == nil && (answer.StatusCode != http.StatusOK || method == http.MethodGet && n != size) {
				err = fmt.Errorf("%s %s: %d, %d bytes", method, path, answer.StatusCode, n)
			}
			return errors.Join(err, answer.Body.Close())
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s.inTurn(b, "put", connections,
					func(int) error {
						return put(b.Context(), s.straight, s.beside, fmt.Sprintf("put-%d", fresh.Add(1)), content)
					},
					func(int) error { return ask(http.MethodPost, fmt.Sprintf("put-%d", fresh.Add(1)), content) })
				read := fmt.Sprintf("read-%d", fresh.Add(1))
				require.NoError(b, ask(http.MethodPost, read, content))
				s.inTurn(b, "get", connections,
					func(int) error { return get(b.Context(), s.straight, s.beside, "read", size) },
					func(int) error { return ask(http.MethodGet, read, nil) })
			}
		})
	}
}

// owner runs SQL as the project's owner.
func (s *stage) owner(b *testing.B, statements ...string) {
	owner := s.snapshot.GetPlacement().GetOwner()
	admin, err := pgx.ParseConfig(testkit.AdminURL(b))
	require.NoError(b, err)
	admin.User, admin.Password, admin.Database = owner.GetUser(), owner.GetPassword(), s.snapshot.GetPlacement().GetDatabase()
	conn, err := pgx.ConnectConfig(b.Context(), admin)
	require.NoError(b, err)
	for _, sql := range statements {
		_, err = conn.Exec(b.Context(), sql)
		require.NoError(b, err)
	}
	require.NoError(b, conn.Close(b.Context()))
}

// compare does the same work on both sides.
func (s *stage) compare(b *testing.B, what string, connections int, work func(c *s3.Client, bucket string, n int) error) {
	s.inTurn(b, what, connections, func(n int) error { return work(s.straight, s.beside, n) }, func(n int) error { return work(s.through, bucket, n) })
}

// inTurn runs both sides in turn, and reports the ratio of their medians.
func (s *stage) inTurn(b *testing.B, what string, connections int, atStore, atWorker func(n int) error) {
	var straight, through, spent []float64
	for range rounds {
		straight = append(straight, rate(b, connections, roundTime(), atStore))
		var done atomic.Int64 // about: the last to begin
		before := spentBy(b, s.pid)
		through = append(through, rate(b, connections, roundTime(), func(n int) error { done.Store(int64(n)); return atWorker(n) }))
		spent = append(spent, float64((spentBy(b, s.pid)-before).Microseconds())/1000/float64(done.Load()))
	}
	b.ReportMetric(median(spent), what+"-worker-cpu-ms")
	b.ReportMetric(median(through), what+"/s")
	b.ReportMetric(median(straight), what+"-straight/s")
	b.ReportMetric(median(through)/median(straight), what+"-ratio")
}

// BenchmarkList lists a folder of 1,000 objects among 1,000,000, as a user whom a policy shows them.
func BenchmarkList(b *testing.B) {
	s := newStage(b)
	s.owner(b,
		`alter table storage.objects disable trigger user`,
		`insert into storage.objects (bucket_id, name, version, metadata)
			select 'files', 'folder-' || f || '/file-' || n || '.txt', 'v', '{"eTag": "\"x\"", "size": 10, "mimetype": "text/plain", "cacheControl": "no-cache"}'
			from generate_series(1, 1000) f, generate_series(1, 1000) n`,
		`alter table storage.objects enable trigger user`, `analyze storage.objects`,
		`create policy everyone on storage.objects for select to authenticated using (bucket_id = 'files' and auth.uid() is not null)`)
	token := testkit.UserToken(b, s.snapshot, nil)
	body := `{"prefix":"folder-500","limit":1000,"offset":0,"sortBy":{"column":"name","order":"asc"}}`
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, s.url+"/p/"+s.snapshot.GetRef()+"/storage/v1/object/list/files", strings.NewReader(body))
		require.NoError(b, err)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Apikey", s.keys.Publishable)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(b, err)
		text, err := io.ReadAll(answer.Body)
		require.NoError(b, err)
		require.NoError(b, answer.Body.Close())
		require.Equal(b, 1000, bytes.Count(text, []byte(`"name":"file-`)), string(text[:min(300, len(text))]))
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
}

// resident is what a process holds of memory, in bytes.
func resident(b *testing.B, pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err, "memory is read from /proc, on Linux")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			require.NoError(b, err)
			return kilobytes << 10
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

// spentBy is the processor time that a process has taken, by the hundredth of a second.
func spentBy(b *testing.B, pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(b, err, "processor time is read from /proc, on Linux")
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	require.NoError(b, err)
	system, err := strconv.Atoi(fields[12])
	require.NoError(b, err)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// BenchmarkMemory moves files of 100 MB by 50 clients at once, up and down, by both protocols, and reports how far the worker grew over its idle size.
func BenchmarkMemory(b *testing.B) {
	const clients, size = 50, 100_000_000
	s := newStage(b)
	content := make([]byte, size)
	_, _ = rand.Read(content)
	require.NoError(b, put(b.Context(), s.through, bucket, "warm", content[:1000]))
	idle := resident(b, s.pid)
	for name, work := range map[string]func(n int) error{
		"upload":      func(n int) error { return s.native(b, http.MethodPost, n, content) },
		"upload-s3":   func(n int) error { return put(b.Context(), s.through, bucket, fmt.Sprintf("s3-%d", n), content) },
		"download-s3": func(int) error { return get(b.Context(), s.through, bucket, "large", size) },
		"download":    func(n int) error { return s.native(b, http.MethodGet, n, nil) },
	} {
		b.Run(name, func(b *testing.B) {
			require.NoError(b, put(b.Context(), s.through, bucket, "large", content))
			for b.Loop() {
				most := idle
				done := make(chan struct{})
				var watching sync.WaitGroup
				watching.Go(func() {
					for {
						select {
						case <-done:
							return
						case <-time.After(20 * time.Millisecond):
							most = max(most, resident(b, s.pid))
						}
					}
				})
				var all sync.WaitGroup
				var failed atomic.Pointer[error]
				for n := range clients {
					all.Go(func() {
						if err := work(n); err != nil {
							failed.Store(&err)
						}
					})
				}
				all.Wait()
				close(done)
				watching.Wait()
				if err := failed.Load(); err != nil {
					require.NoError(b, *err)
				}
				b.ReportMetric(float64(most-idle)/1e6, "MB-over-idle")
				b.ReportMetric(float64(idle)/1e6, "MB-idle")
			}
		})
	}
}

func (s *stage) native(b *testing.B, method string, n int, content []byte) error {
	path, body := fmt.Sprintf("/object/files/native-%d", n), io.Reader(bytes.NewReader(content))
	if method == http.MethodGet {
		path, body = "/object/files/large", nil
	}
	if status := s.call(b, method, path, body, "application/octet-stream"); status != http.StatusOK {
		return fmt.Errorf("%s %s: %d", method, path, status)
	}
	return nil
}
