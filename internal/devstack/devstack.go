package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// controlDatabase is the control plane's database on the embedded server.
const controlDatabase = "fluxbase_control"

// jobsDatabase is that of the workers' jobs, on the same server as the control plane's.
const jobsDatabase = "fluxbase_jobs"

// Options say whom a stack tells what.
type Options struct {
	Progress io.Writer
	Log      *slog.Logger
}

// Stack is what runs behind `fluxbase dev`.
type Stack struct {
	// Config is the one given, with what was missing filled in.
	Config config.Config

	unlock   func()
	postgres *Postgres
	redis    *Redis
	s3       *S3
}

// Start starts what the configuration does not name: PostgreSQL, Redis, an object store, secrets. Everything is kept in
// its data folder, which one process at a time can use. It may change the working directory.
func Start(ctx context.Context, c config.Config, o Options) (*Stack, error) {
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	s := &Stack{Config: c}
	s.Config.DataDir = dir
	if s.Config.Dataplane.CacheDir, err = filepath.Abs(c.Dataplane.CacheDir); err != nil {
		return nil, fmt.Errorf("find the cache folder: %w", err)
	}
	if err := s.lock(dir); err != nil {
		return nil, err
	}
	if err := s.start(ctx, o); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Stack) lock(dir string) error {
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711 // another user runs PostgreSQL, and passes through
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return fmt.Errorf("make the data folder: %w: choose another with --data-dir", err)
	}
	unlock, holder, err := tryLock(filepath.Join(dir, "lock"))
	if errors.Is(err, errLocked) {
		return fmt.Errorf("another `fluxbase dev` (process %s) uses the data folder %s: stop it, or choose another folder with --data-dir", holder, dir)
	}
	s.unlock = unlock
	return err
}

func (s *Stack) start(ctx context.Context, o Options) error {
	made, err := loadSecrets(s.Config.DataDir)
	if err != nil {
		return err
	}
	c := &s.Config
	fill(&c.MasterKey, made.MasterKey)
	fill(&c.ServiceToken, made.ServiceToken)
	if c.DatabaseURL != "" {
		fill(&c.ClusterURL, c.DatabaseURL.Reveal())
	}
	// Each writes fields of its own.
	group, groupCtx := errgroup.WithContext(ctx)
	if c.DatabaseURL == "" || c.ClusterURL == "" {
		group.Go(func() error { return s.startPostgres(groupCtx, o, made.PostgresPassword) })
	}
	group.Go(func() error {
		if c.RedisURL != "" {
			return nil
		}
		server, err := StartRedis()
		if err != nil {
			return err
		}
		s.redis, c.RedisURL = server, config.Secret(server.URL)
		return nil
	})
	group.Go(func() error {
		if c.S3.Endpoint != "" {
			return nil
		}
		store, err := StartS3(ctx, S3Options{
			Dir: filepath.Join(c.DataDir, "s3"), AccessKey: made.S3AccessKey, SecretKey: made.S3SecretKey, BucketPrefix: c.S3.BucketPrefix,
		})
		if err != nil {
			return err
		}
		s.s3, c.S3 = store, store.Config
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return s.makeJobs(ctx)
}

// makeJobs makes the database of the workers' jobs unless the configuration names one.
func (s *Stack) makeJobs(ctx context.Context) error {
	c := &s.Config
	if c.JobsURL != "" {
		return nil
	}
	beside, err := url.Parse(c.DatabaseURL.Reveal())
	if err != nil {
		return errors.New("FLUXBASE_DATABASE_URL is no address of a database") // the cause may hold the password
	}
	if err := createDatabase(ctx, beside.String(), jobsDatabase); err != nil {
		return fmt.Errorf("%w: or name one that is there with FLUXBASE_JOBS_URL", err)
	}
	beside.Path = "/" + jobsDatabase
	c.JobsURL = config.Secret(beside.String())
	return nil
}

// createDatabase creates a database on the server that an address is of. One that is there is the usual case, from the second start on.
func createDatabase(ctx context.Context, address, name string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var there bool
	if err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", name).Scan(&there); err == nil && there {
		return nil
	}
	if _, err := conn.Exec(ctx, "create database "+pg.Ident(name)); err != nil && pg.Code(err) != "42P04" {
		return fmt.Errorf("create the database %s: %w", name, err)
	}
	return nil
}

func (s *Stack) startPostgres(ctx context.Context, o Options, password string) error {
	server, err := StartPostgres(ctx, PostgresOptions{
		Dir: filepath.Join(s.Config.DataDir, "postgres"), Password: password, Progress: o.Progress, Log: o.Log,
	})
	if err != nil {
		return err
	}
	s.postgres = server
	if err := createDatabase(ctx, server.URL("postgres"), controlDatabase); err != nil {
		return err
	}
	fill(&s.Config.DatabaseURL, server.URL(controlDatabase))
	fill(&s.Config.ClusterURL, server.URL("postgres"))
	return nil
}

// Stop ends what was started, PostgreSQL last.
func (s *Stack) Stop() {
	if s.s3 != nil {
		s.s3.Stop()
	}
	if s.redis != nil {
		s.redis.Stop()
	}
	if s.postgres != nil {
		s.postgres.Stop()
	}
	if s.unlock != nil {
		s.unlock()
	}
}

func fill(field *config.Secret, value string) {
	if *field == "" {
		*field = config.Secret(value)
	}
}
