// Package worker runs a data-plane worker for one project, for load tests.
package worker

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane"
	"github.com/wayli-app/fluxbase/internal/config"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1/directoryv1connect"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// FreeAddress is an address of this machine that nobody listens at.
func FreeAddress(b testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer func() { require.NoError(b, l.Close()) }()
	return l.Addr().String()
}

// oneProject is a directory that knows one project.
type oneProject struct{ snapshot *directoryv1.Snapshot }

var _ directoryv1connect.DirectoryServiceHandler = oneProject{}

func (d oneProject) Resolve(context.Context, *directoryv1.ResolveRequest) (*directoryv1.ResolveResponse, error) {
	return &directoryv1.ResolveResponse{Snapshot: d.snapshot}, nil
}

func (d oneProject) Watch(ctx context.Context, _ *directoryv1.WatchRequest, s *connect.ServerStream[directoryv1.WatchResponse]) error {
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

func (d oneProject) ReportUsage(context.Context, *directoryv1.ReportUsageRequest) (*directoryv1.ReportUsageResponse, error) {
	return &directoryv1.ReportUsageResponse{}, nil
}

// newDirectory serves a directory of one project.
func newDirectory(s *directoryv1.Snapshot) *httptest.Server {
	mux := http.NewServeMux()
	mux.Handle(directoryv1connect.NewDirectoryServiceHandler(oneProject{s}))
	return httptest.NewServer(mux)
}

// answers waits until a worker answers.
func answers(b testing.TB, addr string) string {
	require.Eventually(b, func() bool {
		r, err := http.Get("http://" + addr + "/healthz")
		if err == nil {
			_ = r.Body.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	return "http://" + addr
}

// Start runs a worker as it is, but for its directory, and returns its address. Change, where there is one, sees its configuration first.
func Start(b testing.TB, s *directoryv1.Snapshot, change ...func(*config.Config)) string {
	directory := newDirectory(s)
	addr := FreeAddress(b)
	cfg := config.Default()
	cfg.Domain, cfg.PublicURL, cfg.WorkerURL, cfg.ProjectURL = "localhost", "http://"+addr, "http://"+addr, "http://{ref}.localhost"
	cfg.MasterKey, cfg.ServiceToken = config.Secret(testkit.MasterKey(b)), "token"
	cfg.RedisURL = config.Secret(testkit.RedisURL(b))
	cfg.JobsURL = config.Secret(testkit.Jobs(b))
	cfg.Dataplane.DirectoryURL, cfg.Dataplane.CacheDir = directory.URL, b.TempDir()
	for _, c := range change {
		c(&cfg)
	}
	log := slog.New(slog.DiscardHandler)
	worker, err := dataplane.New(b.Context(), cfg, dataplane.Deps{Log: log, Metrics: prometheus.NewRegistry()})
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = worker.Run(ctx) })
	server := &http.Server{Addr: addr, Handler: worker.Handler(), ReadHeaderTimeout: 10 * time.Second}
	running.Go(func() { _ = server.ListenAndServe() })
	b.Cleanup(func() {
		require.NoError(b, server.Shutdown(context.Background()))
		cancel()
		running.Wait()
		directory.CloseClientConnections()
		directory.Close()
	})
	return answers(b, addr)
}
