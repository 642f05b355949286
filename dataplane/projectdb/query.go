package projectdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/pg"
	"github.com/wayli-app/fluxbase/internal/setting"
)

const (
	beginRead  = "begin read only"
	beginWrite = "begin"
	commit     = "commit"
	rollback   = "rollback"
	forget     = "discard sequences"
	// immediate makes a transaction that will be rolled back find what a commit would find.
	immediate = "set constraints all immediate"
	// assume sets what a request is, for this transaction. One number comes back instead of the settings' echo.
	assume = `select pg_catalog.num_nulls(pg_catalog.set_config('role', $1, true), pg_catalog.set_config('request.jwt.claims', $2, true),
 pg_catalog.set_config('request.method', $3, true), pg_catalog.set_config('request.path', $4, true),
 pg_catalog.set_config('request.headers', $5, true), pg_catalog.set_config('search_path', $6, true),
 pg_catalog.set_config('statement_timeout', $7, true))`
)

// assumeOwn is assume for a database role: its statement_timeout is the operator's business.
const assumeOwn = `select pg_catalog.num_nulls(pg_catalog.set_config('role', $1, true), pg_catalog.set_config('request.jwt.claims', $2, true),
 pg_catalog.set_config('request.method', $3, true), pg_catalog.set_config('request.path', $4, true),
 pg_catalog.set_config('request.headers', $5, true), pg_catalog.set_config('search_path', $6, true))`

// assumePlain is assume for what is plain and reads nothing of the request but its claims.
const assumePlain = `select pg_catalog.num_nulls(pg_catalog.set_config('role', $1, true), pg_catalog.set_config('request.jwt.claims', $2, true),
 pg_catalog.set_config('search_path', $3, true), pg_catalog.set_config('statement_timeout', $4, true))`

// identity is what assume sets, in its order; timeout is "" for a database role.
type identity struct{ role, claims, method, path, headers, searchPath, timeout string }

func (s *Session) identity(o Options) (identity, error) {
	p := s.Project
	role := s.Caller.DatabaseRole
	switch s.Caller.Role {
	case "anon", "authenticated", "service_role":
		role = p.Role(s.Caller.Role)
	default:
		if role == "" {
			return identity{}, fault.New(fault.Denied, "UNKNOWN_ROLE", "Role %q is not a role of requests.", s.Caller.Role)
		}
	}
	id := identity{
		role: role, claims: string(s.Caller.Claims), method: o.Method, path: o.Path, headers: string(o.Headers),
		searchPath: searchPath(p, o.SearchPath), timeout: milliseconds(statementTimeout(p, s.Caller.Role, o.StatementTimeout)),
	}
	if s.Caller.Role == "" {
		id.timeout = ""
	}
	if id.claims == "" {
		id.claims = "{}"
	}
	if id.headers == "" {
		id.headers = "{}"
	}
	return id, nil
}

func searchPath(p *directory.Project, logical []string) string {
	if len(logical) == 0 {
		return `""`
	}
	out := make([]byte, 0, 96)
	for i, name := range logical {
		if i > 0 {
			out = append(out, ", "...)
		}
		if name = p.Schema(name); strings.ContainsAny(name, "\"\x00") {
			out = append(out, pg.Ident(name)...)
			continue
		}
		out = append(append(append(out, '"'), name...), '"')
	}
	return string(out)
}

// statementTimeout is the least of the plan's limit, the project's setting, the role's own limit and what the request asks
// for. A project that sets a limit of its own replaces the role's.
func statementTimeout(p *directory.Project, role string, asked time.Duration) time.Duration {
	own := time.Duration(setting.Get[int64](p.Settings, "rest.statement_timeout_ms")) * time.Millisecond
	if own == 0 {
		own = layout.StatementTimeout(role)
	}
	var least time.Duration
	for _, t := range [...]time.Duration{p.Limits.StatementTimeout, own, asked} {
		if t > 0 && (least <= 0 || t < least) {
			least = t
		}
	}
	return least
}

func milliseconds(d time.Duration) string {
	if d <= 0 {
		return "0"
	}
	return strconv.FormatInt(max(d.Milliseconds(), 1), 10)
}

func (d *Door) run(ctx context.Context, s *Session, o Options, b Batch, read func(int, pgx.Rows) error) error {
	id, err := s.identity(o)
	if err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		c, err := d.acquire(ctx, s.Project, authenticator, attempt > 0)
		if err != nil {
			return err
		}
		err = d.use(ctx, c, id, o, b, read)
		if attempt == 0 && lostStatement(err) {
			d.metrics.retried.Inc() // nothing ran: the server refused before it began, and the transaction is rolled back
			continue
		}
		return queryFault(ctx, err)
	}
}

// use runs the batch and gives the connection back.
func (d *Door) use(ctx context.Context, c *conn, id identity, o Options, b Batch, read func(int, pgx.Rows) error) error {
	settled := false
	defer func() { // also when read panics
		if !settled {
			d.discard(c)
		}
	}()
	err := c.run(ctx, id, o, b, read)
	plain := b.plain() && len(o.Settings) == 0
	if plain && !o.ReadOnly {
		c.sequences = true
	}
	settled = true
	d.settle(c, err, plain)
	return err
}

// lostStatement reports whether the server no longer has a prepared statement as we know it: a project's SQL may deallocate
// it, and a change of a table may change its result, or drop the type of a value.
func lostStatement(err error) bool {
	if err == nil {
		return false
	}
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return false
	}
	return refused.Code == pgerrcode.InvalidSQLStatementName ||
		(refused.Code == pgerrcode.FeatureNotSupported && refused.Routine == "RevalidateCachedQuery") ||
		(refused.Code == pgerrcode.InternalError && strings.HasPrefix(refused.Message, "cache lookup failed for type "))
}

func queryFault(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var refused *pgconn.PgError
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	if ctx.Err() != nil {
		return contextFault(ctx)
	}
	if errors.As(err, &refused) && !broken(err) {
		return err
	}
	var tooLarge *pgproto3.ExceededMaxBodyLenErr
	if errors.As(err, &tooLarge) {
		return fault.Wrap(err, fault.Invalid, "RESULT_TOO_LARGE", "The result is larger than %d MiB. Ask for fewer rows or columns.", maxMessage>>20)
	}
	var own *readError
	if errors.As(err, &own) {
		return own.err
	}
	return fault.Wrap(err, fault.Unavailable, "DATABASE_UNAVAILABLE", "The connection to the project's database was lost. Try again in a moment.")
}

// readError is an error of a caller's read function.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }

// ofReader reports whether err is none, or one of a caller's read function.
func ofReader(err error) bool {
	if err == nil {
		return true
	}
	var own *readError
	return errors.As(err, &own)
}

// plain reports whether a batch runs nothing of the project's.
func (b Batch) plain() bool {
	return !slices.ContainsFunc(b.Statements, func(s Statement) bool { return !s.Plain })
}

// single reports whether a plain batch can do without a transaction block: a pipeline is a transaction, which its end commits. (What is
// plain and reads only leaves nothing that a rollback would have to undo.)
func (b Batch) single(o Options) bool {
	return (o.ReadOnly || !b.Hold && !o.Rollback) && len(o.Settings) == 0 && o.Isolation == "" && b.plain()
}

// run runs the batch. Whatever the outcome, the caller must settle the connection.
func (c *conn) run(ctx context.Context, id identity, o Options, b Batch, read func(int, pgx.Rows) error) error {
	out := pipeline{c: c, p: c.pg.PgConn().StartPipeline(ctx)}
	first, err := out.request(id, o, b)
	if err == nil {
		err = out.p.Sync()
	}
	if err != nil {
		_ = out.p.Close()
		return err
	}
	var failed, readFailed error
	for i := range out.sent {
		rr, err := out.receive(i)
		if err != nil {
			failed = err
			break
		}
		if at := i - first; at >= 0 && at < len(b.Statements) && readFailed == nil {
			readFailed, err = out.read(rr, at, read)
		} else {
			_, err = rr.Close()
		}
		if err != nil {
			failed = err
			break
		}
	}
	if err := out.p.Close(); failed == nil {
		failed = err
	}
	switch {
	case failed != nil:
		return failed
	case readFailed != nil:
		return &readError{readFailed}
	case b.Hold && !o.ReadOnly:
		end := commit
		if o.Rollback {
			end = rollback
		}
		_, err := c.pg.PgConn().Exec(ctx, end).ReadAll()
		return err
	}
	return nil
}

// request sends a batch as the caller, and returns the place of its first statement. What is plain may run in the transaction that
// the pipeline itself is. What an earlier plain write left of sequences is forgotten before code of the project's could see it.
func (p *pipeline) request(id identity, o Options, b Batch) (first int, err error) {
	single := b.single(o)
	begin, end := beginWrite, commit
	if o.ReadOnly {
		begin, end = beginRead, rollback
	}
	if o.Rollback {
		end = rollback
	}
	if o.Isolation != "" {
		begin += " isolation level " + o.Isolation
	}
	if !single {
		p.send(begin)
		if p.c.sequences && !b.plain() {
			p.send(forget)
			p.c.sequences = false
		}
	}
	fresh := slices.ContainsFunc(b.Statements, func(s Statement) bool { return s.Fresh })
	switch {
	case id.timeout == "":
		p.sendAs(statementKey{sql: assumeOwn}, id.values()[:6], fresh)
	case single && o.Method == "" && o.Path == "" && o.Headers == nil:
		p.sendAs(statementKey{sql: assumePlain}, [][]byte{[]byte(id.role), []byte(id.claims), []byte(id.searchPath), []byte(id.timeout)}, fresh)
	default:
		p.sendAs(statementKey{sql: assume}, id.values(), fresh)
	}
	if len(o.Settings) > 0 {
		p.sendAs(statementKey{sql: setAll(len(o.Settings))}, settingValues(o.Settings), fresh)
	}
	first = len(p.sent)
	for _, stmt := range b.Statements {
		args, err := p.c.encode(stmt.Args)
		if err != nil {
			return first, err
		}
		p.sendAs(statementKey{id.role, id.searchPath, stmt.SQL}, args, stmt.Fresh)
	}
	if o.Rollback && !o.ReadOnly {
		p.send(immediate)
	}
	if !single && (!b.Hold || o.ReadOnly) {
		p.send(end)
	}
	return first, nil
}

func (id identity) values() [][]byte {
	return [][]byte{[]byte(id.role), []byte(id.claims), []byte(id.method), []byte(id.path), []byte(id.headers), []byte(id.searchPath), []byte(id.timeout)}
}

// setAll sets n settings more, for this transaction.
func setAll(n int) string {
	var out strings.Builder
	out.WriteString("select pg_catalog.num_nulls(")
	for i := range n {
		if i > 0 {
			out.WriteString(", ")
		}
		fmt.Fprintf(&out, "pg_catalog.set_config($%d, $%d, true)", 2*i+1, 2*i+2)
	}
	return out.String() + ")"
}

func settingValues(list []Setting) [][]byte {
	out := make([][]byte, 0, 2*len(list))
	for _, s := range list {
		out = append(out, []byte(s.Name), []byte(s.Value))
	}
	return out
}

// encode makes text parameters of the arguments. Bytes are text as they are.
func (c *conn) encode(args []any) ([][]byte, error) {
	c.values = c.values[:0]
	for _, a := range args {
		switch v := a.(type) {
		case nil:
			c.values = append(c.values, nil)
		case string:
			c.values = append(c.values, append([]byte{}, v...)) // an empty string is not null
		case []byte:
			c.values = append(c.values, v)
		default:
			var eb pgx.ExtendedQueryBuilder
			if err := eb.Build(c.pg.TypeMap(), nil, args); err != nil {
				return nil, err
			}
			return eb.ParamValues, nil
		}
	}
	return c.values, nil
}

// pipeline is a row of prepared statements, of which those not prepared yet are prepared on the way.
type pipeline struct {
	c    *conn
	p    *pgconn.Pipeline
	sent []sent
}

type sent struct {
	stmt        *prepared
	deallocated bool
}

func (p *pipeline) send(sql string) { p.sendAs(statementKey{sql: sql}, nil, false) }

// sendAs sends a fresh statement without a name, as one that is not prepared yet.
func (p *pipeline) sendAs(key statementKey, args [][]byte, fresh bool) {
	stmt, evicted := &prepared{key: key}, (*prepared)(nil)
	if !fresh {
		stmt, evicted = p.c.statement(key)
	}
	if evicted != nil {
		p.p.SendDeallocate(evicted.name)
	}
	if stmt.desc == nil {
		p.p.SendPrepare(stmt.name, key.sql, nil)
		p.p.SendQueryPrepared(stmt.name, args, nil, nil)
	} else {
		p.p.SendQueryStatement(stmt.desc, args, nil, nil)
	}
	p.sent = append(p.sent, sent{stmt, evicted != nil})
}

// receive returns the result of a statement that was sent.
func (p *pipeline) receive(i int) (*pgconn.ResultReader, error) {
	s := p.sent[i]
	if s.deallocated {
		if _, err := p.p.GetResults(); err != nil {
			return nil, err
		}
	}
	if s.stmt.desc == nil {
		got, err := p.p.GetResults()
		if err != nil {
			return nil, err
		}
		desc, ok := got.(*pgconn.StatementDescription)
		if !ok {
			return nil, errors.New("projectdb: the server answered out of order")
		}
		desc.Name, desc.SQL = s.stmt.name, s.stmt.key.sql
		s.stmt.desc = desc
		p.c.keep(s.stmt)
	}
	got, err := p.p.GetResults()
	if err != nil {
		return nil, err
	}
	rr, ok := got.(*pgconn.ResultReader)
	if !ok {
		return nil, errors.New("projectdb: the server answered out of order")
	}
	return rr, nil
}

// read gives the rows to the caller's function, and reads the rest.
func (p *pipeline) read(rr *pgconn.ResultReader, at int, read func(int, pgx.Rows) error) (readFailed, failed error) {
	if read != nil {
		rows := pgx.RowsFromResultReader(p.c.pg.TypeMap(), rr)
		readFailed = read(at, rows)
		rows.Close()
		if err := rows.Err(); err != nil && pg.Code(err) != "" {
			return nil, err
		}
	}
	_, failed = rr.Close()
	return readFailed, failed
}
