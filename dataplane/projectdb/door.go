package projectdb

import (
	"container/list"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Deps are what a Door needs.
type Deps struct {
	Log     *slog.Logger
	Metrics prometheus.Registerer
	// MaxConnections is the worker's budget, shared by all projects.
	MaxConnections int
	// IdleTimeout is how long an unused connection is kept.
	IdleTimeout time.Duration
	// AcquireTimeout is how long a request waits for a connection; zero for 5 seconds.
	AcquireTimeout time.Duration
	// MaxLifetime is how long a connection is used; zero for as long as it lasts.
	MaxLifetime time.Duration
	// OneProject gives the whole budget to one project; otherwise a project has a quarter at most, and the last quarter is for
	// projects that use none.
	OneProject bool
	// Served reports whether a project is still served; nil for always. A connection that work from before a pause or a deletion opens
	// after Forget is not kept then.
	Served func(ref string) bool
	// Pooled tells of a pooler between, which gives each transaction any connection: nothing is kept prepared on the server.
	Pooled bool
}

// Door holds the pools of all projects of a worker. A project that is not used has no pool, no connection and no
// goroutine.
type Door struct {
	log            *slog.Logger
	metrics        *metrics
	served         func(ref string) bool
	max, perPool   int
	inUse          int // over all pools
	idleTimeout    time.Duration
	acquireTimeout time.Duration
	maxLifetime    time.Duration
	oneProject     bool
	pooled         bool
	developers     *turns

	mu      sync.Mutex
	pools   map[poolKey]*pool
	open    int        // connections that count against the budget, those being opened and closed included
	idle    *list.List // of *conn, longest idle first
	waiters *list.List // of *waiter, longest waiting first
	closed  bool
	drained chan struct{} // closed when closed and open is 0
	stop    chan struct{}
}

// New makes a Door. Close ends it.
func New(deps Deps) *Door {
	if deps.MaxConnections < 1 {
		deps.MaxConnections = 80
	}
	if deps.IdleTimeout <= 0 {
		deps.IdleTimeout = 30 * time.Second
	}
	if deps.AcquireTimeout <= 0 {
		deps.AcquireTimeout = 5 * time.Second
	}
	d := &Door{
		log: deps.Log, served: deps.Served, max: deps.MaxConnections, perPool: min(max(deps.MaxConnections/4, 2), deps.MaxConnections),
		idleTimeout: deps.IdleTimeout, acquireTimeout: deps.AcquireTimeout, maxLifetime: deps.MaxLifetime,
		oneProject: deps.OneProject, pooled: deps.Pooled,
		pools: map[poolKey]*pool{}, idle: list.New(), waiters: list.New(),
		drained: make(chan struct{}), stop: make(chan struct{}),
	}
	if d.oneProject {
		d.perPool = d.max
	}
	d.developers = newTurns(d.perPool)
	d.metrics = newMetrics(deps.Metrics, d)
	go d.janitor()
	return d
}

// Forget closes a project's idle connections, and those in use as soon as they are free. The gateway calls it when a
// project is paused, deleted or moved; what comes later opens new ones.
func (d *Door) Forget(ref string) {
	d.mu.Lock()
	var closing []*conn
	for key, p := range d.pools {
		if key.ref == ref {
			closing = append(closing, d.retire(p)...)
		}
	}
	d.mu.Unlock()
	d.closeAll(closing)
}

// Close refuses new work, waits for what is running until ctx ends, and closes every connection.
func (d *Door) Close(ctx context.Context) error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	close(d.stop)
	var closing []*conn
	for _, p := range d.pools {
		closing = append(closing, d.retire(p)...)
	}
	for e := d.waiters.Front(); e != nil; e = d.waiters.Front() {
		d.waiters.Remove(e)
		e.Value.(*waiter).give(nil, errClosed())
	}
	if d.open == 0 {
		close(d.drained)
	}
	d.mu.Unlock()
	d.closeAll(closing)
	select {
	case <-d.drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Connections returns how many connections are open, and how many of them are idle.
func (d *Door) Connections() (open, idle int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open, d.idle.Len()
}

// janitor closes what has been idle for too long.
func (d *Door) janitor() {
	tick := time.NewTicker(max(d.idleTimeout/4, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-d.stop:
			return
		case now := <-tick.C:
			d.closeIdle(now.Add(-d.idleTimeout))
		}
	}
}

func (d *Door) closeIdle(before time.Time) {
	d.mu.Lock()
	var closing []*conn
	for e := d.idle.Front(); e != nil && e.Value.(*conn).since.Before(before); e = d.idle.Front() {
		c := e.Value.(*conn)
		d.unidle(c)
		closing = append(closing, c)
	}
	d.mu.Unlock()
	d.closeAll(closing)
}

func (d *Door) closeAll(conns []*conn) {
	for _, c := range conns {
		d.discard(c)
	}
}

func errClosed() error {
	return fault.New(fault.Unavailable, "WORKER_STOPPING", "This worker is stopping. Try again.")
}

func errExhausted(cause error) error {
	return fault.Wrap(cause, fault.Unavailable, "CONNECTIONS_EXHAUSTED",
		"All database connections are busy. Try again in a moment; slow queries or too many at once are the usual reason.")
}

// checkProject checks that a snapshot can be connected to at all.
func checkProject(p *directory.Project) error {
	if p == nil || p.Ref == "" || p.Host == "" || p.Database == "" {
		return fault.New(fault.Internal, "NO_PLACEMENT", "The project has no database.")
	}
	return nil
}
