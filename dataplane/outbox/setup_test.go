package outbox_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

const patience = 20 * time.Second

// bundle is a project, a database for jobs, and queues over both.
type bundle struct {
	t       *testing.T
	project *directory.Project
	door    *projectdb.Door
	jobs    string
	known   *known
}

// known is a directory of one project.
type known struct {
	mu      sync.Mutex
	project *directory.Project
	err     error
}

func (k *known) ByRef(_ context.Context, ref string) (*directory.Project, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.err != nil:
		return nil, k.err
	case ref != k.project.Ref:
		return nil, directory.ErrNotFound
	}
	return k.project, nil
}

func (k *known) set(status directory.Status, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed := *k.project
	changed.Status = status
	k.project, k.err = &changed, err
}

func setup(t *testing.T, shared bool) *bundle {
	t.Helper()
	project, err := directory.FromSnapshot(testkit.Project(t, shared))
	require.NoError(t, err)
	door := projectdb.New(projectdb.Deps{Log: testkit.Logger(t), Metrics: prometheus.NewRegistry(), MaxConnections: 16})
	t.Cleanup(func() { require.NoError(t, door.Close(context.Background())) })
	b := &bundle{t: t, project: project, door: door, jobs: testkit.Jobs(t), known: &known{project: project}}
	return b
}

// both runs a test over both isolations.
func both(t *testing.T, test func(t *testing.T, b *bundle)) {
	t.Helper()
	t.Parallel()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setup(t, shared))
		})
	}
}

// handler handles items by a function.
type handler func(ctx context.Context, item outbox.Item) error

func (h handler) Handle(ctx context.Context, _ *projectdb.Session, item outbox.Item) error {
	return h(ctx, item)
}

// queue makes a queue that does not run yet.
func (b *bundle) queue(h handler, change ...func(*outbox.Deps)) *outbox.Queue {
	b.t.Helper()
	deps := outbox.Deps{
		URL: b.jobs, Projects: b.known, Binder: b.door, Log: testkit.Logger(b.t), Metrics: prometheus.NewRegistry(), Retry: 10 * time.Millisecond,
		Again: time.Second, Grace: time.Second, Drain: 10 * time.Second,
	}
	for _, c := range change {
		c(&deps)
	}
	q, err := outbox.New(deps)
	require.NoError(b.t, err)
	if h != nil {
		q.Register("auth", h)
	}
	return q
}

// run runs a queue until the test ends or stop is called, which waits for its end.
func (b *bundle) run(q *outbox.Queue) (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(b.t, <-ended)
		})
	}
	b.t.Cleanup(stop)
	return stop
}

// tx is a service's transaction.
type tx struct {
	pgx.Tx
	before []func(context.Context) error
	after  []func(context.Context)
}

func (t *tx) BeforeCommit(fn func(context.Context) error) { t.before = append(t.before, fn) }
func (t *tx) AfterCommit(fn func(context.Context))        { t.after = append(t.after, fn) }

// in runs fn as a request does.
func (b *bundle) in(fn func(tx *tx) error) error {
	var done *tx
	err := b.door.Bind(b.project, projectdb.Caller{}).InService(b.t.Context(), "auth", func(plain pgx.Tx) error {
		done = &tx{Tx: plain}
		if err := fn(done); err != nil {
			return err
		}
		for _, before := range done.before {
			if err := before(b.t.Context()); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		for _, after := range done.after {
			after(b.t.Context())
		}
	}
	return err
}

// add leaves an item for later.
func (b *bundle) add(q *outbox.Queue, text string) uuid.UUID {
	b.t.Helper()
	var id uuid.UUID
	require.NoError(b.t, b.in(func(tx *tx) (err error) {
		id, err = q.Add(b.t.Context(), tx, b.project.Ref, "auth", "test", map[string]any{"text": text, "secret": map[string]any{"code": "c0de" + text}})
		return err
	}))
	return id
}

type row struct {
	Text, Secret, LastError string
	Failed                  bool
	Attempts                int
}

// rows reads the outbox.
func (b *bundle) rows() (out []row) {
	b.t.Helper()
	require.NoError(b.t, b.door.Bind(b.project, projectdb.Caller{}).InService(b.t.Context(), "auth", func(tx pgx.Tx) error {
		found, err := tx.Query(b.t.Context(), "select payload ->> 'text', coalesce(payload ->> 'secret', ''), last_error, failed_at is not null, attempts from outbox order by created_at")
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(found, pgx.RowToStructByPos[row])
		return err
	}))
	return out
}

func (b *bundle) eventually(ok func() bool, what string) {
	b.t.Helper()
	require.Eventually(b.t, ok, patience, 20*time.Millisecond, what)
}

// sql runs a statement on the jobs' database.
func (b *bundle) sql(statement string) (out []string) {
	b.t.Helper()
	conn, err := pgx.Connect(b.t.Context(), b.jobs)
	require.NoError(b.t, err)
	defer func() { require.NoError(b.t, conn.Close(context.Background())) }()
	found, err := conn.Query(b.t.Context(), statement)
	require.NoError(b.t, err)
	out, err = pgx.CollectRows(found, pgx.RowTo[string])
	require.NoError(b.t, err)
	return out
}

// hurry makes every job that waits for its time due.
func (b *bundle) hurry() []string {
	kinds := b.sql("update river_job set state = 'available', scheduled_at = now() where state = 'scheduled' returning kind")
	for _, queue := range []string{"outbox_deliver", "outbox_sweep"} {
		b.sql(`select coalesce(pg_notify(current_schema() || '.river_insert', '{"queue":"` + queue + `"}')::text, '')`)
	}
	return kinds
}

func textOf(t *testing.T, item outbox.Item) string {
	var p struct{ Text string }
	require.NoError(t, json.Unmarshal(item.Payload, &p))
	return p.Text
}

// proxy stands before a database and can be taken down.
type proxy struct {
	t        *testing.T
	to, addr string
	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
}

// behindProxy changes the jobs' address to lead through a proxy that is down.
func (b *bundle) behindProxy() *proxy {
	b.t.Helper()
	u, err := url.Parse(b.jobs)
	require.NoError(b.t, err)
	port, err := testkit.FreePort()
	require.NoError(b.t, err)
	p := &proxy{t: b.t, to: u.Host, addr: (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String()}
	b.t.Cleanup(p.down)
	return p
}

func (p *proxy) through(address string) string {
	u, err := url.Parse(address)
	require.NoError(p.t, err)
	u.Host = p.addr
	return u.String()
}

func (p *proxy) up() {
	listener, err := net.Listen("tcp", p.addr)
	require.NoError(p.t, err)
	p.mu.Lock()
	p.listener = listener
	p.mu.Unlock()
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", p.to)
			if err != nil {
				_ = in.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, in, out)
			p.mu.Unlock()
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
		}
	}()
}

func (p *proxy) down() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
	}
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.listener, p.conns = nil, nil
}

var silent = func(d *outbox.Deps) { d.Log = slog.New(slog.DiscardHandler) }
