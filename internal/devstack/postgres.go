package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/internal/pg"
)

// PostgresOptions say how a PostgreSQL runs.
type PostgresOptions struct {
	// Dir is its data folder, made at the first start. Nothing else may use it: the caller holds a lock on what is above.
	Dir string
	// Password is that of the superuser "postgres". The first start sets it.
	Password string
	// Progress is told of what takes long; Log of what goes wrong later.
	Progress io.Writer
	Log      *slog.Logger
	// Settings go over the defaults.
	Settings map[string]string
}

// Postgres is a PostgreSQL server that runs as a child of this process, listens on 127.0.0.1, is restarted when it dies
// and ends when this process ends.
type Postgres struct {
	options  PostgresOptions
	folder   dataFolder
	binaries binaries
	port     int
	logFile  *os.File

	mu      sync.Mutex
	server  *child
	unwatch context.CancelFunc
	watched chan struct{} // closed when the watcher has ended
}

// Tuned for many small, mostly idle databases on a small machine.
var settings = map[string]string{
	"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "password_encryption": "scram-sha-256",
	"max_connections": "200", "shared_buffers": "128MB", "work_mem": "4MB", "maintenance_work_mem": "32MB", "max_wal_size": "512MB",
	"max_locks_per_transaction": "256", "jit": "off", "huge_pages": "off",
	"autovacuum_naptime": "5min", "autovacuum_max_workers": "2", "max_parallel_workers_per_gather": "1",
	"wal_level": "logical", "max_replication_slots": "100", "max_wal_senders": "100", "max_worker_processes": "16",
	"log_min_messages": "warning", "log_min_error_statement": "panic", // statements may hold passwords
	"log_timezone": "UTC", "timezone": "UTC",
}

const (
	stopTimeout  = 30 * time.Second
	readyTimeout = 3 * time.Minute // recovery after a crash may take that long
)

// StartPostgres installs PostgreSQL when needed, initialises its folder when needed, and starts it.
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	user, err := postgresUser()
	if err != nil {
		return nil, err
	}
	programs, err := findBinaries(ctx, o.Progress)
	if err != nil {
		return nil, err
	}
	if err := user.checkReach(ctx, programs.dir); err != nil {
		return nil, err
	}
	p := &Postgres{options: o, binaries: programs, folder: dataFolder{o.Dir, user}, watched: make(chan struct{})}
	if err := p.folder.prepare(ctx, programs, o.Password); err != nil {
		return nil, err
	}
	if err := user.checkReach(ctx, o.Dir); err != nil {
		return nil, err
	}
	if p.logFile, err = openLog(o.Dir + ".log"); err != nil {
		return nil, err
	}
	kept, err := p.folder.readMark()
	if err != nil {
		return nil, err
	}
	if err := p.folder.stopOrphan(ctx); err != nil {
		return nil, err
	}
	p.port = kept.Port
	if err := p.choosePort(ctx); err != nil {
		return nil, err
	}
	if err := p.start(ctx); err != nil {
		_ = p.logFile.Close()
		return nil, err
	}
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	p.unwatch = unwatch
	go p.watch(watching, p.server)
	return p, nil
}

// URL is the superuser's address of a database.
func (p *Postgres) URL(database string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword("postgres", p.options.Password), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}).String()
}

// Stop ends the server: open transactions are rolled back, everything committed is on disk.
func (p *Postgres) Stop() {
	p.unwatch()
	if err := p.current().stop(stopTimeout); err != nil {
		p.options.Log.Warn("PostgreSQL was killed; it recovers at the next start", "error", err)
	}
	<-p.watched
	_ = p.logFile.Close()
}

// choosePort keeps the port of the last start, or takes a free one and keeps that.
func (p *Postgres) choosePort(ctx context.Context) error {
	addr, err := freeAddr(ctx, p.port)
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	if n == p.port {
		return nil
	}
	p.port = n
	return writeMark(p.folder.dir, mark{Port: n})
}

// start runs the server and waits until it answers. What is left of a killed server (shared memory, its last processes)
// goes away within a moment, so that an early end is tried again.
func (p *Postgres) start(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		begin, _ := p.logFile.Seek(0, io.SeekEnd)
		server, err := startChild("INT", p.folder.user.as(), p.logFile, p.binaries.program("postgres"), p.arguments()...)
		if err != nil {
			return err
		}
		err = p.awaitReady(ctx, server)
		if err == nil {
			p.mu.Lock()
			p.server = server
			p.mu.Unlock()
			return nil
		}
		_ = server.stop(stopTimeout)
		said := p.logSince(begin)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case attempt < 50 && strings.Contains(said, "pre-existing shared memory block"):
			if !pause(ctx, 200*time.Millisecond) {
				return ctx.Err()
			}
		case attempt < 5 && strings.Contains(said, "could not bind"):
			if err := p.choosePort(ctx); err != nil {
				return err
			}
		default:
			return fmt.Errorf("start PostgreSQL: %w; its log is %s and says:\n%s", err, p.logFile.Name(), said)
		}
	}
}

func (p *Postgres) arguments() []string {
	all := maps.Clone(settings)
	maps.Copy(all, p.options.Settings)
	all["port"] = strconv.Itoa(p.port)
	args := []string{"-D", p.folder.dir}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		args = append(args, "-c", name+"="+all[name])
	}
	return args
}

func (p *Postgres) awaitReady(ctx context.Context, server *child) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, errors.New("no answer in time"))
	defer cancel()
	slow := time.AfterFunc(10*time.Second, func() {
		_, _ = fmt.Fprintln(p.options.Progress, "Waiting for PostgreSQL, which may be recovering from a crash…")
	})
	defer slow.Stop()
	for {
		attempt, cancelAttempt := context.WithTimeout(ctx, 5*time.Second)
		conn, err := pgx.Connect(attempt, p.URL("postgres"))
		cancelAttempt()
		if err == nil {
			_ = conn.Close(ctx)
			return nil
		}
		if strings.HasPrefix(pg.Code(err), "28") { // it answers, and the password is wrong
			return errors.New("the password in secrets.json is not the one that the data folder was made with: restore the file that belongs to it")
		}
		select {
		case <-server.done:
			return fmt.Errorf("it ended early (%w)", errors.Join(server.err))
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(15 * time.Millisecond):
		}
	}
}

// watch starts the server again when it dies.
func (p *Postgres) watch(ctx context.Context, server *child) {
	defer close(p.watched)
	for wait := 100 * time.Millisecond; ; {
		<-server.done
		if ctx.Err() != nil {
			return
		}
		p.options.Log.Error("PostgreSQL ended by itself and is started again", "error", server.err)
		began := time.Now()
		err := p.restart(ctx)
		server = p.current()
		if ctx.Err() != nil {
			if err == nil {
				_ = server.stop(stopTimeout) // Stop may have seen the one before
			}
			return
		}
		if err != nil {
			p.options.Log.Error("PostgreSQL does not start", "error", err)
		}
		if time.Since(began) > time.Minute {
			wait = 100 * time.Millisecond
		}
		if !pause(ctx, wait) {
			_ = server.stop(stopTimeout)
			return
		}
		wait = min(2*wait, 10*time.Second)
	}
}

func (p *Postgres) current() *child {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server
}

func (p *Postgres) restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := p.folder.stopOrphan(ctx); err != nil {
		return err
	}
	return p.start(ctx)
}

// openLog opens PostgreSQL's log, and begins anew when the old one is large.
func openLog(name string) (*os.File, error) {
	if info, err := os.Stat(name); err == nil && info.Size() > 10<<20 {
		if err := os.Rename(name, name+".old"); err != nil {
			return nil, fmt.Errorf("set PostgreSQL's old log aside: %w", err)
		}
	}
	file, err := os.OpenFile(filepath.Clean(name), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL's log: %w", err)
	}
	return file, nil
}

// logSince returns the end of what was logged from an offset on.
func (p *Postgres) logSince(begin int64) string {
	const most = 4000
	end, err := p.logFile.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	text := make([]byte, min(max(end-begin, 0), most))
	n, _ := p.logFile.ReadAt(text, end-int64(len(text)))
	return strings.TrimSpace(string(text[:n]))
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
