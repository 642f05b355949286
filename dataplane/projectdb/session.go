// Package projectdb is the one door to a project's database: it opens transactions as the caller, in one round trip, and
// leaves nothing behind.
package projectdb

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// Caller is who a request runs as.
type Caller struct {
	// Role is the logical request role: "anon", "authenticated" or "service_role".
	Role string
	// DatabaseRole is a role by its own name, in place of Role. Only the standalone REST server, whose database is its operator's, may
	// set it: it is checked against nothing.
	DatabaseRole string
	// Claims is the JSON object that auth.jwt() reads.
	Claims json.RawMessage
	// Subject and SessionID are the claims sub and session_id, or "".
	Subject, SessionID string
	// Developer is the account id of a developer of the project, for the service meta only; else "".
	Developer string
}

// Options say how a statement runs.
type Options struct {
	// ReadOnly transactions are rolled back at their end, which undoes whatever a function set.
	ReadOnly bool
	// SearchPath lists logical schemas; the first is where unqualified names are looked up first.
	SearchPath []string
	// Method, Path and Headers are what request.method, request.path and request.headers (a JSON object) read.
	Method, Path string
	Headers      json.RawMessage
	// StatementTimeout shortens the project's limit; zero keeps it.
	StatementTimeout time.Duration
	// Settings are set besides, for this transaction. Their names are the server's own, never a request's.
	Settings []Setting
	// Isolation is "" for the server's default, or "repeatable read" or "serializable".
	Isolation string
	// Rollback undoes what a transaction that writes has done, at its end.
	Rollback bool
}

// Setting is a run-time parameter of Postgres.
type Setting struct{ Name, Value string }

// Statement is SQL with its bound values. Its results come in text format.
type Statement struct {
	SQL  string
	Args []any
	// Plain promises that the statement runs no code that the project wrote or chose: no function, trigger, operator or view of
	// its own. A plain read leaves nothing behind, and needs nothing undone; a plain write leaves what it took from sequences, which
	// is forgotten before any other code can see it.
	Plain bool
	// Fresh has the server read the statement's text anew, and that of what makes the request its caller: what counts must not be what SQL of the
	// project's, run by what was taken for plain, has prepared under the statement's name. It comes first in its batch: one before could set the search_path.
	Fresh bool
	// Hold waits with the commit until read has returned, and rolls back when it returns an error, at the price of a second round
	// trip. Without it an error of read leaves the statement's effects committed.
	Hold bool
}

// Batch is what a request runs, in one transaction and one network round trip.
type Batch struct {
	// Statements run in order, no two of the same text. Each one's Hold is ignored; the batch is plain when all are.
	Statements []Statement
	// Hold is as in Statement.
	Hold bool
}

// Session is a request bound to its project and caller. A handler gets it from its context and can reach no other
// project with it.
type Session struct {
	Project *directory.Project
	Caller  Caller
	door    *Door
}

type sessionKey struct{}

// NewContext returns a context that carries the session.
func NewContext(ctx context.Context, s *Session) context.Context {
	return context.WithValue(ctx, sessionKey{}, s)
}

// FromContext returns the session of a request. It panics without one: only the gateway calls handlers.
func FromContext(ctx context.Context) *Session { return ctx.Value(sessionKey{}).(*Session) }

// Bind makes a session.
func (d *Door) Bind(p *directory.Project, c Caller) *Session {
	return &Session{Project: p, Caller: c, door: d}
}

// Elevated returns a session of the same project that runs as service_role. A handler uses it only for what the project's rules let anyone
// do, or what a proof of its own allows: a public file, a signed address.
func (s *Session) Elevated() *Session {
	return &Session{Project: s.Project, Caller: Caller{Role: "service_role", Claims: json.RawMessage(`{"role":"service_role"}`)}, door: s.door}
}

// Query runs one statement as the caller, in a transaction of its own and one network round trip, and gives its rows to
// read, which must not keep them.
func (s *Session) Query(ctx context.Context, o Options, stmt Statement, read func(pgx.Rows) error) error {
	return s.door.run(ctx, s, o, Batch{[]Statement{stmt}, stmt.Hold}, func(_ int, rows pgx.Rows) error {
		if read == nil {
			return nil
		}
		return read(rows)
	})
}

// Run runs a batch as the caller, and gives the rows of each statement to read as they arrive, with the statement's index. read
// must not keep them. It may be called again from index 0, when the server had lost a prepared statement; nothing was done by
// then, but earlier statements of the batch may have given rows.
func (s *Session) Run(ctx context.Context, o Options, b Batch, read func(i int, rows pgx.Rows) error) error {
	return s.door.run(ctx, s, o, b, read)
}

// InTx runs fn in a transaction as the caller, for what needs several statements.
func (s *Session) InTx(ctx context.Context, o Options, fn func(pgx.Tx) error) error {
	return s.door.inTx(ctx, s, o, fn)
}

// InService runs fn in a transaction as the login that owns one service's schema ("auth", "storage" or "realtime"), with the search_path on that
// schema. As "<ref>_admin", which owns the schemas but storage's, it goes on to "extensions", and triggers of the owner's run. In storage's schema fn
// must touch neither a table nor a function of the owner's: those are for a request role (Elevated).
func (s *Session) InService(ctx context.Context, schema string, fn func(pgx.Tx) error) error {
	return s.door.inService(ctx, s.Project, schema, fn)
}

// AsOwner gives fn a connection of the project's "<ref>_owner", which is closed afterwards and never shared. Only the
// service meta uses it, for callers with Caller.Developer.
func (s *Session) AsOwner(ctx context.Context, fn func(*pgx.Conn) error) error {
	return s.door.asOwner(ctx, s, fn)
}

// AsRole gives fn a connection of the project's "<ref>_authenticator" that runs as the caller, as a request would: role, claims, search_path and
// statement_timeout hold for the session until SQL changes them, which gets it no more than the authenticator may. The connection is closed
// afterwards and never shared. Only the service meta uses it, for sessions with Caller.Developer.
func (s *Session) AsRole(ctx context.Context, caller Caller, o Options, fn func(*pgx.Conn) error) error {
	return s.door.asRole(ctx, s, caller, o, fn)
}

// Renew closes the project's connections as they come free. Whoever judges statements by the schema calls it when the schema
// has changed: what was plain may not have been at the end.
func (s *Session) Renew() { s.door.Forget(s.Project.Ref) }
