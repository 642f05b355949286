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
	for name, home := range map[string]func(*testing.T) *installation{"versitygw": install, "fluxbase dev": installDev} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := home(t)
			for isolation, shared := range map[string]bool{"database": false, "schema": true} {
				t.Run(isolation, func(t *testing.T) {
					p := in.signUp(t, "ada").createStorage(t, shared)
					for route, environment := range p.routes() {
						t.Run(route, func(t *testing.T) {
							environment = append(environment, "MOST="+strconv.Itoa(mostBytes))
							p.script(t, "storage.mjs", 36+100, environment...)
							p.script(t, "storage_tus.mjs", 5+22, environment...)
						})
					}
				})
			}
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
	in.workers[0] = in.startDev(t)
	t.Cleanup(func() { require.NoError(t, in.workers[0].stop()) })
	require.NoError(t, in.readConfig())
	return in
}

// startDev starts the one process of "fluxbase dev" at its address, over what there is.
func (in *installation) startDev(t *testing.T) *process {
	t.Helper()
	p, err := start(in.dir, "dev", in.url, in.environment, "dev", "--data-dir", filepath.Join(in.dir, "data"), "--listen", strings.TrimPrefix(in.url, "http://"))
	require.NoError(t, err)
	return p
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
