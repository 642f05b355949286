package auth_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane"
	"github.com/wayli-app/fluxbase/internal/config"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1/directoryv1connect"
	"github.com/wayli-app/fluxbase/internal/mail"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

// installation is a worker as it is, with a directory of the test's, and what is around it: a server inside that projects may not reach, and everyone's
// mailboxes.
type installation struct {
	server *httptest.Server
	// outside is the address of this machine that counts as the internet, and as the proxy in front of the worker.
	outside   string
	inside    *secretService
	mailboxes *mailboxes
	directory *projects
}

// outsideAddress is one of this machine's that is not the one that the worker and what is inside listen at.
func outsideAddress() string {
	if runtime.GOOS == "linux" {
		return "127.0.0.2"
	}
	return "::1" // others have but two
}

func install(t *testing.T) *installation {
	t.Helper()
	in := &installation{outside: outsideAddress(), mailboxes: newMailboxes(), inside: newSecretService(t), directory: &projects{known: map[string]*directoryv1.Snapshot{}}}
	mux := http.NewServeMux()
	mux.Handle(directoryv1connect.NewDirectoryServiceHandler(in.directory))
	directory := httptest.NewServer(mux)
	cfg := config.Default()
	cfg.Domain, cfg.WorkerURL, cfg.ProjectURL = "localhost", "http://worker.localhost", "http://{ref}.localhost"
	cfg.MasterKey, cfg.ServiceToken = config.Secret(testkit.MasterKey(t)), "token"
	cfg.RedisURL, cfg.JobsURL = config.Secret(testkit.RedisURL(t)), config.Secret(testkit.Jobs(t))
	cfg.Dataplane.DirectoryURL, cfg.Dataplane.CacheDir = directory.URL, t.TempDir()
	cfg.TrustedProxies, cfg.EgressAllow = []string{in.outside}, []string{in.outside}
	worker, err := dataplane.New(t.Context(), cfg, dataplane.Deps{Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Mail: in.mailboxes})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = worker.Run(ctx) })
	in.server = httptest.NewServer(worker.Handler())
	t.Cleanup(func() {
		in.server.CloseClientConnections()
		in.server.Close()
		cancel()
		running.Wait()
		directory.CloseClientConnections()
		directory.Close()
	})
	return in
}

// projects is a directory of those that the test made.
type projects struct {
	directoryv1connect.UnimplementedDirectoryServiceHandler
	mu    sync.Mutex
	known map[string]*directoryv1.Snapshot
}

func (d *projects) add(s *directoryv1.Snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[s.GetRef()] = s
}

func (d *projects) Resolve(_ context.Context, req *directoryv1.ResolveRequest) (*directoryv1.ResolveResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.known[req.GetRef()]
	if !ok {
		return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("there is no project %q", req.GetRef()))
	}
	return &directoryv1.ResolveResponse{Snapshot: s}, nil
}

func (d *projects) Watch(ctx context.Context, _ *directoryv1.WatchRequest, s *connect.ServerStream[directoryv1.WatchResponse]) error {
	if err := s.Send(&directoryv1.WatchResponse{Ready: true}); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
			if err := s.Send(&directoryv1.WatchResponse{}); err != nil {
				return err
			}
		}
	}
}

func (*projects) ReportUsage(context.Context, *directoryv1.ReportUsageRequest) (*directoryv1.ReportUsageResponse, error) {
	return &directoryv1.ReportUsageResponse{}, nil
}

// secretService is a server on the operator's own network, which no project may reach through the worker.
type secretService struct {
	url  string
	hits atomic.Int64
}

func newSecretService(t *testing.T) *secretService {
	s := &secretService{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.hits.Add(1)
		_, _ = io.WriteString(w, `{"secret":"of the operator"}`)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// provider starts an identity provider outside.
func (in *installation) provider(t *testing.T) *oidc.Provider {
	t.Helper()
	started, err := oidc.Start(in.outside)
	require.NoError(t, err)
	t.Cleanup(started.Close)
	return started
}

// leads starts a server outside that sends everyone on to an address.
func (in *installation) leads(t *testing.T, to string) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(in.outside, "0"))
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.RedirectHandler(to, http.StatusTemporaryRedirect))
	require.NoError(t, server.Listener.Close())
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// mailboxes take the mail of all projects.
type mailboxes struct {
	mu      sync.Mutex
	kept    map[string][]mail.Message
	arrived chan struct{}
}

func newMailboxes() *mailboxes {
	return &mailboxes{kept: map[string][]mail.Message{}, arrived: make(chan struct{})}
}

// Send keeps a mail, as its header would name who gets it.
func (m *mailboxes) Send(ctx context.Context, message mail.Message) error {
	if err := mail.NewMemory("Test <test@example.com>").Send(ctx, message); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, to := range message.To {
		m.kept[message.Project+"/"+to] = append(m.kept[message.Project+"/"+to], message)
	}
	close(m.arrived)
	m.arrived = make(chan struct{})
	return nil
}

// next waits for a mail of a project to an address, and takes it.
func (m *mailboxes) next(t *testing.T, ref, to string) mail.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		m.mu.Lock()
		kept, arrived := m.kept[ref+"/"+to], m.arrived
		if len(kept) > 0 {
			m.kept[ref+"/"+to] = kept[1:]
		}
		m.mu.Unlock()
		if len(kept) > 0 {
			return kept[0]
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			t.Fatalf("no mail came to %s: %v", to, ctx.Err())
		}
	}
}
