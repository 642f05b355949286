package rest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane"
	"github.com/wayli-app/fluxbase/internal/config"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1/directoryv1connect"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

const (
	connections = 32
	rounds      = 4
)

// BenchmarkRatio alternates load on both servers, over the same database, and reports the medians and their ratio.
func BenchmarkRatio(b *testing.B) {
	floorDir := setting("FLUXBASE_BENCH_FLOOR", "../../../shared/bench/floor")
	if _, err := os.Stat(floorDir); err != nil {
		b.Skip("no floor server: name its folder in FLUXBASE_BENCH_FLOOR")
	}
	seconds, err := strconv.Atoi(setting("FLUXBASE_BENCH_SECONDS", "5"))
	require.NoError(b, err)
	snapshot := testkit.Project(b, false)
	fill(b, snapshot, filepath.Join(floorDir, "items.sql"))
	floor := startFloor(b, floorDir, snapshot)
	gateway := startWorker(b, snapshot)
	headers := map[string]string{"Host": snapshot.GetRef() + ".localhost", "apikey": testkit.ProjectKeys(b, snapshot).Publishable}
	cases := []struct{ name, floor, gateway string }{
		{"one row", floor + "/rls/one?id=77", gateway + "/rest/v1/items?id=eq.77"},
		{"list of 20", floor + "/rls/list?id=500", gateway + "/rest/v1/items?id=gt.500&order=id&limit=20"},
	}
	for _, c := range cases {
		b.Run(strings.ReplaceAll(c.name, " ", "_"), func(b *testing.B) {
			requireSame(b, c.floor, c.gateway, headers)
			load(b, c.floor, nil, 1)
			load(b, c.gateway, headers, 2)
			var floors, gateways []float64
			for range rounds {
				floors = append(floors, load(b, c.floor, nil, seconds))
				gateways = append(gateways, load(b, c.gateway, headers, seconds))
			}
			f, g := median(floors), median(gateways)
			b.Logf("%s: floor %.0f/s %.0f, gateway %.0f/s %.0f, ratio %.2f", c.name, f, floors, g, gateways, g/f)
			b.ReportMetric(f, "floor/s")
			b.ReportMetric(g, "gateway/s")
			b.ReportMetric(g/f, "ratio")
		})
	}
}

func setting(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func median(list []float64) float64 {
	slices.Sort(list)
	return (list[len(list)/2] + list[(len(list)-1)/2]) / 2
}

// fill makes the table that both servers read, as the project's owner.
func fill(b *testing.B, s *directoryv1.Snapshot, file string) {
	sql, err := os.ReadFile(file)
	require.NoError(b, err)
	conn, err := pgx.Connect(b.Context(), databaseURL(s, s.GetPlacement().GetOwner()))
	require.NoError(b, err)
	defer func() { require.NoError(b, conn.Close(context.Background())) }()
	_, err = conn.PgConn().Exec(b.Context(), string(sql)).ReadAll()
	require.NoError(b, err)
}

func databaseURL(s *directoryv1.Snapshot, login *directoryv1.Login) string {
	p := s.GetPlacement()
	return fmt.Sprintf("postgres://%s:%s@%s:%d/%s?sslmode=disable", login.GetUser(), login.GetPassword(), p.GetHost(), p.GetPort(), p.GetDatabase())
}

// startFloor builds and starts the floor server, logged in as the server's admin: it prepares its statements before it
// assumes a role.
func startFloor(b *testing.B, dir string, s *directoryv1.Snapshot) string {
	binary := filepath.Join(b.TempDir(), "floor")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir, build.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod -buildvcs=false")
	out, err := build.CombinedOutput()
	require.NoError(b, err, string(out))
	addr := freeAddress(b)
	admin, err := url.Parse(testkit.AdminURL(b))
	require.NoError(b, err)
	admin.Path = "/" + s.GetPlacement().GetDatabase()
	server := exec.Command(binary)
	server.Env = append(os.Environ(), "DATABASE_URL="+admin.String(), "ADDR="+addr)
	server.Stderr = os.Stderr
	require.NoError(b, server.Start())
	b.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	require.Eventually(b, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	return "http://" + addr
}

func freeAddress(b *testing.B) string {
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

// startWorker runs a worker as it is, but for its directory.
func startWorker(b *testing.B, s *directoryv1.Snapshot) string {
	mux := http.NewServeMux()
	mux.Handle(directoryv1connect.NewDirectoryServiceHandler(oneProject{s}))
	directory := httptest.NewServer(mux)
	addr := freeAddress(b)
	cfg := config.Default()
	cfg.Domain, cfg.PublicURL, cfg.WorkerURL, cfg.ProjectURL = "localhost", "http://"+addr, "http://"+addr, "http://{ref}.localhost"
	cfg.MasterKey, cfg.ServiceToken = config.Secret(testkit.MasterKey(b)), "token"
	cfg.RedisURL = config.Secret(testkit.RedisURL(b))
	cfg.Dataplane.DirectoryURL, cfg.Dataplane.CacheDir = directory.URL, b.TempDir()
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
	require.Eventually(b, func() bool {
		r, err := http.Get("http://" + addr + "/healthz")
		if err == nil {
			_ = r.Body.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	return "http://" + addr
}

// requireSame checks that both servers answer the same rows, so that the ratio compares like with like.
func requireSame(b *testing.B, floor, gateway string, headers map[string]string) {
	want, got := get(b, floor, nil), get(b, gateway, headers)
	require.JSONEq(b, want, got)
	require.Contains(b, got, "item ")
}

func request(target string, headers map[string]string) (*http.Request, error) {
	r, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	for k, v := range headers {
		if k == "Host" {
			r.Host = v
		}
		r.Header.Set(k, v)
	}
	return r, nil
}

func get(b *testing.B, target string, headers map[string]string) string {
	r, err := request(target, headers)
	require.NoError(b, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(b, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, answer.StatusCode, string(body))
	return string(body)
}

var (
	perSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	bad       = regexp.MustCompile(`Non-2xx or 3xx responses: .*|Socket errors: .*`)
)

// load returns how many requests a second a server answered, by wrk when there is one.
func load(b *testing.B, target string, headers map[string]string, seconds int) float64 {
	path, err := exec.LookPath("wrk")
	if err != nil {
		return ownLoad(b, target, headers, seconds)
	}
	args := []string{"-t2", "-c" + strconv.Itoa(connections), "-d" + strconv.Itoa(seconds) + "s"}
	for k, v := range headers {
		args = append(args, "-H", k+": "+v)
	}
	out, err := exec.Command(path, append(args, target)...).CombinedOutput()
	require.NoError(b, err, string(out))
	require.Empty(b, bad.FindString(string(out)))
	m := perSecond.FindSubmatch(out)
	require.NotNil(b, m, string(out))
	rate, err := strconv.ParseFloat(string(m[1]), 64)
	require.NoError(b, err)
	return rate
}

func ownLoad(b *testing.B, target string, headers map[string]string, seconds int) float64 {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var done, failed atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	end := start.Add(time.Duration(seconds) * time.Second)
	for range connections {
		all.Go(func() {
			for time.Now().Before(end) {
				r, err := request(target, headers)
				if err != nil {
					failed.Add(1)
					return
				}
				answer, err := client.Do(r)
				if err != nil || answer.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				if err == nil {
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	require.Zero(b, failed.Load(), "requests failed")
	return float64(done.Load()) / time.Since(start).Seconds()
}
