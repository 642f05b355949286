// Package conformance runs PostgREST's cases, which lie beside the repository, against a server that a test starts.
package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/pg"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// Authenticator is the login of the server under test; it needs no password.
const Authenticator = "Postgrest_Test_Authenticator"

// Suite is the cases, and a throwaway cluster that holds their fixtures.
type Suite struct {
	dir, cluster string
	port         int
	// Configs are the configurations that the cases want: PGRST_… variables by the configuration's name.
	Configs map[string]map[string]string
}

// Result is the outcome of a case.
type Result struct {
	ID       string   `json:"id"`
	File     string   `json:"file"`
	Path     []string `json:"path"`
	Name     string   `json:"name"`
	Config   string   `json:"config"`
	Result   string   `json:"result"`
	Failures []string `json:"failures"`
}

// Passed reports whether the answers were right.
func (r Result) Passed() bool { return r.Result == "passed" }

// Title names the case for people.
func (r Result) Title() string {
	return strings.TrimPrefix(r.File, "Feature/") + " > " + strings.Join(append(r.Path, r.Name), " > ")
}

const binaries = "/usr/lib/postgresql/15/bin"

// Start starts a cluster with the fixtures in it, until the test ends. It skips the test where the cases are not beside the
// repository; where they are, PostgreSQL 15 with PostGIS and Python must be there too.
//
// Roles of the fixtures may have other names: renames gives them. The cases, and the tokens in them, then have these too.
func Start(t testing.TB, renames map[string]string) *Suite {
	t.Helper()
	dir := find(t)
	if dir == "" {
		t.Skip("the cases of PostgREST's protocol are not there: ../shared/conformance/postgrest beside the repository")
	}
	for _, need := range []string{binaries + "/initdb", "/usr/share/postgresql/15/extension/postgis.control"} {
		if _, err := os.Stat(need); err != nil {
			require.NoError(t, err, "scripts/deps.sh test installs PostgreSQL 15 with PostGIS on Debian")
		}
	}
	python, err := exec.LookPath("python3")
	require.NoError(t, err, "the cases are run by python3")
	// The server runs as another user when we are root, so that the folder must not be within one that only root may enter.
	cluster, err := os.MkdirTemp("/tmp", "fluxbase-conformance-") //nolint:usetesting // see above
	require.NoError(t, err)
	require.NoError(t, os.Chmod(cluster, 0o755))
	port, err := testkit.FreePort()
	require.NoError(t, err)
	s := &Suite{dir: dir, cluster: filepath.Join(cluster, "pg"), port: port}
	if len(renames) > 0 {
		s.dir = filepath.Join(cluster, "suite")
		rename(t, dir, s.dir, renames)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = s.command(ctx, "cluster.sh", "stop", s.cluster).Run()
		_ = os.RemoveAll(cluster)
	})
	s.watch(t, cluster)
	s.must(t, s.command(t.Context(), "cluster.sh", "start", s.cluster, strconv.Itoa(s.port)))
	s.must(t, s.command(t.Context(), "load.sh", filepath.Join(s.dir, "fixtures"), s.URL("postgres", "postgres")))
	list := exec.CommandContext(t.Context(), python, "-B", "-c", listConfigs, s.dir)
	out, err := list.Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &s.Configs))
	return s
}

// watch ends the cluster when the test's process was killed and can no longer do it.
func (s *Suite) watch(t testing.TB, folder string) {
	t.Helper()
	const wait = `while kill -0 "$1" 2>/dev/null; do sleep 1; done; "$2" stop "$3"; rm -rf "$4"`
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "sh", "-c", wait, "watch", strconv.Itoa(os.Getpid()), filepath.Join(s.dir, "cluster.sh"), s.cluster, folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// listConfigs prints the configurations that cases want, as JSON.
const listConfigs = `
import json, sys
sys.path.insert(0, sys.argv[1])
import suite
data = suite.load(sys.argv[1] + "/cases.json")
base = data["base_config"]
print(json.dumps({suite.config_name(c["config"], base): suite.environment(c["config"], base, full=True) for c in data["cases"]}, default=float))`

// find looks for the cases beside the module.
func find(t testing.TB) string {
	t.Helper()
	at, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(at)
		require.NotEqual(t, at, parent, "the test runs outside of the module")
		at = parent
	}
	dir := filepath.Join(filepath.Dir(at), "shared", "conformance", "postgrest")
	if _, err := os.Stat(filepath.Join(dir, "cases.json")); err != nil {
		require.ErrorIs(t, err, fs.ErrNotExist)
		return ""
	}
	return dir
}

func (s *Suite) command(ctx context.Context, script string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, filepath.Join(s.dir, script), args...)
}

func (s *Suite) must(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	// The output goes to a file: the server that cluster.sh leaves behind would hold a pipe open.
	out, err := os.CreateTemp(t.TempDir(), "output")
	require.NoError(t, err)
	defer func() { _ = out.Close() }()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, text)
	}
}

// URL is the address of a database of the cluster.
func (s *Suite) URL(user, database string) string {
	return fmt.Sprintf("postgres://%s@localhost:%d/%s?sslmode=disable", user, s.port, database)
}

// Port is where the cluster listens, on localhost.
func (s *Suite) Port() int { return s.port }

// Clone makes a database with the fixtures as they were loaded.
func (s *Suite) Clone(t testing.TB, name string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL("postgres", "template1"))
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	for _, sql := range []string{
		"create database %[1]s template postgres strategy file_copy",
		"alter database %[1]s set request.jwt.claim.id = '-1'",
		"alter role %[2]s in database %[1]s set timezone to utc",
		"alter role %[2]s in database %[1]s set search_path to public, test",
	} {
		_, err := conn.Exec(t.Context(), fmt.Sprintf(sql, pg.Ident(name), pg.Ident(Authenticator)))
		require.NoError(t, err)
	}
}

// Run runs the cases of a configuration against the server at url.
func (s *Suite) Run(t testing.TB, config, url string) []Result {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.json")
	cmd := exec.CommandContext(t.Context(), "python3", "-B", filepath.Join(s.dir, "run.py"),
		"--base-url", url, "--cases", filepath.Join(s.dir, "cases.json"), "--config-match", config, "--json", report)
	out, err := cmd.CombinedOutput()
	text, readErr := os.ReadFile(report)
	require.NoError(t, readErr, "%v: %s", err, out)
	var parsed struct {
		Cases []Result `json:"cases"`
	}
	require.NoError(t, json.Unmarshal(text, &parsed))
	require.NotEmpty(t, parsed.Cases, "%s", out)
	return parsed.Cases
}

// Judge fails the test when less than the share least of the cases pass, when one fails that the list does not have, or when one passes that it has. The list
// is a file with a line "id, tab, title, tab, reason" for each case that is known to fail.
func Judge(t testing.TB, results []Result, least float64, list string) {
	t.Helper()
	if path := os.Getenv("FLUXBASE_CONFORMANCE_REPORT"); path != "" {
		text, err := json.MarshalIndent(results, "", " ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, text, 0o644))
	}
	known := readList(t, list)
	passed := 0
	slices.SortFunc(results, func(a, b Result) int { return strings.Compare(a.Title(), b.Title()) })
	for _, r := range results {
		_, listed := known[r.ID]
		delete(known, r.ID)
		switch {
		case r.Passed():
			passed++
			if listed {
				t.Errorf("%s passes: take it out of %s\n  %s", r.ID, list, r.Title())
			}
		case !listed:
			t.Errorf("%s fails (%s):\n  %s\n%s", r.ID, r.Config, r.Title(), indent(r.Failures))
		}
	}
	for id := range known {
		t.Errorf("%s has %s, which is no case", list, id)
	}
	share := float64(passed) / float64(len(results))
	t.Logf("%d of %d cases pass (%.1f %%)", passed, len(results), 100*share)
	require.GreaterOrEqual(t, share, least)
}

func indent(failures []string) string {
	return "    " + strings.ReplaceAll(strings.Join(failures, "\n"), "\n", "\n    ")
}

// readList returns the titles of the cases that a list has, by id.
func readList(t testing.TB, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	out := map[string]string{}
	for line := range strings.SplitSeq(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		require.Len(t, fields, 3, "%s: a line must be id, title and reason with tabs between: %s", path, line)
		require.NotEmpty(t, strings.TrimSpace(fields[2]), "%s: %s needs a reason", path, fields[0])
		out[fields[0]] = fields[1]
	}
	return out
}
