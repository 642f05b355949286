package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/config"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1/directoryv1connect"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// controlplane gives snapshots and takes usage, over real HTTP.
type controlplane struct {
	directoryv1connect.UnimplementedDirectoryServiceHandler
	server *httptest.Server

	mu       sync.Mutex
	snapshot *directoryv1.Snapshot
	usage    map[string]int64
	keys     map[string]bool
	changes  chan string
}

func (c *controlplane) Resolve(_ context.Context, req *directoryv1.ResolveRequest) (*directoryv1.ResolveResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if req.GetRef() != c.snapshot.GetRef() {
		return nil, connect.NewError(connect.CodeNotFound, errors.New("none"))
	}
	return &directoryv1.ResolveResponse{Snapshot: c.snapshot}, nil
}

func (c *controlplane) Watch(ctx context.Context, _ *directoryv1.WatchRequest, out *connect.ServerStream[directoryv1.WatchResponse]) error {
	if err := out.Send(&directoryv1.WatchResponse{Ready: true}); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case ref, open := <-c.changes:
			if !open {
				return connect.NewError(connect.CodeUnavailable, errors.New("stopping"))
			}
			c.mu.Lock()
			event := &directoryv1.WatchResponse{Ref: ref, Revision: c.snapshot.GetRevision()}
			c.mu.Unlock()
			if err := out.Send(event); err != nil {
				return err
			}
		}
	}
}

func (c *controlplane) ReportUsage(_ context.Context, req *directoryv1.ReportUsageRequest) (*directoryv1.ReportUsageResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range req.GetRecords() {
		c.usage[r.GetService()] += r.GetRequests()
	}
	for _, k := range req.GetKeyUses() {
		c.keys[k.GetKeyId()] = true
	}
	return &directoryv1.ReportUsageResponse{}, nil
}

type bundle struct {
	control *controlplane
	cfg     config.Config
	keys    testkit.Keys
}

func setup(t *testing.T, shared bool) *bundle {
	t.Helper()
	c := &controlplane{snapshot: testkit.NewProject(t, shared), usage: map[string]int64{}, keys: map[string]bool{}, changes: make(chan string)}
	mux := http.NewServeMux()
	mux.Handle(directoryv1connect.NewDirectoryServiceHandler(c))
	c.server = httptest.NewServer(mux)
	t.Cleanup(c.server.Close)
	b := &bundle{control: c, keys: testkit.ProjectKeys(t, c.snapshot), cfg: config.Default()}
	b.cfg.Domain, b.cfg.WorkerURL = "example.test", "http://worker.example.test"
	b.cfg.MasterKey, b.cfg.ServiceToken = config.Secret(testkit.MasterKey(t)), "token"
	b.cfg.RedisURL = config.Secret(testkit.RedisURL(t))
	b.cfg.JobsURL = config.Secret(testkit.Jobs(t))
	b.cfg.Dataplane.DirectoryURL, b.cfg.Dataplane.CacheDir = c.server.URL, t.TempDir()
	place := c.snapshot.GetPlacement()
	owner, err := pgx.Connect(t.Context(), fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=%s sslmode=disable",
		place.GetHost(), place.GetPort(), place.GetOwner().GetUser(), place.GetOwner().GetPassword(), place.GetDatabase()))
	require.NoError(t, err)
	defer func() { _ = owner.Close(context.Background()) }()
	schema := place.GetSchemaPrefix() + "public"
	_, err = owner.Exec(t.Context(), fmt.Sprintf(`create table %[1]s.notes (id int primary key, body text);
		insert into %[1]s.notes values (1, 'one'); grant select on %[1]s.notes to %[2]sanon`, schema, place.GetRolePrefix()))
	require.NoError(t, err)
	return b
}

// worker is one life of a worker.
type worker struct {
	*Worker
	t      *testing.T
	ref    string
	server *httptest.Server
	stop   func()
}

func (b *bundle) start(t *testing.T) *worker {
	t.Helper()
	w, err := New(t.Context(), b.cfg, Deps{Log: testkit.Logger(t), Metrics: prometheus.NewRegistry()})
	require.NoError(t, err)
	out := &worker{Worker: w, t: t, ref: b.control.snapshot.GetRef(), server: httptest.NewServer(w.Handler())}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	var once sync.Once
	out.stop = func() {
		once.Do(func() {
			out.server.Close()
			cancel()
			require.NoError(t, <-done)
		})
	}
	t.Cleanup(out.stop)
	return out
}

func (w *worker) get(host, path, key string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.server.URL+path, nil)
	require.NoError(w.t, err)
	if host != "" {
		r.Host = host
	}
	if key != "" {
		r.Header.Set("apikey", key)
	}
	res, err := w.server.Client().Do(r)
	require.NoError(w.t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	return res.StatusCode, string(body)
}

// reads requires that the project answers by host and by path.
func (w *worker) reads(key string) {
	w.t.Helper()
	for host, path := range map[string]string{w.ref + ".example.test": "", "worker.example.test": "/p/" + w.ref} {
		status, body := w.get(host, path+"/rest/v1/notes?select=id,body", key)
		require.Equal(w.t, 200, status, body)
		require.JSONEq(w.t, `[{"id":1,"body":"one"}]`, body)
	}
}

func bothIsolations(t *testing.T, test func(t *testing.T, shared bool)) {
	t.Helper()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, shared)
		})
	}
}

func TestWorkerServes(t *testing.T) {
	t.Parallel()
	bothIsolations(t, func(t *testing.T, shared bool) {
		b := setup(t, shared)
		w := b.start(t)
		w.reads(b.keys.Publishable)
		host := w.ref + ".example.test"
		status, body := w.get(host, "/auth/v1/settings", b.keys.Anon)
		require.Equal(t, 200, status, body)
		status, body = w.get(host, "/auth/v1/.well-known/jwks.json", "")
		require.Equal(t, 200, status, body)
		require.Contains(t, body, b.control.snapshot.GetSigningKeys()[0].GetKid())
		status, body = w.get(host, "/api/v1/tables/notes/1", b.keys.Publishable)
		require.Equal(t, 200, status, body)
		require.JSONEq(t, `{"id":1,"body":"one"}`, body)
		status, body = w.get(host, "/api/v1/auth/user", b.keys.Publishable)
		require.Equal(t, 401, status, body)
		require.Contains(t, body, `{"error":{"code":"TOKEN_REQUIRED"`)
		status, body = w.get(host, "/api/v1/auth/user", "")
		require.Equal(t, 401, status, body)
		require.Contains(t, body, `{"error":{"code":"API_KEY_MISSING"`)
		status, body = w.get("worker.example.test", "/p/"+w.ref+"/api/v1/openapi.json", b.keys.Publishable)
		require.Equal(t, 200, status, body)
		require.Contains(t, body, `"servers":[{"url":"http://worker.example.test/p/`+w.ref+`"}]`)
		status, body = w.get(host, "/api/v1/tables/notes", "")
		require.Equal(t, 401, status, body)
		require.Contains(t, body, `{"error":{"code":"API_KEY_MISSING"`)
		status, body = w.get(host, "/meta/v1/tables", b.keys.Secret)
		require.Equal(t, 401, status, body)
		status, _ = w.get("", "/healthz", "")
		require.Equal(t, 200, status)
		require.Eventually(t, func() bool { status, _ := w.get("", "/readyz", ""); return status == 200 }, 20*time.Second, 5*time.Millisecond)
		status, body = w.get(host, "/healthz", "")
		require.Equal(t, 404, status, body)
		w.stop()
		require.Error(t, w.Ready(t.Context()))
		b.control.mu.Lock()
		defer b.control.mu.Unlock()
		require.Equal(t, map[string]int64{"rest": 2, "api": 3, "auth": 2, "meta": 0}, b.control.usage, "usage is handed in at the end; what was refused is an error of the client and no use")
		require.Len(t, b.control.keys, 1)
	})
}

func TestWorkerWithoutItsControlPlane(t *testing.T) {
	t.Parallel()
	bothIsolations(t, func(t *testing.T, shared bool) {
		b := setup(t, shared)
		w := b.start(t)
		w.reads(b.keys.Publishable)
		b.control.server.CloseClientConnections()
		close(b.control.changes)
		b.control.server.Close()
		w.reads(b.keys.Publishable)
		w.stop()
		again := b.start(t)
		again.reads(b.keys.Secret)
		require.NoError(t, again.Ready(t.Context()))
		status, body := again.get("abcdefghijklmnopqrst.example.test", "/rest/v1/notes", b.keys.Publishable)
		require.Equal(t, 503, status, body)
	})
}

func TestPauseReachesTheWorker(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	w := b.start(t)
	w.reads(b.keys.Publishable)
	require.Eventually(t, func() bool { open, _ := w.door.Connections(); return open > 0 }, 20*time.Second, time.Millisecond)
	b.control.mu.Lock()
	b.control.snapshot.Revision++
	b.control.snapshot.Status = directoryv1.ServingStatus_SERVING_STATUS_PAUSED
	b.control.mu.Unlock()
	b.control.changes <- w.ref
	require.Eventually(t, func() bool {
		status, body := w.get(w.ref+".example.test", "/rest/v1/notes", b.keys.Publishable)
		return status == 503 && strings.Contains(body, "PROJECT_PAUSED")
	}, 2*time.Second, 5*time.Millisecond)
	require.Eventually(t, func() bool { open, _ := w.door.Connections(); return open == 0 }, 20*time.Second, 5*time.Millisecond)
}

func TestServes(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.MasterKey, cfg.RedisURL, cfg.WorkerURL = config.Secret(testkit.MasterKey(t)), "redis://127.0.0.1:1", "http://localhost:8000"
	cfg.JobsURL = "postgres://127.0.0.1:1/jobs"
	w, err := New(t.Context(), cfg, Deps{Log: testkit.Logger(t), Metrics: prometheus.NewRegistry()})
	require.NoError(t, err)
	for address, want := range map[string]bool{
		"http://localhost:8000/": false, "http://localhost:8000/p/abcdefghijklmnopqrst/rest/v1/x": true, "http://localhost:8000/projects": false,
		"http://abcdefghijklmnopqrst.localhost:8000/": true, "http://www.localhost:8000/": true, "http://127.0.0.1:8000/healthz": false,
		"http://machine.lan:8000/": false,
	} {
		require.Equal(t, want, w.Serves(httptest.NewRequest(http.MethodGet, address, nil)), address)
	}
	cfg.RedisURL = "redis://user:a-secret-password@[broken"
	_, err = New(t.Context(), cfg, Deps{Log: testkit.Logger(t), Metrics: prometheus.NewRegistry()})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "a-secret-password")
}
