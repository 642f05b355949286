// Package testkit gives tests the real thing: databases, Redis, an object store, projects. What is missing fails the
// test; nothing is skipped.
package testkit

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // pgtestdb connects by database/sql
	"github.com/peterldowns/pgtestdb"
	"github.com/redis/go-redis/v9"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/pg"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// The variables that `go run ./internal/testkit/run` sets.
const (
	DatabaseVariable    = "FLUXBASE_TEST_DATABASE_URL"
	RedisVariable       = "FLUXBASE_TEST_REDIS_URL"
	S3Variable          = "FLUXBASE_TEST_S3_ENDPOINT"
	S3AccessKeyVariable = "FLUXBASE_TEST_S3_ACCESS_KEY"
	S3SecretKeyVariable = "FLUXBASE_TEST_S3_SECRET_KEY"
)

func variable(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set: run `make test`, or `go run ./internal/testkit/run -- go test %s`", name, "./…")
	}
	return value
}

func adminURL() string { return os.Getenv(DatabaseVariable) }

// AdminURL is a superuser's URL of a real Postgres.
func AdminURL(t testing.TB) string {
	t.Helper()
	return variable(t, DatabaseVariable)
}

// Database returns a pool of a database of the test's own that has the migrations, in the order of their names, and River's tables. It is
// a clone of a template that is made once per content, or as good as new: another test gave it back with nothing changed but
// rows, which were deleted. The database of a failed test is kept.
func Database(t testing.TB, migrations fs.FS) *pgxpool.Pool {
	t.Helper()
	hash, err := migrator{migrations}.Hash()
	require.NoError(t, err)
	s := &spare{kind: "database of " + hash}
	t.Cleanup(func() {
		s.end(t, true, func(ctx context.Context) error {
			if t.Failed() {
				return nil
			}
			admin, err := spares()
			if err == nil {
				_, err = admin.Exec(ctx, "drop database if exists "+pg.Ident(s.name)+" with (force)")
			}
			return err
		})
	})
	fresh := !s.take(t)
	address, err := url.Parse(AdminURL(t))
	require.NoError(t, err)
	password, _ := address.User.Password()
	config := pgtestdb.Config{
		DriverName: "pgx", Host: address.Hostname(), Port: address.Port(), User: address.User.Username(), Password: password,
		Database: strings.TrimPrefix(address.Path, "/"), Options: address.RawQuery, ForceTerminateConnections: true,
		TestRole: &pgtestdb.Role{Username: address.User.Username(), Password: password},
	}
	if fresh {
		s.name = pgtestdb.Custom(kept{t}, config, migrator{migrations}).Database
	}
	s.database, s.roles, s.logins = s.name, []string{}, []string{}
	if fresh {
		s.remember(t)
	}
	address.Path = "/" + s.name
	pool, err := pgxpool.New(context.Background(), address.String())
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// kept leaves it to Database to drop what was made.
type kept struct{ testing.TB }

// Cleanup implements pgtestdb.TB.
func (kept) Cleanup(func()) {}

type migrator struct{ files fs.FS }

func (m migrator) Hash() (string, error) {
	sum := sha256.New()
	err := m.each(func(name, text string) error {
		_, err := io.WriteString(sum, name+"\x00"+text+"\x00")
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:12]), err
}

func (m migrator) Migrate(ctx context.Context, db *sql.DB, conf pgtestdb.Config) error {
	err := m.each(func(_, text string) error {
		_, err := db.ExecContext(ctx, text)
		return err
	})
	if err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, conf.URL())
	if err != nil {
		return err
	}
	defer pool.Close()
	river, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = river.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// each walks the .sql files in the order of their names.
func (m migrator) each(visit func(name, text string) error) error {
	return fs.WalkDir(m.files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".sql") {
			return err
		}
		text, err := fs.ReadFile(m.files, name)
		if err != nil {
			return err
		}
		return visit(name, string(text))
	})
}

// Redis returns a client and a prefix of the test's own for keys and channels. Keys with it are deleted at the end.
func Redis(t testing.TB) (client *redis.Client, prefix string) {
	t.Helper()
	options, err := redis.ParseURL(variable(t, RedisVariable))
	require.NoError(t, err)
	client = redis.NewClient(options)
	prefix = "test:" + strings.ToLower(id.NewRef()) + ":"
	require.NoError(t, client.Ping(t.Context()).Err())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		keys := client.Scan(ctx, 0, prefix+"*", 1000).Iterator()
		for keys.Next(ctx) {
			client.Del(ctx, keys.Val())
		}
		_ = client.Close()
	})
	return client, prefix
}

// RedisURL is the address of Redis for processes that a test starts.
func RedisURL(t testing.TB) string {
	t.Helper()
	return variable(t, RedisVariable)
}

// FreePort finds a port of 127.0.0.1 that nothing listens on. It is below those that the system gives to connections: none of these takes
// it before who asked listens.
func FreePort() (int, error) {
	for range 100 {
		port := 15_000 + rand.IntN(15_000)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("no port is free")
}

// MasterKey returns a new master key.
func MasterKey(t testing.TB) string {
	t.Helper()
	key, err := seal.NewKey()
	require.NoError(t, err)
	return key
}

// Sealer returns a sealer with a new key.
func Sealer(t testing.TB) *seal.Sealer {
	t.Helper()
	sealer, err := seal.New(MasterKey(t))
	require.NoError(t, err)
	return sealer
}

// Logger writes to the test's log, at debug level, until the test ends.
func Logger(t testing.TB) *slog.Logger {
	w := &logWriter{t: t}
	t.Cleanup(w.stop)
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// logWriter drops what comes after the test's end, which testing would answer with a panic.
type logWriter struct {
	mu sync.Mutex
	t  testing.TB
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.t != nil {
		w.t.Log(strings.TrimSuffix(string(p), "\n"))
	}
	return len(p), nil
}

func (w *logWriter) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t = nil
}
