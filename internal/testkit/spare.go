package testkit

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wayli-app/fluxbase/internal/layout"
)

//go:embed spare/*.sql
var spareSQL embed.FS

// spare is a project or a database that a test may give back and another take, of any package: to make a new one costs Postgres much more than to empty
// one. Only what is as it was when it was new is given back: but for rows of tables, which are deleted.
type spare struct {
	// kind tells of what it was made.
	kind string
	// name is the project's ref, or the database's name.
	name      string
	passwords layout.Passwords
	// database is where it is; prefix what its schemas' names begin with, '' when all of the database is its own.
	database, prefix string
	// roles are all that belong to it; logins those whose sessions end with a test.
	roles, logins []string

	look   int64
	seeded []string
	seeds  string
}

// spares opens where spare ones are listed, once for all tests of a package.
var spares = sync.OnceValues(func() (*pgxpool.Pool, error) {
	config, err := spareConfig()
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, err
	}
	_, err = pool.Exec(context.Background(), spareText("make"))
	return pool, err
})

func spareConfig() (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(adminURL())
	if err != nil {
		return nil, errors.New("the URL of the test server is none")
	}
	config.MaxConns = 2
	return config, nil
}

func spareText(name string) string {
	text, err := spareSQL.ReadFile("spare/" + name + ".sql")
	if err != nil {
		panic(err) // they are built in
	}
	return string(text)
}

// take finds a spare one of the kind, and reports whether there was any.
func (s *spare) take(t testing.TB) bool {
	t.Helper()
	pool, err := spares()
	if err == nil {
		err = pool.QueryRow(t.Context(), spareText("take"), s.kind).Scan(&s.name, &s.passwords, &s.look, &s.seeded, &s.seeds)
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatalf("look for a spare %s: %s", s.kind, err)
	}
	return err == nil
}

// remember takes down how it is when it is new.
func (s *spare) remember(t testing.TB) {
	t.Helper()
	conn, err := s.inside()
	if err == nil {
		err = conn.QueryRow(t.Context(), spareText("seeded"), s.prefix).Scan(&s.seeded)
	}
	if err == nil {
		err = s.see(t.Context(), conn, &s.look, &s.seeds)
	}
	if err != nil {
		t.Fatalf("look at the new %s: %s", s.kind, err)
	}
}

func (s *spare) see(ctx context.Context, conn *pgxpool.Pool, look *int64, seeds *string) error {
	pool, err := spares()
	if err != nil {
		return err
	}
	var roles []uint32
	if err := pool.QueryRow(ctx, spareText("look_shared"), s.database, s.roles, s.prefix == "").Scan(look, &roles); err != nil {
		return err
	}
	var inside, counted int64
	if err := conn.QueryRow(ctx, spareText("look"), s.prefix, roles).Scan(&inside); err != nil {
		return err
	}
	if len(s.logins) > 0 {
		if err := conn.QueryRow(ctx, spareText("counted"), s.prefix).Scan(&counted); err != nil {
			return err
		}
	}
	*look ^= inside + counted
	if *seeds = ""; len(s.seeded) == 0 {
		return nil
	}
	return conn.QueryRow(ctx, spareText("seeds"), s.seeded).Scan(seeds)
}

// give empties it and gives it back, or reports that it is not as it was.
func (s *spare) give(ctx context.Context) (bool, error) {
	conn, err := s.inside()
	if err != nil {
		return false, err
	}
	for sessions := 1; sessions > 0; {
		if err := conn.QueryRow(ctx, spareText("sessions"), s.logins, s.prefix == "").Scan(&sessions); err != nil {
			return false, err
		}
	}
	var look int64
	var seeds, rows string
	if err := s.see(ctx, conn, &look, &seeds); err != nil || look != s.look || seeds != s.seeds {
		return false, err
	}
	if err := conn.QueryRow(ctx, spareText("rows"), s.prefix, s.seeded).Scan(&rows); err != nil {
		return false, err
	}
	if _, err := conn.Exec(ctx, rows, pgx.QueryExecModeSimpleProtocol); err != nil {
		return false, err
	}
	if _, err := conn.Exec(ctx, spareText("sequences"), s.prefix); err != nil {
		return false, err
	}
	passwords, err := json.Marshal(s.passwords)
	if err != nil {
		return false, err
	}
	pool, err := spares()
	if err == nil {
		_, err = pool.Exec(ctx, spareText("give"), s.name, s.kind, passwords, s.look, s.seeded, s.seeds)
	}
	return err == nil, err
}

var (
	insideMu sync.Mutex
	insides  = map[string]*pgxpool.Pool{} // by database
)

// inside are a superuser's connections to its database, for which triggers and foreign keys do not matter. They are kept: the next test of this package
// most likely takes it again.
func (s *spare) inside() (*pgxpool.Pool, error) {
	insideMu.Lock()
	defer insideMu.Unlock()
	if pool := insides[s.database]; pool != nil {
		return pool, nil
	}
	config, err := spareConfig()
	if err != nil {
		return nil, err
	}
	config.ConnConfig.Database = s.database
	config.ConnConfig.RuntimeParams["session_replication_role"] = "replica"
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err == nil {
		insides[s.database] = pool
	}
	return pool, err
}

// end gives it back at the test's end, or drops it if it cannot be or is not to be used again.
func (s *spare) end(t testing.TB, again bool, drop func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	given := false
	if again && !t.Failed() {
		var err error
		if given, err = s.give(ctx); err != nil {
			t.Logf("%s %s cannot be given back: %s", s.kind, s.name, err)
		}
	}
	if given {
		return
	}
	insideMu.Lock()
	if s.prefix == "" {
		if pool := insides[s.database]; pool != nil {
			pool.Close()
			delete(insides, s.database)
		}
	}
	insideMu.Unlock()
	if err := drop(ctx); err != nil {
		t.Errorf("%s", fmt.Errorf("drop %s: %w", s.name, err))
	}
}
