package e2e

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// mostBytes is the largest file of the projects of these tests.
const mostBytes = 16 << 20

// TestStorage walks storage by unmodified clients: storage-js, tus-js-client and the S3 client of the AWS SDK for Go, each over versitygw's own program and over
// the object store of "fluxbase dev", in each isolation, by path and by host.
func TestStorage(t *testing.T) {
	t.Parallel()
	installPackages(t)
	for name, store := range map[string]struct {
		home   func(*testing.T) *installation
		routes map[string][]string // by isolation
	}{
		"versitygw":    {install, map[string][]string{"database": {"by path", "by host"}, "schema": {"by path", "by host"}}},
		"fluxbase dev": {installDev, map[string][]string{"database": {"by host"}, "schema": {"by path"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := store.home(t)
			var projects []*project
			for isolation, routes := range store.routes {
				p := in.signUp(t, "ada").createStorage(t, isolation == "schema")
				projects = append(projects, p)
				for _, route := range routes {
					t.Run(isolation+" "+route, func(t *testing.T) {
						environment := append(p.routes()[route], "MOST="+strconv.Itoa(mostBytes))
						p.script(t, "storage.mjs", 36+100, environment...)
						p.script(t, "storage_tus.mjs", 5+22, environment...)
						p.walkS3(t, strings.TrimPrefix(environment[0], "PROJECT_URL="))
					})
				}
			}
			if in != shared {
				t.Run("death", func(t *testing.T) { in.uploadThroughDeath(t, projects) })
			}
		})
	}
}

// uploadThroughDeath runs supabase/storage_tus_death.mjs for each of the projects, and kills "fluxbase dev" once all are in the middle of their uploads.
func (in *installation) uploadThroughDeath(t *testing.T, projects []*project) {
	t.Helper()
	var arrived sync.WaitGroup
	arrived.Add(len(projects))
	all := make(chan struct{})
	go func() { arrived.Wait(); close(all) }()
	again := sync.OnceValue(func() error {
		in.workers[0].kill()
		p, err := in.startDev()
		if err == nil {
			in.workers[0] = p
		}
		return err
	})
	death := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Done()
		select {
		case <-all:
		case <-r.Context().Done(): // one of them has failed before it came so far
			return
		}
		if err := again(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	defer death.Close()
	var scripts sync.WaitGroup
	defer scripts.Wait()
	for _, p := range projects {
		scripts.Go(func() {
			t.Run(isolationName(p.shared), func(t *testing.T) {
				p.script(t, "storage_tus_death.mjs", 3, "PROJECT_URL="+p.pathURL, "DEATH="+death.URL)
			})
		})
	}
}

// installDev runs "fluxbase dev", which keeps files in its own process.
func installDev(t *testing.T) *installation {
	t.Helper()
	install(t) // builds the program, once
	dir := t.TempDir()
	for _, folder := range []string{filepath.Dir(dir), dir} { // another unix user runs Postgres
		require.NoError(t, os.Chmod(folder, 0o755))
	}
	address, err := freeAddress()
	require.NoError(t, err)
	in := &installation{dir: dir, url: "http://" + address}
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	in.environment = []string{"FLUXBASE_METRICS_LISTEN=", "XDG_CACHE_HOME=" + cache, "FLUXBASE_EGRESS_ALLOW=127.0.0.0/8"}
	in.workers[0], err = in.startDev()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, in.workers[0].stop()) })
	require.NoError(t, in.readConfig())
	return in
}

// startDev starts the one process of "fluxbase dev" at its address, over what there is.
func (in *installation) startDev() (*process, error) {
	return start(in.dir, "dev", in.url, in.environment, "dev", "--data-dir", filepath.Join(in.dir, "data"), "--listen", strings.TrimPrefix(in.url, "http://"))
}

// createStorage makes a project whose policies are those of supabase/storage.sql, with a cache in front that is told what to forget.
func (a *account) createStorage(t *testing.T, shared bool) *project {
	t.Helper()
	p := a.create(t, "Files", shared)
	p.set(t, map[string]string{
		"storage.file_size_limit": strconv.Itoa(mostBytes), "storage.cdn_purge_url": quoted(cacheInFront(t)), "auth.rate_limit.sign_in_sign_ups": "10000",
	})
	raw, err := os.ReadFile(filepath.Join("supabase", "storage.sql"))
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "storage.sql")
	require.NoError(t, os.WriteFile(file, []byte(p.physical(string(raw))), 0o600))
	p.sql(t, file)
	return p
}

// physical puts the name of the schema "storage" into SQL.
func (p *project) physical(sql string) string {
	schema := "storage"
	if p.shared {
		schema = p.ref + "_storage"
	}
	return strings.ReplaceAll(sql, "{storage}", schema)
}

// cacheInFront takes purges, at an address that workers may reach.
func cacheInFront(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort(worldAddress(), "0"))
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return server.URL + "/purge"
}
