package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/devstack"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/seal"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// installation is what an operator runs: two control planes and two workers behind one address, over a Postgres of its
// own (roles and the project "platform" are the cluster's, so that two installations cannot share one).
type installation struct {
	dir         string
	postgres    *devstack.Postgres
	store       *store
	front       *front
	world       *world
	url         string
	environment []string
	control     [2]*process
	workers     [2]*process
	// platform is the project of the console's accounts.
	platform struct {
		URL string `json:"platform_url"`
		Key string `json:"platform_key"`
	}
	onceLock sync.Mutex
	once     map[string]string // by signUpOnce
}

var (
	sharedMu   sync.Mutex
	shared     *installation
	errShared  error
	serviceKey = id.NewPassword()
)

// install returns the installation that the tests of this package share.
func install(t *testing.T) *installation {
	t.Helper()
	sharedMu.Lock()
	defer sharedMu.Unlock()
	if shared == nil && errShared == nil {
		shared = &installation{}
		errShared = shared.start(map[string]string{"FLUXBASE_REDIS_URL": testkit.RedisURL(t)})
	}
	require.NoError(t, errShared)
	return shared
}

// stopShared stops everything. Failures to do so are told, not hidden.
func stopShared() {
	if shared == nil {
		return
	}
	for _, p := range append(shared.workers[:], shared.control[:]...) {
		if p != nil {
			if err := p.stop(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}
	if shared.store != nil {
		shared.store.kill()
	}
	if shared.world != nil {
		shared.world.close()
	}
	if shared.front != nil {
		shared.front.server.Close()
	}
	if shared.postgres != nil {
		shared.postgres.Stop()
	}
	_ = os.RemoveAll(shared.dir)
}

func (in *installation) start(environment map[string]string) (err error) {
	if err := build(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if in.dir, err = os.MkdirTemp("", "fluxbase-e2e-run-"); err != nil {
		return err
	}
	if err := os.Chmod(in.dir, 0o755); err != nil { // another unix user runs Postgres
		return err
	}
	if in.store, err = startStore(in.dir); err != nil {
		return err
	}
	maps.Copy(environment, in.store.environment())
	in.postgres, err = devstack.StartPostgres(ctx, devstack.PostgresOptions{
		Dir: filepath.Join(in.dir, "postgres"), Password: id.NewPassword(), Progress: os.Stderr,
		Settings: map[string]string{"fsync": "off", "full_page_writes": "off", "max_connections": "300"},
	})
	if err != nil {
		return err
	}
	for _, name := range []string{"fluxbase_control", "fluxbase_jobs"} {
		if err := createDatabase(ctx, in.postgres.URL("postgres"), name); err != nil {
			return err
		}
	}
	masterKey, err := seal.NewKey()
	if err != nil {
		return err
	}
	in.front = newFront()
	in.url = "http://" + in.front.address()
	for name, value := range map[string]string{
		"FLUXBASE_DATABASE_URL": in.postgres.URL("fluxbase_control"), "FLUXBASE_CLUSTER_URL": in.postgres.URL("postgres"),
		"FLUXBASE_JOBS_URL":   in.postgres.URL("fluxbase_jobs"),
		"FLUXBASE_MASTER_KEY": masterKey, "FLUXBASE_SERVICE_TOKEN": serviceKey, "FLUXBASE_DOMAIN": "localhost",
		"FLUXBASE_PUBLIC_URL": in.url, "FLUXBASE_WORKER_URL": in.url, "FLUXBASE_PROJECT_URL": "http://{ref}." + "localhost:" + port(in.front.address()),
		"FLUXBASE_OPERATORS": "operator@example.com", "FLUXBASE_TRUSTED_PROXIES": "127.0.0.1", "FLUXBASE_METRICS_LISTEN": "",
		"FLUXBASE_LOG_FORMAT": "json", "FLUXBASE_DATAPLANE_DIRECTORY_URL": in.url,
	} {
		environment[name] = value
	}
	if in.world, err = newWorld(); err != nil {
		return err
	}
	outside, err := in.world.environment(in.dir)
	if err != nil {
		return err
	}
	maps.Copy(environment, outside)
	for name, value := range environment {
		in.environment = append(in.environment, name+"="+value)
	}
	if err := in.run(ctx, "migrate"); err != nil {
		return err
	}
	for i := range in.control {
		if err := in.startControl(i); err != nil {
			return err
		}
	}
	for i := range in.workers {
		if err := in.startWorker(i); err != nil {
			return err
		}
	}
	return in.readConfig()
}

// run runs a command of the program to its end.
func (in *installation) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Env = in.dir, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + in.dir}, in.environment...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fluxbase %v: %w\n%s", args, err, out)
	}
	return nil
}

func (in *installation) startControl(i int) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	name := fmt.Sprintf("controlplane%d", i)
	in.control[i], err = start(in.dir, name, "http://"+address, append(in.environment, "FLUXBASE_CONTROLPLANE_LISTEN="+address), "controlplane")
	in.route()
	return err
}

func (in *installation) startWorker(i int) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	name := fmt.Sprintf("worker%d", i)
	in.workers[i], err = start(in.dir, name, "http://"+address, append(in.environment, "FLUXBASE_DATAPLANE_LISTEN="+address,
		"FLUXBASE_DATAPLANE_CACHE_DIR="+filepath.Join(in.dir, name)), "dataplane")
	in.route()
	return err
}

// route tells the front which processes there are, dead ones included: that they are is for the front to find out.
func (in *installation) route() {
	for group, processes := range map[*ring][2]*process{&in.front.control: in.control, &in.front.workers: in.workers} {
		var addresses []string
		for _, p := range processes {
			if p != nil {
				addresses = append(addresses, p.url[len("http://"):])
			}
		}
		group.addresses.Store(&addresses)
	}
}

// readConfig waits until the project "platform" is there, as the console does.
func (in *installation) readConfig() error {
	var last error
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-ticks.C {
		last = func() error {
			answer, err := httpClient.Get(in.url + "/config.json")
			if err != nil {
				return err
			}
			defer func() { _ = answer.Body.Close() }()
			if err := json.NewDecoder(answer.Body).Decode(&in.platform); err != nil {
				return err
			}
			if in.platform.Key == "" {
				return errors.New("config.json names no key")
			}
			health, err := httpClient.Get(in.platform.URL + "/auth/v1/health?apikey=" + in.platform.Key)
			if err != nil {
				return err
			}
			_ = health.Body.Close()
			if health.StatusCode != http.StatusOK {
				return errors.New("the project \"platform\" answers with " + health.Status)
			}
			return nil
		}()
		if last == nil {
			return nil
		}
	}
	return fmt.Errorf("the project \"platform\" does not come up: %w\n%s\n%s", last, in.control[0].output(), in.workers[0].output())
}

func createDatabase(ctx context.Context, url, name string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "create database "+name)
	return err
}

func port(address string) string {
	for i := len(address) - 1; i >= 0; i-- {
		if address[i] == ':' {
			return address[i+1:]
		}
	}
	return ""
}
