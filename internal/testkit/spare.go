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
// one. Only what is as it was when it was new is given back: but for rows of tables, which are deleted, and for what a project's owner made, which is dropped.
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

	// How it was when it was new: without the rows of tables, and those of tables that had some.
	look, wholeLook int64
	newest          int64 // the highest id of an object
	seeded          []string
	seeds           string
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
		err = pool.QueryRow(t.Context(), spareText("take"), s.kind).Scan(&s.name, &s.passwords, &s.look, &s.wholeLook, &s.newest, &s.seeded, &s.seeds)
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
	for _, ask := range []struct {
		query string
		into  any
	}{{"seeded", &s.seeded}, {"newest", &s.newest}} {
		if err == nil {
			err = conn.QueryRow(t.Context(), spareText(ask.query), s.prefix).Scan(ask.into)
		}
	}
	if err == nil {
		s.look, err = s.see(t.Context(), conn, false)
	}
	if err == nil {
		s.wholeLook, err = s.see(t.Context(), conn, true)
	}
	if err == nil {
		s.seeds, err = s.read(t.Context(), conn)
	}
	if err != nil {
		t.Fatalf("look at the new %s: %s", s.kind, err)
	}
}

// see tells what it is like but for the rows of tables. The whole look is the same as long as the schema is; the other is quick, and may be another though all is
// the same.
func (s *spare) see(ctx context.Context, conn *pgxpool.Pool, whole bool) (int64, error) {
	pool, err := spares()
	if err != nil {
		return 0, err
	}
	var shared, inside, counted int64
	var roles []uint32
	if err := pool.QueryRow(ctx, spareText("look_shared"), s.database, s.roles, s.prefix == "").Scan(&shared, &roles); err != nil {
		return 0, err
	}
	if err := conn.QueryRow(ctx, spareText("look"), s.prefix, roles, whole || !s.project()).Scan(&inside); err != nil {
		return 0, err
	}
	if s.project() && !whole {
		if err := conn.QueryRow(ctx, spareText("counted"), s.prefix).Scan(&counted); err != nil {
			return 0, err
		}
	}
	return shared ^ (inside + counted), nil
}

// read tells the rows of tables that had some when it was new.
func (s *spare) read(ctx context.Context, conn *pgxpool.Pool) (seeds string, err error) {
	if len(s.seeded) > 0 {
		err = conn.QueryRow(ctx, spareText("seeds"), s.seeded).Scan(&seeds)
	}
	return seeds, err
}

// project reports whether it is a project, whose changes of the schema are counted.
func (s *spare) project() bool { return len(s.logins) > 0 }

// restored reports whether it is as it was, once what a test made is dropped.
func (s *spare) restored(ctx context.Context, conn *pgxpool.Pool) (bool, error) {
	if seeds, err := s.read(ctx, conn); err != nil || seeds != s.seeds {
		return false, err
	}
	look, err := s.see(ctx, conn, false)
	if err != nil || look == s.look || !s.project() {
		return look == s.look, err
	}
	var younger string
	if err := conn.QueryRow(ctx, spareText("younger"), s.prefix, s.newest).Scan(&younger); err != nil {
		return false, err
	}
	if _, err := conn.Exec(ctx, younger, pgx.QueryExecModeSimpleProtocol); err != nil {
		return false, nil //nolint:nilerr // there are things that cannot be dropped so
	}
	if look, err = s.see(ctx, conn, true); err != nil || look != s.wholeLook {
		return false, err
	}
	s.look, err = s.see(ctx, conn, false)
	return err == nil, err
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
	if same, err := s.restored(ctx, conn); err != nil || !same {
		return false, err
	}
	var rows string
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
		_, err = pool.Exec(ctx, spareText("give"), s.name, s.kind, passwords, s.look, s.wholeLook, s.newest, s.seeded, s.seeds)
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
