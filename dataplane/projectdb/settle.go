package projectdb

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	settleTimeout = 5 * time.Second
	// reset undoes whatever a session can hold that a transaction's end leaves. It is sent as text, never as prepared statements,
	// which a project's SQL could have replaced; and so that nothing of the project's is looked up, search_path comes first.
	reset = `reset session authorization; reset role; reset all; close all; unlisten *; discard temp; discard sequences;
select pg_catalog.pg_advisory_unlock_all(), pg_catalog.count(*) filter (where s.from_sql), pg_catalog.count(*)
from pg_catalog.pg_prepared_statement() s`
)

// settle gives a connection back after use. One that may hold something of the request is cleaned first, without letting the
// request wait; one in doubt is closed.
func (d *Door) settle(c *conn, err error, plain bool) {
	raw := c.pg.PgConn()
	if raw.IsClosed() || (err != nil && lostStatement(err)) {
		d.discard(c)
		return
	}
	if plain && raw.TxStatus() == 'I' && ofReader(err) {
		d.release(c)
		return
	}
	go d.restore(c)
}

// restore gives a connection back when it is clean, and closes it when it cannot be cleaned.
func (d *Door) restore(c *conn) {
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	if !c.clean(ctx) {
		d.metrics.tampered.Inc()
		d.discard(c)
		return
	}
	d.release(c)
}

// clean resets the session, and reports whether it is as good as new.
func (c *conn) clean(ctx context.Context) bool {
	c.meter.reset()
	sql := reset
	if c.pg.PgConn().TxStatus() != 'I' {
		sql = rollback + "; " + reset
	}
	results, err := c.pg.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil || len(results) == 0 {
		return false
	}
	fromSQL, all, ok := counts(results[len(results)-1])
	if !ok || fromSQL > 0 && !c.door.pooled || c.pg.PgConn().TxStatus() != 'I' {
		return false
	}
	c.sequences = false
	if c.door.pooled {
		return true
	}
	if c.pool.key.login == authenticator {
		return all == c.recent.Len()
	}
	// pgx names these: they only grow in number, up to its cache's capacity.
	fewer := all < c.most
	c.most = max(c.most, all)
	return !fewer
}

func counts(r *pgconn.Result) (fromSQL, all int, ok bool) {
	if r.Err != nil || len(r.Rows) != 1 || len(r.Rows[0]) != 3 {
		return 0, 0, false
	}
	fromSQL, err1 := strconv.Atoi(string(r.Rows[0][1]))
	all, err2 := strconv.Atoi(string(r.Rows[0][2]))
	return fromSQL, all, err1 == nil && err2 == nil
}
