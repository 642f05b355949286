// Package engine answers requests for a project's relations and functions: it plans them against the catalog, writes their SQL,
// runs it as the caller and hands on the rows as they come. It speaks no HTTP; its dialects are packages rest and api.
package engine

import (
	"context"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/dataplane/rest/sqlgen"
)

// Config is how a project, or the standalone server's configuration, wants REST to behave.
type Config struct {
	// Exposure is what the catalog holds: schemas and the extra search path.
	catalog.Exposure
	// MaxRows bounds results; zero for no bound.
	MaxRows int64
	// Aggregates and Plans allow aggregate functions and EXPLAIN.
	Aggregates, Plans bool
	// PreRequest is a function ("schema.name" or "name") that runs before each request, or "".
	PreRequest string
	// TxEnd is "commit", "commit-allow-override", "rollback" or "rollback-allow-override".
	TxEnd string
	// OpenAPIMode is "follow-privileges", "ignore-privileges" or "disabled".
	OpenAPIMode string
	// RequireFilter refuses updates and deletions of whole tables.
	RequireFilter bool
	// MaxDepth bounds embeds within embeds, MaxCost the planner's cost of a read; zero for no bound.
	MaxDepth int
	MaxCost  float64
	// Settings are set in each request's transaction.
	Settings []projectdb.Setting
	// RootSpec is a function that answers at the root in place of the OpenAPI description, or "".
	RootSpec string
	// ProxyURI is the address that descriptions name, or "" for the request's own; Security describes the bearer token in them.
	ProxyURI string
	Security bool
	// AnonymousRole is the caller's database role when there was no token; "" where callers have logical roles ("anon").
	AnonymousRole string
	// Isolation is that of each request's transaction: "" for the server's default, "repeatable read" or "serializable".
	Isolation string
	// Hoisted are the settings of a function that the transaction of its call takes on; nil for all that the catalog has.
	Hoisted []string
	// LegacyNames lets filters name an embed by its relation though it has an alias; the answer warns.
	LegacyNames bool
	// GrantHints explain what was denied by the grant that is missing.
	GrantHints bool
	// ServerTiming tells in each answer how long its parts took. Terse errors show neither details nor hints.
	ServerTiming, Terse bool
}

// Op is what a request does.
type Op string

// The operations.
const (
	Read   Op = "read"
	Insert Op = "insert"
	Put    Op = "put"
	Update Op = "update"
	Delete Op = "delete"
	Call   Op = "call"
)

// Request is one operation.
type Request struct {
	Session *projectdb.Session
	Config  *Config
	Op      Op
	// Schema is a logical name; "" is the first exposed.
	Schema string
	// Target is a relation or a function.
	Target string
	Query  *query.Query
	Prefer query.Preferences
	// Body is a write's or a POSTed call's, or nil.
	Body *payload.Body
	// Accept are the media types that would do, best first.
	Accept []query.MediaType
	// ReadOnly forbids changes (a call by GET or HEAD). Bodiless asks for no rows (HEAD).
	ReadOnly, Bodiless bool
	// Method, Path and Headers are what SQL reads as request.method and so on. Headers is called when SQL may read it, and so is
	// Cookies, where there are any.
	Method, Path     string
	Headers, Cookies func() []byte
}

// Action is a planned request. It runs once.
type Action struct {
	Schema    *catalog.Schema
	Relation  *catalog.Relation // of the target, or of a call's rows; nil where there is none
	Function  *catalog.Function // nil but for a call
	Statement *plan.Statement
	// MediaType is the negotiated type of the answer, with parameters as they are sent. Single tells that the answer must be one row:
	// any other number of rows is an error (PGRST116), and undoes a write.
	MediaType string
	Single    bool
	// Bare tells that rows are not an array's: the answer is the one row that there is.
	Bare bool
	// Restart is called before rows come again from the first, which happens when the server had lost a prepared statement. Its error
	// ends the run; without it rows that came twice are an error.
	Restart func() error

	engine   *Engine
	request  *Request
	catalog  *catalog.Catalog
	main     sqlgen.Statement
	plain    bool // as of projectdb.Statement
	settings bool // the statement may read the request's settings
	timezone string
	windowed bool // the worker applies the window to a call's rows
	offset   int64
	limit    int64
	columns  []string
	outcome  Outcome
	given    int64 // rows handed on
	failed   error // of the row function
	// status and headers are what the database set, as it did.
	status, headers string
}

// Columns are the names of the rows' columns, known when the first row comes.
func (a *Action) Columns() []string { return a.columns }

// Progress is the outcome as far as it is known: Total is counted before the first row comes.
func (a *Action) Progress() *Outcome { return &a.outcome }

// Request is what was planned.
func (a *Action) Request() *Request { return a.request }

// Offset is the first row of the answer, Limit how many it has at most; negative for any number.
func (a *Action) Offset() int64 { return a.offset }

// Limit is described with Offset.
func (a *Action) Limit() int64 { return a.limit }

// ReadOnly reports whether the action can change nothing.
func (a *Action) ReadOnly() bool { return a.readOnly() }

// Timezone is the time zone that the action runs in, as asked for; "" for the server's.
func (a *Action) Timezone() string { return a.timezone }

// Outcome is what a request returned besides its rows.
type Outcome struct {
	// Rows is how many rows came, or were written. Total is how many match whatever the window; negative when not counted.
	Rows, Total int64
	// Inserted is how many of an upsert's rows were new.
	Inserted int64
	// Status and Headers are what the database set by response.status and response.headers; zero and nil for nothing.
	Status  int
	Headers []Header
	// Location holds the key of the one row that was inserted, if it was asked for: column and text. LocationNull tells of nulls.
	Location     [][2]string
	LocationNull []bool
}

// Header is one that the database set.
type Header struct{ Name, Value string }

// Row takes a row as it arrives: its columns as text, nil for null. It must not keep them. Rows of a read are given while the
// query still runs, so that a large result is never held; rows of a write only once it is committed, unless they are more than held.
// bytea columns are decoded where the type says so. Its error ends the run.
type Row func(columns [][]byte) error

// Engine runs requests.
type Engine struct{ catalogs Catalogs }

// New makes an engine. One serves all dialects.
func New(catalogs Catalogs) *Engine { return &Engine{catalogs: catalogs} }

// Catalogs gives catalogs: catalog.Cache, or the standalone server's.
type Catalogs interface {
	// Get returns a catalog that is fresh enough, Check one that is certainly as new as the call.
	Get(ctx context.Context, s *projectdb.Session, e catalog.Exposure) (*catalog.Catalog, error)
	Check(ctx context.Context, s *projectdb.Session, e catalog.Exposure) (*catalog.Catalog, error)
}
