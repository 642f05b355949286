package projectdb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// service is how InService serves a schema: as whom, and with what search_path.
type service struct {
	login login
	path  []string
}

// services are the schemas that InService serves. As storage's login nothing runs that the project's owner made: it looks for no name where the owner
// can make one. That pg_catalog comes first goes without saying, and pg_temp would before it.
var services = map[string]service{
	"auth":     {admin, []string{"auth", "extensions"}},
	"realtime": {admin, []string{"realtime", "extensions"}},
	"storage":  {storage, []string{"storage"}},
}

func (d *Door) inTx(ctx context.Context, s *Session, o Options, fn func(pgx.Tx) error) error {
	id, err := s.identity(o)
	if err != nil {
		return err
	}
	begin := beginWrite
	if o.ReadOnly {
		begin = beginRead
	}
	settings := []string{
		local("role", id.role), local("request.jwt.claims", id.claims), local("request.method", id.method), local("request.path", id.path),
		local("request.headers", id.headers), local("search_path", id.searchPath)}
	if id.timeout != "" {
		settings = append(settings, local("statement_timeout", id.timeout))
	}
	for _, own := range o.Settings {
		settings = append(settings, local(own.Name, own.Value))
	}
	begin += "; select pg_catalog.num_nulls(" + strings.Join(settings, ", ") + ")"
	return d.transact(ctx, s.Project, authenticator, begin, o.ReadOnly, fn)
}

func (d *Door) inService(ctx context.Context, p *directory.Project, schema string, fn func(pgx.Tx) error) error {
	by, known := services[schema]
	if !known {
		return fault.New(fault.Internal, "UNKNOWN_SERVICE", "There is no service %q.", schema)
	}
	begin := "begin; select pg_catalog.num_nulls(" + local("search_path", searchPath(p, by.path)+", pg_temp") + ", " +
		local("statement_timeout", milliseconds(p.Limits.StatementTimeout)) + ")"
	return d.transact(ctx, p, by.login, begin, false, fn)
}

func local(name, value string) string {
	// A string constant cannot hold a zero byte, nor would a setting.
	return "pg_catalog.set_config(" + pg.Literal(name) + ", " + pg.Literal(strings.ReplaceAll(value, "\x00", "")) + ", true)"
}

// heldTx is a transaction whose end belongs to the door.
type heldTx struct{ pgx.Tx }

var errHeld = errors.New("projectdb: the transaction ends when the function returns")

// Commit is refused: the door commits.
func (heldTx) Commit(context.Context) error { return errHeld }

// Rollback is refused: return an error instead.
func (heldTx) Rollback(context.Context) error { return errHeld }

func (d *Door) transact(ctx context.Context, p *directory.Project, l login, begin string, readOnly bool, fn func(pgx.Tx) error) (err error) {
	c, err := d.acquire(ctx, p, l, false)
	if err != nil {
		return err
	}
	settled := false
	defer func() { // also when fn panics
		if !settled {
			d.discard(c)
		}
	}()
	if c.sequences {
		begin = forget + "; " + begin
		c.sequences = false
	}
	c.meter.reset()
	tx, err := c.pg.BeginTx(ctx, pgx.TxOptions{BeginQuery: begin})
	if err == nil {
		if err = fn(heldTx{tx}); err == nil && !readOnly {
			err = tx.Commit(ctx)
		} else {
			err = ended(err, tx.Rollback(ctx))
		}
	}
	settled = true
	err = txFault(ctx, c, err)
	d.settle(c, err, false)
	return err
}

// ended is the outcome of a transaction that was rolled back on purpose or because of err.
func ended(err, rollbackErr error) error {
	if err == nil && rollbackErr != nil && !errors.Is(rollbackErr, pgx.ErrTxClosed) {
		return rollbackErr
	}
	return err
}

// txFault leaves errors of the caller's function as they are, and renders those of the context and the connection.
func txFault(ctx context.Context, c *conn, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return contextFault(ctx)
	case pg.Code(err) != "" && broken(err), c.pg.IsClosed():
		return queryFault(ctx, err)
	}
	return err
}

func (d *Door) asOwner(ctx context.Context, s *Session, fn func(*pgx.Conn) error) error {
	p := s.Project
	// The owner's own session: these hold for it until the owner changes them.
	setup := fmt.Sprintf("set search_path to %s; set statement_timeout to %s",
		searchPath(p, []string{"public", "extensions"}), milliseconds(p.Limits.StatementTimeout))
	return d.alone(ctx, s, owner, setup, fn)
}

func (d *Door) asRole(ctx context.Context, s *Session, caller Caller, o Options, fn func(*pgx.Conn) error) error {
	id, err := (&Session{Project: s.Project, Caller: caller}).identity(o)
	if err != nil {
		return err
	}
	set := func(name, value string) string {
		return "pg_catalog.set_config(" + pg.Literal(name) + ", " + pg.Literal(strings.ReplaceAll(value, "\x00", "")) + ", false)"
	}
	// search_path comes last: until then nothing of the project's is looked up.
	setup := "select pg_catalog.num_nulls(" + strings.Join([]string{
		set("statement_timeout", id.timeout), set("request.jwt.claims", id.claims), set("request.method", id.method), set("request.path", id.path),
		set("request.headers", id.headers), set("role", id.role), set("search_path", id.searchPath)}, ", ") + ")"
	return d.alone(ctx, s, authenticator, setup, fn)
}

// alone gives a developer's fn a connection that no one has had, and that no one gets after it.
func (d *Door) alone(ctx context.Context, s *Session, l login, setup string, fn func(*pgx.Conn) error) error {
	if s.Caller.Developer == "" {
		return fault.New(fault.Denied, "DEVELOPERS_ONLY", "Only developers of the project may do this.")
	}
	end, err := d.developers.begin(ctx, s.Project.Ref, d.acquireTimeout)
	if err != nil {
		return err
	}
	defer end()
	c, err := d.acquire(ctx, s.Project, l, true)
	if err != nil {
		return err
	}
	defer d.discard(c)
	if _, err := c.pg.PgConn().Exec(ctx, setup).ReadAll(); err != nil {
		return queryFault(ctx, err)
	}
	return txFault(ctx, c, fn(c.pg))
}
