package directory

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1/directoryv1connect"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/seal"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/internal/token"
)

const serviceToken = "a service token of more than 32 characters"

// controlplane is the other side, over real HTTP: it can be stopped and started again at the same address.
type controlplane struct {
	t       testing.TB
	address string
	server  *httptest.Server

	mu        sync.Mutex
	revision  int64
	snapshots map[string]*directoryv1.Snapshot
	watchers  map[chan *directoryv1.WatchResponse]bool
	resolves  atomic.Int64
	failing   atomic.Bool
	unwatched atomic.Bool
	slow      chan struct{} // when set, Resolve waits for it after it has read
}

func newControlplane(t testing.TB) *controlplane {
	c := &controlplane{t: t, revision: 10, snapshots: map[string]*directoryv1.Snapshot{}, watchers: map[chan *directoryv1.WatchResponse]bool{}}
	port, err := testkit.FreePort()
	require.NoError(t, err)
	c.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	c.start()
	t.Cleanup(c.stop)
	return c
}

func (c *controlplane) start() {
	path, service := directoryv1connect.NewDirectoryServiceHandler(c)
	mux := http.NewServeMux()
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+serviceToken {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		service.ServeHTTP(w, r)
	})
	c.server = httptest.NewUnstartedServer(mux)
	listener, err := net.Listen("tcp", c.address)
	require.NoError(c.t, err)
	_ = c.server.Listener.Close()
	c.server.Listener = listener
	c.server.Start()
}

func (c *controlplane) stop() {
	if c.server != nil {
		c.server.CloseClientConnections()
		c.endStreams()
		c.server.Close()
		c.server = nil
	}
}

func (c *controlplane) endStreams() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.watchers {
		close(w)
		delete(c.watchers, w)
	}
}

// put stores a snapshot under its next revision. Workers are told, unless it is quiet.
func (c *controlplane) put(s *directoryv1.Snapshot, quiet bool) *directoryv1.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revision++
	s = proto.CloneOf(s)
	s.Revision = c.revision
	c.snapshots[s.GetRef()] = s
	if !quiet {
		c.tell(s.GetRef())
	}
	return s
}

func (c *controlplane) remove(ref string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revision++
	delete(c.snapshots, ref)
	c.tell(ref)
}

// tell needs the lock.
func (c *controlplane) tell(ref string) {
	for w := range c.watchers {
		w <- &directoryv1.WatchResponse{Ref: ref, Revision: c.revision}
	}
}

func (c *controlplane) Resolve(ctx context.Context, req *directoryv1.ResolveRequest) (*directoryv1.ResolveResponse, error) {
	c.resolves.Add(1)
	if c.failing.Load() {
		return nil, connect.NewError(connect.CodeUnavailable, errors.New("failing"))
	}
	c.mu.Lock()
	found := c.snapshots[req.GetRef()]
	for _, s := range c.snapshots {
		for _, h := range s.GetHosts() {
			if h == req.GetHost() {
				found = s
			}
		}
	}
	slow := c.slow
	c.mu.Unlock()
	if slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
		}
	}
	switch {
	case found == nil:
		return nil, connect.NewError(connect.CodeNotFound, errors.New("none"))
	case found.GetRevision() == req.GetKnownRevision():
		return &directoryv1.ResolveResponse{}, nil
	}
	return &directoryv1.ResolveResponse{Snapshot: found}, nil
}

func (c *controlplane) Watch(ctx context.Context, _ *directoryv1.WatchRequest, out *connect.ServerStream[directoryv1.WatchResponse]) error {
	if c.unwatched.Load() {
		return connect.NewError(connect.CodeUnavailable, errors.New("no streams now"))
	}
	w := make(chan *directoryv1.WatchResponse, 100)
	c.mu.Lock()
	c.watchers[w] = true
	c.mu.Unlock()
	if err := out.Send(&directoryv1.WatchResponse{Ready: true}); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, open := <-w:
			if !open {
				return connect.NewError(connect.CodeUnavailable, errors.New("ended"))
			}
			if err := out.Send(event); err != nil {
				return err
			}
		}
	}
}

func (c *controlplane) ReportUsage(context.Context, *directoryv1.ReportUsageRequest) (*directoryv1.ReportUsageResponse, error) {
	return &directoryv1.ReportUsageResponse{}, nil
}

func newSnapshot(t testing.TB) *directoryv1.Snapshot {
	t.Helper()
	key, err := token.NewKey(uuid.NewString())
	require.NoError(t, err)
	private, err := key.MarshalPrivate()
	require.NoError(t, err)
	return &directoryv1.Snapshot{
		ProjectId: uuid.NewString(), Ref: id.NewRef(), Status: Active,
		Placement:       &directoryv1.Placement{Authenticator: &directoryv1.Login{User: "u", Password: "a-very-secret-password"}},
		Keys:            []*directoryv1.Key{{Id: uuid.NewString(), Hash: id.Hash("key"), Role: "anon"}},
		SigningKeys:     []*directoryv1.SigningKey{{Kid: key.ID, Algorithm: "ES256", PrivateKey: private, Active: true}},
		LegacyJwtSecret: []byte("legacy"),
	}
}

// clock can be moved on.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// worker is one life of a worker's directory; the folder outlives it.
type worker struct {
	*Directory
	clock   *clock
	stop    func()
	changes chan string
}

type home struct {
	dir    string
	sealer *seal.Sealer
	clock  *clock
}

func newHome(t testing.TB) home { return home{t.TempDir(), testkit.Sealer(t), &clock{}} }

func start(t testing.TB, c *controlplane, h home) *worker {
	t.Helper()
	d, err := New(Deps{
		URL: "http://" + c.address, ServiceToken: serviceToken, CacheDir: h.dir, Sealer: h.sealer, StaleLimit: time.Hour,
		WorkerID: "test", Log: testkit.Logger(t), Now: h.clock.now,
	})
	require.NoError(t, err)
	w := &worker{Directory: d, clock: h.clock, changes: make(chan string, 100)}
	d.OnChange(func(ref string) { w.changes <- ref })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(t, <-done)
		})
	}
	t.Cleanup(w.stop)
	return w
}

func (w *worker) watching(t testing.TB, want bool) {
	t.Helper()
	require.Eventually(t, func() bool { return w.Watching() == want }, 20*time.Second, time.Millisecond)
}

// changed waits until the project was told to have changed.
func (w *worker) changed(t testing.TB, ref string) {
	t.Helper()
	select {
	case got := <-w.changes:
		require.Equal(t, ref, got)
	case <-time.After(30 * time.Second):
		t.Fatal("no change was told")
	}
}
