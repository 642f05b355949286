// Package engine answers requests for a project's relations and functions: it plans them against the catalog, writes their SQL,
// runs it as the caller and hands on the rows as they come. It speaks no HTTP; its dialects are packages rest and api.
package engine

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
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
	// Method, Path and Headers are what SQL reads as request.method and so on. Headers is called when SQL may read it.
	Method, Path string
	Headers      func() []byte
}

// Action is a planned request.
type Action struct {
	Schema    *catalog.Schema
	Relation  *catalog.Relation // of the target, or of a call's rows; nil where there is none
	Function  *catalog.Function // nil but for a call
	Statement *plan.Statement
	// MediaType is the negotiated type of the answer, with parameters as they are sent. Single tells that the answer is one object.
	MediaType string
	Single    bool
}

// Outcome is what a request returned besides its rows.
type Outcome struct {
	// Rows is how many rows came, or were written. Total is how many match whatever the window; negative when not counted.
	Rows, Total int64
	// Inserted is how many of an upsert's rows were new.
	Inserted int64
	// Status and Headers are what the database set by response.status and response.headers; zero and nil for nothing.
	Status  int
	Headers []Header
	// Location holds the key of the row that was inserted, if it was asked for: column and text.
	Location [][2]string
}

// Header is one that the database set.
type Header struct{ Name, Value string }

// Row takes a row as it arrives: its columns as text, nil for null. It must not keep them. Rows of a read are given while the
// query still runs, so that a large result is never held; rows of a write only once it is committed.
type Row func(columns [][]byte) error

// Engine runs requests.
type Engine struct{ catalogs Catalogs }

// Catalogs gives catalogs: catalog.Cache, or the standalone server's.
type Catalogs interface {
	// Get returns a catalog that is fresh enough, Check one that is certainly as new as the call.
	Get(ctx context.Context, s *projectdb.Session, e catalog.Exposure) (*catalog.Catalog, error)
	Check(ctx context.Context, s *projectdb.Session, e catalog.Exposure) (*catalog.Catalog, error)
}

// New makes an engine. One serves all dialects.
func New(catalogs Catalogs) *Engine { return &Engine{catalogs: catalogs} }

// Prepare plans a request. Its errors are *query.Error, or those of the catalogs.
func (e *Engine) Prepare(ctx context.Context, r *Request) (*Action, error) { panic("later") }

// Run runs the action in a transaction of its own. A name that is gone by now is looked up again, once, in a read.
func (a *Action) Run(ctx context.Context, row Row) (*Outcome, error) { panic("later") }

// RunTx runs the action within a transaction of the caller's, who ends it. tx.Prepare, tx.max-affected and single objects are refused
// as by Run, and it is for the caller to roll back then.
func (a *Action) RunTx(ctx context.Context, tx pgx.Tx, row Row) (*Outcome, error) { panic("later") }
