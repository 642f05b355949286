package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/dataplane/rest/sqlgen"
)

// held is how many bytes of a write's rows wait for its commit.
const held = 1 << 20

// trailing reads what the project's code, and an upsert, left in settings of the transaction.
const trailing = `select pg_catalog.current_setting('response.status', true), pg_catalog.current_setting('response.headers', true),
 pg_catalog.current_setting('rest.inserted', true)`

// early is what the function before requests left of it, for answers that begin before all is done.
const early = "select pg_catalog.current_setting('response.status', true), pg_catalog.current_setting('response.headers', true)"

// Run runs the action in a transaction of its own. A name that is gone by now is looked up again, once, when nothing can have changed.
func (a *Action) Run(ctx context.Context, row Row) (*Outcome, error) {
	err := a.guard(ctx)
	if err == nil {
		err = a.run(ctx, row)
	}
	if err != nil && a.readOnly() && a.given == 0 && a.failed == nil && missing(err) {
		// What the catalog still has may be gone, or have changed.
		r := a.request
		current, checkErr := a.engine.catalogs.Check(ctx, r.Session, r.Config.Exposure)
		if checkErr == nil && current != a.catalog {
			again, planErr := a.engine.plan(current, r)
			if planErr != nil {
				return nil, planErr
			}
			again.Restart = a.Restart
			*a = *again
			err = a.run(ctx, row)
		}
	}
	if err != nil {
		return nil, err
	}
	return &a.outcome, nil
}

// pass is one attempt at a batch.
type pass struct {
	*Action
	row                             Row
	early, count, explain, main, at int // places in the batch; negative for none
	taken                           int64
	first                           [][]byte // the row that must be the only one
	kept                            [][][]byte
	size                            int
	bytea                           bool
}

func (a *Action) run(ctx context.Context, row Row) error {
	p := &pass{Action: a, row: row}
	var room [8]projectdb.Statement
	batch := projectdb.Batch{Statements: room[:0]}
	o := a.options()
	p.fill(&batch)
	if !a.small() {
		// When nobody wants the rest of the rows the query ends, rather than that they are read for nothing.
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		wanted := row
		p.row = func(columns [][]byte) error {
			err := wanted(columns)
			if err != nil {
				a.failed = err
				cancel()
			}
			return err
		}
	}
	err := a.request.Session.Run(ctx, o, batch, p.read)
	if a.failed != nil {
		return a.failed
	}
	if err != nil {
		return err
	}
	if err := p.release(); err != nil {
		return err
	}
	return a.finish()
}

// options are how the transaction runs.
func (a *Action) options() projectdb.Options {
	r := a.request
	o := projectdb.Options{ReadOnly: a.readOnly(), SearchPath: a.searchPath(), Isolation: r.Config.Isolation}
	if a.settings || r.Config.PreRequest != "" {
		o.Method, o.Path = r.Method, r.Path
		if r.Headers != nil {
			o.Headers = r.Headers()
		}
		if r.Cookies != nil {
			o.Settings = append(o.Settings, projectdb.Setting{Name: "request.cookies", Value: string(r.Cookies())})
		}
	}
	o.Settings = append(o.Settings, r.Config.Settings...)
	if a.timezone != "" {
		o.Settings = append(o.Settings, projectdb.Setting{Name: "timezone", Value: a.timezone})
	}
	if f := a.Function; f != nil && len(f.Settings) > 0 {
		a.hoist(&o, f)
	}
	if !o.ReadOnly {
		o.Rollback = r.Config.rollsBack(r.Prefer.Tx)
	}
	return o
}

// rollsBack reports whether a request's transaction is undone at its end.
func (c *Config) rollsBack(asked string) bool {
	switch c.TxEnd {
	case "rollback":
		return true
	case "rollback-allow-override":
		return asked != "commit"
	case "commit-allow-override":
		return asked == "rollback"
	}
	return false
}

// hoist takes a function's own settings on for the whole transaction, as far as the configuration lets it. A function cannot give
// itself more time than the project's plan gives.
func (a *Action) hoist(o *projectdb.Options, f *catalog.Function) {
	c := a.request.Config
	for name, value := range f.Settings {
		if c.Hoisted != nil && !slices.Contains(c.Hoisted, name) {
			continue
		}
		switch name { // others only where the configuration, which is the operator's, names them
		case "default_transaction_isolation":
			o.Isolation = ""
			if value == "repeatable read" || value == "serializable" {
				o.Isolation = value
			}
		case "statement_timeout":
			asked, ok := duration(value)
			if !ok {
				continue
			}
			asked = asked.Round(time.Millisecond) // as Postgres does: what is less than a millisecond is no limit
			if most := a.request.Session.Project.Limits.StatementTimeout; most > 0 && (asked == 0 || asked > most) {
				asked = most
			}
			o.Settings = append(o.Settings, projectdb.Setting{Name: name, Value: strconv.FormatInt(asked.Milliseconds(), 10)})
		default:
			if c.Hoisted != nil {
				o.Settings = append(o.Settings, projectdb.Setting{Name: name, Value: value})
			}
		}
	}
}

func (a *Action) searchPath() []string {
	extra := a.request.Config.ExtraSearchPath
	path := make([]string, 1, 1+len(extra))
	path[0] = a.Schema.Name
	for _, name := range extra {
		if !slices.Contains(path, name) {
			path = append(path, name)
		}
	}
	return path
}

// small reports whether the statement returns few rows, as far as can be told without effort.
func (a *Action) small() bool {
	if a.Statement.Write != nil {
		return a.Statement.Form.Kind == plan.FormCount
	}
	return a.Statement.Form.Kind == plan.FormCount || a.Bare || (a.limit >= 0 && a.limit <= fewRows && !a.windowed) || a.byKey()
}

// fewRows are read to their end, whoever wants them.
const fewRows = 100

// byKey reports whether a read asks for the row of one key.
func (a *Action) byKey() bool {
	read := a.Statement.Read
	if read == nil || read.Relation == nil || read.Call != nil || len(read.Embeds) > 0 {
		return false
	}
	for _, k := range read.Relation.Keys {
		if covered(k.Columns, read.Where) {
			return true
		}
	}
	return false
}

func covered(columns []string, where []plan.Condition) bool {
	for _, name := range columns {
		found := false
		for i := range where {
			c := &where[i]
			if c.Embed < 0 && !c.Not && c.Operator == "eq" && c.Quantifier == "" && c.Value.Column == name && len(c.Value.Path) == 0 {
				found = true
			}
		}
		if !found {
			return false
		}
	}
	return len(columns) > 0
}

// fill writes the batch: the function before requests, the count, the statement itself, and what is left in settings.
func (p *pass) fill(b *projectdb.Batch) {
	a, r := p.Action, p.request
	p.early, p.count, p.explain, p.at = -1, -1, -1, -1
	plain := a.plain
	if r.Config.PreRequest != "" {
		b.Statements = append(b.Statements, projectdb.Statement{SQL: a.preRequest()}, a.bound(early))
		p.early = 1
		plain = false
	}
	add := func(s sqlgen.Statement, plain bool) int {
		b.Statements = append(b.Statements, projectdb.Statement{SQL: s.SQL, Args: s.Args, Plain: plain})
		return len(b.Statements) - 1
	}
	if read := a.Statement.Read; read != nil && a.counts() {
		switch r.Prefer.Count {
		case "exact":
			p.count = add(sqlgen.Count(read), plain)
		case "planned":
			p.explain = add(sqlgen.Explain(read), plain)
		case "estimated":
			p.count = add(a.bounded(read), plain)
			p.explain = add(sqlgen.Explain(read), plain)
		}
	}
	if !plain && len(b.Statements) > p.early+1 { // the count may have run code too
		b.Statements = append(b.Statements, a.bound(again))
	}
	p.main = add(a.main, plain)
	if !plain { // which an update on a conflict is not, and only that counts what it inserts
		p.at = len(b.Statements)
		b.Statements = append(b.Statements, a.bound(trailing))
	}
	b.Hold = !a.readOnly() && (a.Single || a.most() >= 0 || a.put())
}

// counts reports whether rows are counted by a statement of its own.
func (a *Action) counts() bool {
	if a.request.Prefer.Count == "" || a.Statement.Form.ExplainFormat != "" {
		return false
	}
	return a.Function == nil || (a.Function.Set && a.readOnly())
}

// bounded counts rows up to one more than an answer has at most: beyond that an estimate does.
func (a *Action) bounded(read *plan.Read) sqlgen.Statement {
	s := sqlgen.Count(read)
	if most := a.request.Config.MaxRows; most > 0 {
		s = sqlgen.CountUpTo(read, most+1)
	}
	return s
}

func (a *Action) put() bool { return a.Statement.Write != nil && a.Statement.Write.Put }

// most is how many rows a write may change, or a function return; negative for any number.
func (a *Action) most() int64 {
	r := a.request
	if r.Prefer.MaxAffected < 0 || !r.Prefer.Strict() {
		return -1
	}
	switch {
	case r.Op == Update, r.Op == Delete, r.Op == Call && a.Function.Set:
		return r.Prefer.MaxAffected
	}
	return -1
}

func (p *pass) read(i int, rows pgx.Rows) error {
	switch i {
	case p.main:
		return p.rows(rows)
	case p.count:
		return p.total(rows)
	case p.explain:
		return p.estimate(rows)
	case p.at, p.early:
		return p.left(i == p.early, rows)
	}
	return nil
}

// restart forgets what an earlier attempt gave.
func (p *pass) restart() error {
	if p.given > 0 {
		if p.Restart == nil {
			return errors.New("engine: rows came twice")
		}
		if err := p.Restart(); err != nil {
			return err
		}
	}
	p.given, p.taken, p.first, p.kept, p.size = 0, 0, nil, nil, 0
	p.outcome = Outcome{Total: p.outcome.Total, Status: p.outcome.Status, Headers: p.outcome.Headers}
	return nil
}

func (p *pass) total(rows pgx.Rows) error {
	if rows.Next() {
		p.outcome.Total, _ = strconv.ParseInt(string(rows.RawValues()[0]), 10, 64)
	}
	return rows.Err()
}

// rows takes the rows of the statement itself.
func (p *pass) rows(rows pgx.Rows) error {
	if p.taken > 0 || p.given > 0 {
		if err := p.restart(); err != nil {
			return err
		}
	}
	form := p.Statement.Form
	fields := rows.FieldDescriptions()
	if form.Kind == plan.FormColumns && form.ExplainFormat == "" {
		p.columns = make([]string, len(fields))
		for i := range fields {
			p.columns[i] = fields[i].Name
		}
	}
	p.bytea = len(fields) > 0 && fields[0].DataTypeOID == pgtype.ByteaOID
	for rows.Next() {
		if err := p.take(rows.RawValues()); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if tag := rows.CommandTag(); tag.Insert() || tag.Update() || tag.Delete() { // and no rows
		p.taken = tag.RowsAffected()
	}
	return p.judge()
}

// take takes one row.
func (p *pass) take(columns [][]byte) error {
	form := p.Statement.Form
	if form.ExplainFormat != "" {
		p.outcome.Rows++
		return p.give(columns)
	}
	switch form.Kind {
	case plan.FormCount:
		p.taken, _ = strconv.ParseInt(string(columns[0]), 10, 64)
		if w := p.Statement.Write; w != nil && w.Location != nil && len(columns) > 1 && p.taken == 1 {
			p.locate(w, columns[1:])
		}
		return nil
	case plan.FormScalar, plan.FormHandler:
		if len(columns) > 1 { // the number of rows
			p.taken, _ = strconv.ParseInt(string(columns[1]), 10, 64)
			columns = columns[:1]
		} else {
			p.taken++
		}
		if p.bytea && columns[0] != nil {
			columns = [][]byte{decodeBytea(columns[0])}
		}
		return p.give(columns)
	}
	p.taken++
	if p.windowed && (p.taken <= p.offset || (p.limit >= 0 && p.taken > p.offset+p.limit)) {
		return nil
	}
	if p.Single {
		if p.taken == 1 {
			p.first = clone(columns)
		}
		return nil
	}
	return p.give(columns)
}

// give hands a row on, or keeps it until the write is committed.
func (p *pass) give(columns [][]byte) error {
	if p.readOnly() {
		p.given++
		return p.row(columns)
	}
	if p.size <= held {
		for _, c := range columns {
			p.size += len(c) + 24
		}
		if p.size <= held {
			p.kept = append(p.kept, clone(columns))
			return nil
		}
		if err := p.release(); err != nil {
			return err
		}
	}
	p.given++
	return p.row(columns)
}

// release gives what was kept.
func (p *pass) release() error {
	if p.first != nil {
		p.given++
		if err := p.row(p.first); err != nil {
			return err
		}
		p.first = nil
	}
	for _, columns := range p.kept {
		p.given++
		if err := p.row(columns); err != nil {
			return err
		}
	}
	p.kept = nil
	return nil
}

func clone(columns [][]byte) [][]byte {
	out := make([][]byte, len(columns))
	for i, c := range columns {
		out[i] = bytes.Clone(c)
	}
	return out
}

// judge refuses what the number of rows is wrong for.
func (p *pass) judge() error {
	n := p.taken
	if p.Statement.Form.ExplainFormat != "" {
		return nil
	}
	out := &p.outcome
	switch {
	case p.windowed:
		out.Total = n
		n = max(n-p.offset, 0)
		if p.limit >= 0 {
			n = min(n, p.limit)
		}
	case p.Statement.Write != nil || (p.Function != nil && !p.counts()):
		if p.request.Prefer.Count != "" {
			out.Total = n
		}
	}
	out.Rows = n
	if most := p.most(); most >= 0 && p.taken > most {
		return &query.Error{Status: http.StatusBadRequest, Code: "PGRST124", Message: "Query result exceeds max-affected preference constraint",
			Details: fmt.Sprintf("The query affects %d rows", p.taken)}
	}
	if p.put() && n != 1 {
		return plan.PutMismatch()
	}
	if p.Single && n != 1 {
		return &query.Error{Status: http.StatusNotAcceptable, Code: "PGRST116", Message: "Cannot coerce the result to a single JSON object",
			Details: fmt.Sprintf("The result contains %d rows", n)}
	}
	return nil
}
