package devstack_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/devstack"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

const childVariable = "FLUXBASE_DEVSTACK_TEST_CHILD"

// The test binary is also the process that runs a stack, because a process has one object store and a test kills it.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		os.Exit(runChild(dir))
	}
	m.Run()
}

type report struct {
	Error, Database, Cluster, Jobs, Redis, Directory string
	MasterKey                                        string
	S3                                               config.S3
	S3Secret                                         string
}

// runChild starts a stack, prints a report, and stops in good order when standard input ends.
func runChild(dir string) int {
	c := config.Default()
	c.Dev, c.DataDir, c.Dataplane.CacheDir = true, dir, filepath.Join(dir, "directory")
	c.RedisURL, c.JobsURL = config.Secret(os.Getenv("FLUXBASE_REDIS_URL")), config.Secret(os.Getenv("FLUXBASE_JOBS_URL"))
	stack, err := devstack.Start(context.Background(), c, devstack.Options{Progress: os.Stderr})
	var r report
	if err != nil {
		r.Error = err.Error()
	} else {
		c = stack.Config
		r = report{
			Database: c.DatabaseURL.Reveal(), Cluster: c.ClusterURL.Reveal(), Jobs: c.JobsURL.Reveal(), Redis: c.RedisURL.Reveal(), Directory: c.DataDir,
			MasterKey: c.MasterKey.Reveal(), S3: c.S3, S3Secret: c.S3.SecretKey.Reveal(),
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil || r.Error != "" {
		return 1
	}
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	stack.Stop()
	return 0
}

type process struct {
	report
	cmd  *exec.Cmd
	stop func()
}

func start(t *testing.T, dir string, environment ...string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childVariable+"="+dir), environment...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &process{cmd: cmd, stop: func() { _ = in.Close(); _ = cmd.Wait() }}
	t.Cleanup(p.stop)
	require.NoError(t, json.NewDecoder(out).Decode(&p.report))
	p.S3.SecretKey = config.Secret(p.S3Secret)
	return p
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
}

func postmaster(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	require.NoError(t, err)
	return pid
}

func query(t *testing.T, url, sql string) (result string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	if strings.HasPrefix(sql, "select") {
		require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&result))
		return result
	}
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
	return ""
}

func gone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { return syscall.Kill(pid, 0) != nil }, 20*time.Second, 20*time.Millisecond)
}

// folder makes a data folder that another unix user can reach.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, 0o755))
	return filepath.Join(dir, "data")
}

func TestLife(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first := start(t, dir)
	require.Empty(t, first.Error)
	query(t, first.Database, "create table kept (note text)")
	query(t, first.Database, "insert into kept values ('one')")
	require.Equal(t, "127.0.0.1", query(t, first.Database, "select setting from pg_settings where name = 'listen_addresses'"))
	require.Equal(t, "fluxbase_jobs", query(t, first.Jobs, "select current_database()"), "the workers' jobs have a database of their own")
	bucket := "kept"
	_, err := testkit.S3Client(first.S3).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	require.NoError(t, err)

	t.Run("its files are for their owner only", func(t *testing.T) {
		info, err := os.Stat(filepath.Join(dir, "secrets.json"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		info, err = os.Stat(filepath.Join(dir, "postgres"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	})

	t.Run("a second process on the folder says so", func(t *testing.T) {
		second := start(t, dir)
		require.Contains(t, second.Error, fmt.Sprintf("another `fluxbase dev` (process %d) uses the data folder %s", first.cmd.Process.Pid, dir))
	})

	t.Run("a wrong password is refused", func(t *testing.T) {
		_, err := pgx.Connect(t.Context(), strings.Replace(first.Database, "postgres:", "postgres:x", 1))
		require.Error(t, err)
	})

	t.Run("postgres comes back after kill -9", func(t *testing.T) {
		pid := postmaster(t, dir)
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		gone(t, pid)
		require.Eventually(t, func() bool {
			conn, err := pgx.Connect(t.Context(), first.Database)
			if err != nil {
				return false
			}
			return conn.Close(t.Context()) == nil
		}, 30*time.Second, 50*time.Millisecond)
		require.Equal(t, "one", query(t, first.Database, "select note from kept"))
	})

	t.Run("a stop in good order ends postgres, and the next start has the same address and data", func(t *testing.T) {
		pid := postmaster(t, dir)
		first.stop()
		require.Error(t, syscall.Kill(pid, 0), "the server ended before its parent")
		require.NoFileExists(t, filepath.Join(dir, "postgres", "postmaster.pid"))
		again := start(t, dir)
		require.Empty(t, again.Error)
		require.Equal(t, first.Database, again.Database)
		require.Equal(t, first.Jobs, again.Jobs)
		require.Equal(t, first.MasterKey, again.MasterKey)
		require.Equal(t, "one", query(t, again.Database, "select note from kept"))
		_, err := testkit.S3Client(again.S3).HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &bucket})
		require.NoError(t, err)
		again.stop()
	})
}

func TestCrashes(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first := start(t, dir)
	require.Empty(t, first.Error)
	query(t, first.Database, "create table kept (note text)")
	query(t, first.Database, "insert into kept values ('one')")
	first.stop()

	t.Run("postgres ends with a parent that is killed", func(t *testing.T) {
		killed := start(t, dir)
		require.Empty(t, killed.Error)
		query(t, killed.Database, "insert into kept values ('two')")
		pid := postmaster(t, dir)
		killed.kill(t)
		gone(t, pid)
	})

	t.Run("a start right after the kill of its parent works", func(t *testing.T) {
		killed := start(t, dir)
		require.Empty(t, killed.Error)
		killed.kill(t)
		next := start(t, dir)
		require.Empty(t, next.Error)
		require.Equal(t, "one two", query(t, next.Database, "select string_agg(note, ' ' order by note) from kept"))

		// Everything dies at once, as when the power goes, and the lock file names a living stranger.
		pid := postmaster(t, dir)
		group, err := syscall.Getpgid(pid)
		require.NoError(t, err)
		require.NoError(t, next.cmd.Process.Kill())
		require.NoError(t, syscall.Kill(-group, syscall.SIGKILL))
		_ = next.cmd.Wait()
		gone(t, pid)
		name := filepath.Join(dir, "postgres", "postmaster.pid")
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		stranger := strings.Replace(string(text), strconv.Itoa(pid), strconv.Itoa(os.Getpid()), 1)
		require.NoError(t, os.WriteFile(name, []byte(stranger), 0o600))
		last := start(t, dir)
		require.Empty(t, last.Error)
		require.Equal(t, "one two", query(t, last.Database, "select string_agg(note, ' ' order by note) from kept"))

		// Only the supervisor and its parent die: the server is an orphan, which the next start stops.
		orphan := postmaster(t, dir)
		group, err = syscall.Getpgid(orphan)
		require.NoError(t, err)
		killSupervisor(t, group, orphan)
		require.NoError(t, last.cmd.Process.Kill())
		_ = last.cmd.Wait()
		require.NoError(t, syscall.Kill(orphan, 0), "it is still there")
		final := start(t, dir)
		require.Empty(t, final.Error)
		require.NotEqual(t, orphan, postmaster(t, dir))
		require.Equal(t, "one two", query(t, final.Database, "select string_agg(note, ' ' order by note) from kept"))
	})
}

// killSupervisor kills the shells of a process group and leaves the server, by its number, alone.
func killSupervisor(t *testing.T, group, server int) {
	t.Helper()
	output, err := exec.Command("ps", "-A", "-o", "pid=,pgid=").Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(output)) {
		var pid, of int
		_, _ = fmt.Sscan(line, &pid, &of)
		if of == group && pid != server {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func TestTakenPort(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first := start(t, dir)
	require.Empty(t, first.Error)
	first.stop()
	name := filepath.Join(dir, "postgres", "fluxbase.json")
	server, err := devstack.StartRedis() // anything that listens
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	options, err := redis.ParseURL(server.URL)
	require.NoError(t, err)
	port := options.Addr[strings.LastIndex(options.Addr, ":")+1:]
	require.NoError(t, os.WriteFile(name, []byte(`{"port":`+port+`}`), 0o600))

	second := start(t, dir)
	require.Empty(t, second.Error)
	require.NotContains(t, second.Database, ":"+port+"/")
}

func TestFolders(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, name, text string) {
		t.Helper()
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		says    string
	}{
		{"what an interrupted start left is cleaned", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "postgres.partial", "PG_VERSION"), "18\n")
		}, ""},
		{"a folder of someone else's is refused", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "secrets.json"), secretsFile)
			write(t, filepath.Join(dir, "postgres", "thesis.txt"), "precious")
		}, "is not a complete data folder of Fluxbase's (it has no fluxbase.json)"},
		{"another version is refused", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "secrets.json"), secretsFile)
			write(t, filepath.Join(dir, "postgres", "PG_VERSION"), "14\n")
			write(t, filepath.Join(dir, "postgres", "fluxbase.json"), `{"port":1}`)
		}, "was made by PostgreSQL 14, but the programs in "},
		{"a damaged folder is refused", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "secrets.json"), secretsFile)
			write(t, filepath.Join(dir, "postgres", "fluxbase.json"), `{"port":1}`)
		}, "has no PG_VERSION: it is damaged"},
		{"lost secrets are told", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "postgres", "PG_VERSION"), "18\n")
		}, "has data but no secrets.json"},
		{"damaged secrets are told", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "secrets.json"), "{")
		}, "secrets.json is damaged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			test.prepare(t, dir)
			p := start(t, dir)
			if test.says == "" {
				require.Empty(t, p.Error)
				return
			}
			require.Contains(t, p.Error, test.says)
		})
	}
}

const secretsFile = `{"master_key":"k","service_token":"t","postgres_password":"p","s3_access_key":"a","s3_secret_key":"s"}`

func TestFolderOutOfReach(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return // there is no other user to keep out
	}
	dir := folder(t)
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o700))
	p := start(t, dir)
	require.Contains(t, p.Error, "cannot enter "+dir)
	p = start(t, dir, "FLUXBASE_POSTGRES_USER=no-such-user")
	require.Contains(t, p.Error, "no other unix user for it among [no-such-user]")
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	p := start(t, folder(t), "FLUXBASE_POSTGRES_BIN=/nowhere")
	require.Contains(t, p.Error, "FLUXBASE_POSTGRES_BIN: /nowhere has no program initdb")
	p = start(t, folder(t), "PATH=/bin-of-nothing", "XDG_CACHE_HOME="+t.TempDir(), "HOME="+t.TempDir())
	if os.Geteuid() != 0 { // root's cache is the machine's
		require.Contains(t, p.Error, "there is none: install Node.js")
	}
}

func TestGivenPartsAreNotStarted(t *testing.T) {
	t.Parallel()
	p := start(t, folder(t), "FLUXBASE_REDIS_URL=redis://given:1/0", "FLUXBASE_JOBS_URL=postgres://given/jobs")
	require.Empty(t, p.Error)
	require.Equal(t, "redis://given:1/0", p.Redis)
	require.Equal(t, "postgres://given/jobs", p.Jobs)
}

func TestRedisKeepsTime(t *testing.T) {
	t.Parallel()
	server, err := devstack.StartRedis()
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	options, err := redis.ParseURL(server.URL)
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	require.NoError(t, client.Set(t.Context(), "x", "1", 300*time.Millisecond).Err())
	require.Eventually(t, func() bool { return errors.Is(client.Get(t.Context(), "x").Err(), redis.Nil) }, 20*time.Second, 20*time.Millisecond)

	options.Password = "wrong"
	stranger := redis.NewClient(options)
	t.Cleanup(func() { _ = stranger.Close() })
	require.Error(t, stranger.Ping(t.Context()).Err())
}
