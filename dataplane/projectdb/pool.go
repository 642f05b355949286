package projectdb

import (
	"container/list"
	"context"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// login tells a project's pools apart. Connections are never shared between logins, nor between projects.
type login int

const (
	authenticator login = iota // runs requests
	admin                      // runs the services' own SQL, but for storage's
	storage                    // runs storage's
	owner                      // runs a developer's SQL; never pooled
)

type poolKey struct {
	ref   string
	login login
}

// pool is one login's connections. Its fields are guarded by the door's lock.
type pool struct {
	key     poolKey
	target  target
	free    []*conn // the most recently used last
	open    int
	inUse   int
	retired bool
}

// target is where and as whom a pool connects. It is comparable: a project that moved or changed its password has
// another one.
type target struct {
	host              string
	port              int
	database, sslMode string
	login             directory.Login
	connString        string // in place of all but the revision
	revision          int64
}

func targetOf(p *directory.Project, l login) target {
	t := target{host: p.Host, port: p.Port, database: p.Database, sslMode: p.SSLMode, revision: p.Revision}
	switch l {
	case authenticator:
		t.login, t.connString = p.Authenticator, p.ConnString
	case storage:
		if t.login = p.Storage; t.login.User != "" {
			break
		}
		fallthrough // a project from before that login, which is not migrated yet
	case admin:
		t.login = p.Admin
	case owner:
		t.login = p.Owner
	}
	return t
}

func (t target) same(o target) bool {
	t.revision, o.revision = 0, 0
	return t == o
}

// waiter is a request that waits for a connection, or for the right to open one.
type waiter struct {
	pool *pool
	got  chan struct{}
	conn *conn // nil with a nil err: open one
	err  error
}

func (w *waiter) give(c *conn, err error) {
	w.conn, w.err = c, err
	close(w.got)
}

// acquire returns a connection for the project, an idle one unless fresh is set.
func (d *Door) acquire(ctx context.Context, p *directory.Project, l login, fresh bool) (*conn, error) {
	if err := checkProject(p); err != nil {
		return nil, err
	}
	for {
		c, err := d.take(ctx, p, l, fresh)
		if err != nil {
			return nil, err
		}
		if c.pg != nil { // it was idle
			if c.stale() {
				d.discard(c)
				continue
			}
			return c, nil
		}
		if err := c.connect(ctx); err != nil {
			d.discard(c)
			return nil, err
		}
		d.metrics.opened.Inc()
		return c, nil
	}
}

// take finds an idle connection, or the right to open one: a conn without a Postgres connection.
func (d *Door) take(ctx context.Context, p *directory.Project, l login, fresh bool) (*conn, error) {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil, errClosed()
	}
	pl, stale := d.pool(p, l)
	if d.reserved(pl) {
		w := &waiter{pool: pl, got: make(chan struct{})}
		e := d.waiters.PushBack(w)
		d.mu.Unlock()
		d.closeAll(stale)
		return d.wait(ctx, w, e)
	}
	if len(pl.free) > 0 && !fresh {
		c := d.reuse(pl)
		d.mu.Unlock()
		d.closeAll(stale)
		return c, nil
	}
	if c, evicted := d.admit(pl); c != nil {
		d.mu.Unlock()
		if evicted != nil {
			stale = append(stale, evicted)
		}
		d.closeAll(stale)
		return c, nil
	}
	w := &waiter{pool: pl, got: make(chan struct{})}
	e := d.waiters.PushBack(w)
	d.mu.Unlock()
	d.closeAll(stale)
	return d.wait(ctx, w, e)
}

// reserved reports whether what is left of the budget is kept from the pool: its last quarter is for pools that use nothing, so that
// a few projects whose statements are slow cannot keep all others out.
func (d *Door) reserved(pl *pool) bool {
	return !d.oneProject && pl.inUse > 0 && d.inUse >= d.max-d.max/4
}

// reuse takes the pool's most recently used idle connection.
func (d *Door) reuse(pl *pool) *conn {
	c := pl.free[len(pl.free)-1]
	d.unidle(c)
	c.used = true
	pl.inUse++
	d.inUse++
	return c
}

// admit makes a new connection of the pool count, when the budget allows it, if need be by closing another's longest idle one.
func (d *Door) admit(pl *pool) (c, evicted *conn) {
	if pl.open >= d.perPool {
		// A pool that is full may still swap one of its own idle ones, for a fresh one.
		if len(pl.free) == 0 {
			return nil, nil
		}
		evicted = pl.free[0]
	} else if d.open >= d.max {
		front := d.idle.Front()
		if front == nil {
			return nil, nil
		}
		evicted = front.Value.(*conn)
	}
	if evicted != nil {
		d.unidle(evicted)
		d.metrics.evicted.Inc()
	}
	// For a moment one above the budget with the evicted one, which is closed before the new one is opened.
	return d.newConn(pl), evicted
}

// newConn counts a connection that is about to be opened.
func (d *Door) newConn(pl *pool) *conn {
	pl.open++
	pl.inUse++
	d.inUse++
	d.open++
	return &conn{door: d, pool: pl, used: true}
}

func (d *Door) wait(ctx context.Context, w *waiter, e *list.Element) (*conn, error) {
	d.metrics.waited.Inc()
	timer := time.NewTimer(d.acquireTimeout)
	defer timer.Stop()
	var cause error
	select {
	case <-w.got:
		return w.conn, w.err
	case <-ctx.Done():
		cause = ctx.Err()
	case <-timer.C:
		cause = context.DeadlineExceeded
	}
	d.mu.Lock()
	select {
	case <-w.got: // it was served meanwhile: hand it on
		d.mu.Unlock()
		if w.conn != nil {
			d.release(w.conn)
		}
	default:
		d.waiters.Remove(e)
		d.mu.Unlock()
	}
	if ctx.Err() != nil {
		return nil, contextFault(ctx)
	}
	d.metrics.exhausted.Inc()
	return nil, errExhausted(cause)
}

// pool finds or makes the pool, and retires it first when the project has moved.
func (d *Door) pool(p *directory.Project, l login) (*pool, []*conn) {
	key := poolKey{p.Ref, l}
	pl := d.pools[key]
	t := targetOf(p, l)
	var stale []*conn
	if pl != nil && !pl.target.same(t) && t.revision >= pl.target.revision {
		stale = d.retire(pl)
		pl = nil
	}
	if pl == nil {
		pl = &pool{key: key, target: t}
		d.pools[key] = pl
	}
	return pl, stale
}

// retire takes a pool out of use. It returns its idle connections, for the caller to close; waiters go over to a new pool
// when they are served.
func (d *Door) retire(pl *pool) []*conn {
	pl.retired = true
	if d.pools[pl.key] == pl {
		delete(d.pools, pl.key)
	}
	var closing []*conn
	for len(pl.free) > 0 {
		c := pl.free[0]
		d.unidle(c)
		closing = append(closing, c)
	}
	return closing
}

// unidle takes a connection out of the idle lists.
func (d *Door) unidle(c *conn) {
	pl := c.pool
	for i := len(pl.free) - 1; i >= 0; i-- {
		if pl.free[i] == c {
			pl.free = append(pl.free[:i], pl.free[i+1:]...)
			break
		}
	}
	d.idle.Remove(c.element)
	c.element = nil
}

// release gives a clean connection back.
func (d *Door) release(c *conn) {
	if c.pg == nil || c.pg.IsClosed() {
		d.discard(c)
		return
	}
	if d.served != nil && c.since.IsZero() && !d.served(c.pool.key.ref) {
		d.discard(c)
		return
	}
	d.mu.Lock()
	if c.pool.retired || d.closed {
		d.mu.Unlock()
		d.discard(c)
		return
	}
	c.used = false
	c.pool.inUse--
	d.inUse--
	c.since = time.Now()
	c.element = d.idle.PushBack(c)
	c.pool.free = append(c.pool.free, c)
	evicted := d.serve()
	d.mu.Unlock()
	d.closeAll(evicted)
}

// next finds the waiter to serve: of the pool with the fewest connections in use, the one waiting longest.
func (d *Door) next() *list.Element {
	var best *list.Element
	for e := d.waiters.Front(); e != nil; e = e.Next() {
		pl := e.Value.(*waiter).pool
		opens := pl.open < d.perPool && (d.open < d.max || d.idle.Len() > 0)
		if d.reserved(pl) || len(pl.free) == 0 && !opens {
			continue
		}
		if best == nil || pl.inUse < best.Value.(*waiter).pool.inUse {
			best = e
		}
	}
	return best
}

// discard closes a connection and frees its place.
func (d *Door) discard(c *conn) {
	done := c.shut()
	select {
	case <-done:
		d.free(c)
	default: // a cancelled query is still being ended: its place is free when the server has let go of it
		go func() {
			<-done
			d.free(c)
		}()
	}
}

// free makes a closed connection count no more.
func (d *Door) free(c *conn) {
	d.mu.Lock()
	pl := c.pool
	pl.open--
	if c.used {
		c.used = false
		pl.inUse--
		d.inUse--
	}
	d.open--
	if pl.open == 0 && d.pools[pl.key] == pl && !d.waitedFor(pl) {
		delete(d.pools, pl.key)
		pl.retired = true
	}
	evicted := d.serve()
	if d.closed && d.open == 0 {
		close(d.drained)
	}
	d.mu.Unlock()
	d.closeAll(evicted)
}

// serve gives waiters idle connections of their pools, or lets them open new ones, while the budget allows. It returns the
// connections that made room, for the caller to close without the lock.
func (d *Door) serve() (evicted []*conn) {
	for e := d.next(); e != nil; e = d.next() {
		w := d.waiters.Remove(e).(*waiter)
		if len(w.pool.free) > 0 {
			w.give(d.reuse(w.pool), nil)
			continue
		}
		c, closing := d.admit(w.pool)
		if closing != nil {
			evicted = append(evicted, closing)
		}
		w.give(c, nil)
	}
	return evicted
}

func (d *Door) waitedFor(pl *pool) bool {
	for e := d.waiters.Front(); e != nil; e = e.Next() {
		if e.Value.(*waiter).pool == pl {
			return true
		}
	}
	return false
}

// contextFault renders the end of a request's context.
func contextFault(ctx context.Context) error {
	if ctx.Err() == context.DeadlineExceeded {
		return fault.Wrap(context.Cause(ctx), fault.DeadlineExceeded, "REQUEST_TIMEOUT", "The request took too long and was stopped.")
	}
	return fault.Wrap(context.Cause(ctx), fault.Canceled, "CANCELED", "The request was canceled.")
}
