package projectdb

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

const (
	// connectTimeout bounds opening a connection.
	connectTimeout = 10 * time.Second
	// statementsPerConnection is how many prepared statements a connection keeps, statementBytes how long one may be to be
	// kept: the server takes some hundred times as much, and whoever sends the request makes the text.
	statementsPerConnection = 128
	statementBytes          = 8 << 10
	// maxMessage bounds what the server may send at once, which is a row or more, and so what a project's SQL can make the
	// worker hold for a request.
	maxMessage = 64 << 20
	// cancelGrace is how long a cancelled backend may go on before it is terminated.
	cancelGrace = 3 * time.Second
)

// conn is one connection of a pool. Only its holder touches it; element, used and since are guarded by the door's lock.
type conn struct {
	door *Door
	pool *pool
	pg   *pgx.Conn // nil until connected

	statements map[statementKey]*list.Element
	recent     *list.List // of *prepared, most recently used first
	named      int
	most       int // the most prepared statements ever seen, for logins whose statements pgx names
	meter      meter

	element *list.Element
	used    bool
	// sequences tells that the session may know values that a plain write took from sequences (currval, lastval).
	sequences bool
	since     time.Time
	opened    time.Time
	values    [][]byte // scratch
}

// statementKey tells prepared statements apart. The role and the search path are part of it, because the server resolves names
// and checks the use of schemas when it prepares.
type statementKey struct{ role, path, sql string }

type prepared struct {
	key  statementKey
	name string
	desc *pgconn.StatementDescription // nil until the server has described it
}

// config makes the connection's settings.
func (t target) config(pooled bool) (*pgx.ConnConfig, error) {
	cfg, err := t.parse()
	if err != nil {
		return nil, err
	}
	cfg.ConnectTimeout = connectTimeout
	cfg.MaxProtocolMessageBodyLen = maxMessage
	params := map[string]string{
		"application_name":                    "fluxbase",
		"client_min_messages":                 "warning",
		"client_connection_check_interval":    "10s",
		"idle_in_transaction_session_timeout": "5min",
	}
	if t.connString == "" {
		cfg.RuntimeParams = params
		return cfg, nil
	}
	for name, value := range params {
		if _, given := cfg.RuntimeParams[name]; !given && (!pooled || name == "application_name") { // poolers know few parameters
			cfg.RuntimeParams[name] = value
		}
	}
	return cfg, nil
}

// foreign are parameters of libpq that are no settings of the server and that we have no use for.
var foreign = []string{"gssencmode", "gssdelegation", "gsslib", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
	"requirepeer", "requiressl", "sslcompression", "sslcrl", "sslcrldir", "ssl_min_protocol_version", "ssl_max_protocol_version", "load_balance_hosts",
	"fallback_application_name", "hostaddr", "require_auth"}

// ParseConnString reads a connection string of libpq. Its error does not show the string.
func ParseConnString(s string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(s)
	if err != nil {
		return nil, errors.New("it is no connection string of libpq: it must be postgres://user:password@host:port/database, or host=… port=… dbname=… user=… password=…")
	}
	if address := cfg.RuntimeParams["hostaddr"]; address != "" {
		cfg.Host = address
	}
	for _, name := range foreign {
		delete(cfg.RuntimeParams, name)
	}
	return cfg, nil
}

func (t target) parse() (*pgx.ConnConfig, error) {
	if t.connString != "" {
		return ParseConnString(t.connString)
	}
	quote := func(s string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	}
	sslMode := t.sslMode
	if sslMode == "" {
		sslMode = "prefer"
	}
	cfg, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=%s user=%s password=%s sslmode=%s target_session_attrs=any",
		quote(t.host), t.port, quote(t.database), quote(t.login.User), quote(t.login.Password), quote(sslMode)))
	if err != nil {
		return nil, errors.New("projectdb: the placement makes no connection settings") // the cause may show the password
	}
	return cfg, nil
}

// connect opens the connection.
func (c *conn) connect(request context.Context) error {
	cfg, err := c.pool.target.config(c.door.pooled)
	if err != nil {
		return err
	}
	cfg.OnNotice = passNotice
	if l := c.pool.key.login; l != admin && l != storage {
		cfg.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
		cfg.StatementCacheCapacity, cfg.DescriptionCacheCapacity = 0, 0
	} else {
		c.meter.attach(cfg)
	}
	ctx, cancel := context.WithTimeout(request, connectTimeout)
	defer cancel()
	c.pg, err = pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return connectFault(request, err)
	}
	c.statements, c.recent, c.opened = map[statementKey]*list.Element{}, list.New(), time.Now()
	return nil
}

// connectFault renders why a connection could not be opened for a request.
func connectFault(request context.Context, err error) error {
	if request.Err() != nil {
		return contextFault(request)
	}
	switch pg.Code(err) {
	case pgerrcode.TooManyConnections:
		return errExhausted(err)
	case pgerrcode.InvalidPassword, pgerrcode.InvalidAuthorizationSpecification, pgerrcode.InvalidCatalogName:
		return fault.Wrap(err, fault.Unavailable, "DATABASE_REFUSED", "The project's database refuses its own login. Tell the operator.")
	}
	return fault.Wrap(err, fault.Unavailable, "DATABASE_UNAVAILABLE", "The project's database cannot be reached. Try again in a moment.")
}

// stale reports whether the server has closed a connection that was idle for a while.
func (c *conn) stale() bool {
	if limit := c.door.maxLifetime; limit > 0 && time.Since(c.opened) > limit {
		return true
	}
	return c.pg.IsClosed() || (time.Since(c.since) > time.Second && c.pg.PgConn().CheckConn() != nil) //nolint:staticcheck // Ping would cost the round trip that the door saves
}

// shut closes the connection and returns a channel that is closed when the server has let go of it.
func (c *conn) shut() <-chan struct{} {
	if c.pg == nil {
		done := make(chan struct{})
		close(done)
		return done
	}
	raw := c.pg.PgConn()
	if !raw.IsClosed() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = raw.Close(ctx)
	}
	select {
	case <-raw.CleanupDone():
	default:
		pid, target := raw.PID(), c.pool.target
		go c.door.terminate(raw.CleanupDone(), pid, target)
	}
	return raw.CleanupDone()
}

// terminate ends a backend that went on after it was asked to stop: SQL can catch a cancel request.
func (d *Door) terminate(done <-chan struct{}, pid uint32, t target) {
	select {
	case <-done:
		return
	case <-time.After(cancelGrace):
	}
	cfg, err := t.config(d.pooled)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	other, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		d.log.Warn("cannot end a backend that ignores cancel requests", "user", t.login.User, "pid", pid, "error", err)
		return
	}
	defer func() { _ = other.Close(ctx) }()
	// Only a backend of the same login can be meant: a pid may have been given to another one meanwhile. What else a session shows of itself is
	// up to its SQL.
	tag, err := other.Exec(ctx, `select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity
		where pid = $1 and usename = session_user`, pid)
	if err != nil {
		d.log.Warn("cannot end a backend that ignores cancel requests", "user", t.login.User, "pid", pid, "error", err)
	} else if tag.RowsAffected() > 0 {
		d.metrics.terminated.Inc()
	}
}

// statement finds a prepared statement, or names a new one, and one to deallocate for it or nil. A long one has no name and
// lasts until the next.
func (c *conn) statement(key statementKey) (p, evicted *prepared) {
	if len(key.sql) > statementBytes || c.door.pooled {
		return &prepared{key: key}, nil
	}
	if e, ok := c.statements[key]; ok {
		c.recent.MoveToFront(e)
		return e.Value.(*prepared), nil
	}
	c.named++
	p = &prepared{key: key, name: "f" + strconv.Itoa(c.named)}
	if c.recent.Len() >= statementsPerConnection {
		e := c.recent.Back()
		evicted = c.recent.Remove(e).(*prepared)
		delete(c.statements, evicted.key)
	}
	return p, evicted
}

// keep remembers a statement that the server has prepared.
func (c *conn) keep(p *prepared) {
	if p.name == "" {
		return
	}
	if _, ok := c.statements[p.key]; !ok {
		c.statements[p.key] = c.recent.PushFront(p)
	}
}

// broken reports whether err means that the connection is gone, rather than that the server refused something.
func broken(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Severity == "FATAL" || refused.Severity == "PANIC"
	}
	var network net.Error
	return errors.As(err, &network) || !errors.As(err, &refused)
}
