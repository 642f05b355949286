package worker

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/config"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// Process runs a worker as a process of its own, from a fresh build of the program, and returns its address and its process id.
func Process(b testing.TB, s *directoryv1.Snapshot, store config.S3) (url string, pid int) {
	b.Helper()
	bin := filepath.Join(b.TempDir(), "fluxbase")
	build := exec.Command("go", "build", "-o", bin, "github.com/wayli-app/fluxbase/cmd/fluxbase")
	out, err := build.CombinedOutput()
	require.NoError(b, err, string(out))
	directory := newDirectory(s)
	addr := FreeAddress(b)
	said, err := os.Create(filepath.Join(b.TempDir(), "log"))
	require.NoError(b, err)
	program := exec.Command(bin, "dataplane")
	program.Stdout, program.Stderr = said, said
	program.Env = append(os.Environ(),
		"FLUXBASE_DOMAIN=localhost", "FLUXBASE_PUBLIC_URL=http://"+addr, "FLUXBASE_WORKER_URL=http://"+addr, "FLUXBASE_PROJECT_URL=http://{ref}.localhost",
		"FLUXBASE_MASTER_KEY="+testkit.MasterKey(b), "FLUXBASE_SERVICE_TOKEN="+id.NewPassword(), "FLUXBASE_REDIS_URL="+testkit.RedisURL(b), "FLUXBASE_JOBS_URL="+testkit.Jobs(b),
		"FLUXBASE_DATAPLANE_LISTEN="+addr, "FLUXBASE_DATAPLANE_DIRECTORY_URL="+directory.URL, "FLUXBASE_DATAPLANE_CACHE_DIR="+b.TempDir(),
		"FLUXBASE_S3_ENDPOINT="+store.Endpoint, "FLUXBASE_S3_ACCESS_KEY="+store.AccessKey, "FLUXBASE_S3_SECRET_KEY="+store.SecretKey.Reveal(),
		"FLUXBASE_METRICS_LISTEN=", "FLUXBASE_LOG_LEVEL=error")
	require.NoError(b, program.Start())
	b.Cleanup(func() {
		require.NoError(b, program.Process.Signal(syscall.SIGTERM))
		_ = program.Wait() // its end is all that is asked of it
		directory.CloseClientConnections()
		directory.Close()
		if b.Failed() {
			text, _ := os.ReadFile(said.Name())
			b.Logf("the worker said:\n%s", text)
		}
	})
	return answers(b, addr), program.Process.Pid
}
