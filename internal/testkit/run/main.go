// Command run starts what tests need (Postgres, Redis, an object store), runs a command with their addresses in its
// environment, and stops them: go run ./internal/testkit/run -- go test ./...
//
// What the environment already names is used as it is.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/wayli-app/fluxbase/internal/devstack"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "Usage: go run ./internal/testkit/run -- COMMAND…")
		os.Exit(2)
	}
	code, err := run(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "test environment:", err)
		code = 1
	}
	os.Exit(code)
}

func run(args []string) (code int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	here, err := os.Getwd() // the object store changes it
	if err != nil {
		return 0, err
	}
	parent := os.Getenv("TMPDIR")
	if parent == "" {
		parent = inMemory()
	}
	dir, err := os.MkdirTemp(parent, "fluxbase-test-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return 0, err
	}
	environment := os.Environ()
	set := func(name, value string) { environment = append(environment, name+"="+value) }
	temporary := filepath.Join(dir, "tmp")
	if err := os.Mkdir(temporary, 0o700); err != nil {
		return 0, err
	}
	if err := os.Chmod(temporary, os.ModeSticky|0o777); err != nil { // like /tmp: PostgreSQL may run as another user
		return 0, err
	}
	set("TMPDIR", temporary)
	for _, start := range []func(context.Context, string, func(name, value string)) (func(), error){startPostgres, startRedis, startS3} {
		end, err := start(ctx, dir, set)
		if err != nil {
			return 0, err
		}
		defer end()
	}
	command := exec.Command(args[0], args[1:]...)
	command.Dir, command.Env = here, environment
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := command.Start(); err != nil {
		return 0, err
	}
	go func() {
		<-ctx.Done() // a Ctrl-C reaches the command by the terminal too; a second signal is harmless
		_ = command.Process.Signal(syscall.SIGTERM)
	}()
	err = command.Wait()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return max(failed.ExitCode(), 1), nil
	}
	return 0, err
}

func nothing() {}

func startPostgres(ctx context.Context, dir string, set func(name, value string)) (func(), error) {
	if os.Getenv(testkit.DatabaseVariable) != "" {
		return nothing, nil
	}
	server, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{
		Dir: filepath.Join(dir, "postgres"), Password: id.NewPassword(), Progress: os.Stderr,
		Settings: map[string]string{
			"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "400", "shared_buffers": "256MB",
		},
	})
	if err != nil {
		return nil, err
	}
	set(testkit.DatabaseVariable, server.URL("postgres"))
	return server.Stop, nil
}

func startRedis(ctx context.Context, dir string, set func(name, value string)) (func(), error) {
	if os.Getenv(testkit.RedisVariable) != "" {
		return nothing, nil
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		server, err := devstack.StartRedis()
		if err != nil {
			return nil, err
		}
		set(testkit.RedisVariable, server.URL)
		return server.Stop, nil
	}
	server, err := devstack.StartRedisServer(ctx, program, dir)
	if err != nil {
		return nil, err
	}
	set(testkit.RedisVariable, server.URL)
	return server.Stop, nil
}

func startS3(ctx context.Context, dir string, set func(name, value string)) (func(), error) {
	if os.Getenv(testkit.S3Variable) != "" {
		return nothing, nil
	}
	server, err := devstack.StartS3(ctx, devstack.S3Options{
		Dir: filepath.Join(dir, "s3"), AccessKey: "test", SecretKey: id.NewPassword(),
	})
	if err != nil {
		return nil, err
	}
	set(testkit.S3Variable, server.Config.Endpoint)
	set(testkit.S3AccessKeyVariable, server.Config.AccessKey)
	set(testkit.S3SecretKeyVariable, server.Config.SecretKey.Reveal())
	return server.Stop, nil
}
