// Package rest serves a project's tables, views and functions over HTTP, in PostgREST's protocol: it parses a request (query,
// payload), lets package engine plan and run it as the caller, and writes what comes back.
package rest

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// Deps are what the service needs.
type Deps struct {
	Log *slog.Logger
	// Engine runs the requests.
	Engine *engine.Engine
	// Config is how the session's project wants REST to behave; nil for what its settings say. What it returns is not changed.
	Config func(*projectdb.Session) *engine.Config
	// Describer answers at the root; nil for nobody.
	Describer Describer
}

// Describer describes a schema: package openapi's.
type Describer interface {
	// Describe returns an OpenAPI description (2.0) of what of the schema the request's caller may use. base is the address of the
	// service as the client sees it, without a slash at its end.
	Describe(ctx context.Context, r *engine.Request, c *catalog.Catalog, s *catalog.Schema, base string) ([]byte, error)
}

type handler struct {
	log       *slog.Logger
	engine    *engine.Engine
	config    func(*projectdb.Session) *engine.Config
	describer Describer
}

// New makes the service. Its requests carry a projectdb.Session.
func New(deps Deps) http.Handler {
	h := &handler{log: deps.Log, engine: deps.Engine, config: deps.Config, describer: deps.Describer}
	if h.config == nil {
		h.config = ProjectConfigs()
	}
	return h
}

// exchange is one request and its answer.
type exchange struct {
	*handler
	w       http.ResponseWriter
	r       *http.Request
	session *projectdb.Session
	config  *engine.Config
	// target is the relation or, when call is set, the function.
	target string
	call   bool
	// request is the whole of it, for the engine.
	request engine.Request
	action  *engine.Action
	clock   clock
	body    stream
	// values are room for the header's.
	values [8]string
	set    int
}

// ServeHTTP answers "/<relation>", "/rpc/<function>" and "/".
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := projectdb.FromContext(r.Context())
	x := &exchange{handler: h, w: w, r: r, session: s, config: h.config(s)}
	if x.config.ServerTiming {
		x.clock.start(r.Context())
	}
	if err := x.serve(); err != nil {
		x.fail(err)
	}
}

func (x *exchange) serve() error {
	if err := x.route(); err != nil {
		return err
	}
	x.request = engine.Request{Session: x.session, Config: x.config, Target: x.target, Method: x.r.Method, Path: x.r.URL.Path}
	reads := x.reads()
	x.request.Schema = x.r.Header.Get("Content-Profile")
	if reads || x.r.Method == http.MethodOptions {
		x.request.Schema = x.r.Header.Get("Accept-Profile")
	}
	switch {
	case x.r.Method == http.MethodOptions:
		return x.allow()
	case x.target == "":
		return x.root()
	}
	if err := x.operation(); err != nil {
		return err
	}
	return x.perform()
}

// perform reads the request, and runs it.
func (x *exchange) perform() error {
	if err := x.parse(); err != nil {
		return err
	}
	x.clock.lap(parsing)
	ctx := x.r.Context()
	var err error
	if x.action, err = x.engine.Prepare(ctx, &x.request); err != nil {
		return err
	}
	x.clock.lap(planning)
	return x.answer(ctx)
}

func (x *exchange) reads() bool {
	return x.r.Method == http.MethodGet || x.r.Method == http.MethodHead
}

// route tells what the path names.
func (x *exchange) route() error {
	path := x.r.URL.Path
	escaped := x.r.URL.RawPath != "" // a name may have an escaped slash
	if escaped {
		path = x.r.URL.RawPath
	}
	path = strings.Trim(path, "/")
	name, isCall := strings.CutPrefix(path, "rpc/")
	if strings.Contains(name, "/") || (isCall && name == "") {
		return &query.Error{Status: http.StatusNotFound, Code: "PGRST125", Message: "Invalid path specified in request URL"}
	}
	if escaped {
		var err error
		if name, err = url.PathUnescape(name); err != nil {
			return &query.Error{Status: http.StatusNotFound, Code: "PGRST125", Message: "Invalid path specified in request URL"}
		}
	}
	x.target, x.call = name, isCall
	return nil
}

// operation tells what the method does.
func (x *exchange) operation() error {
	q := &x.request
	switch m := x.r.Method; {
	case x.call && (x.reads() || m == http.MethodPost):
		q.Op, q.ReadOnly = engine.Call, m != http.MethodPost
	case x.call && (m == http.MethodPut || m == http.MethodPatch || m == http.MethodDelete):
		return &query.Error{Status: http.StatusMethodNotAllowed, Code: "PGRST101", Message: "Cannot use the " + m + " method on RPC"}
	case x.reads():
		q.Op = engine.Read
	case m == http.MethodPost:
		q.Op = engine.Insert
	case m == http.MethodPut:
		q.Op = engine.Put
	case m == http.MethodPatch:
		q.Op = engine.Update
	case m == http.MethodDelete:
		q.Op = engine.Delete
	default:
		return unsupportedMethod(m)
	}
	q.Bodiless = x.r.Method == http.MethodHead
	return nil
}

func unsupportedMethod(method string) error {
	return &query.Error{Status: http.StatusMethodNotAllowed, Code: "PGRST117", Message: "Unsupported HTTP method: " + method}
}

// parse reads the query string, the headers and the body.
func (x *exchange) parse() (err error) {
	q, header := &x.request, x.r.Header
	q.Prefer = noPreferences
	if given := header["Prefer"]; given != nil {
		q.Prefer = query.ParsePrefer(given)
		if refusal := q.Prefer.Refusal(); refusal != nil {
			return refusal
		}
	}
	if q.Query, err = (query.Options{Call: x.call && x.reads(), LegacyNames: x.config.LegacyNames}).Parse(x.r.URL.RawQuery); err != nil {
		return err
	}
	if x.r.Method == http.MethodGet {
		if err := q.Query.Window(header.Get("Range")); err != nil {
			return err
		}
	}
	q.Accept = query.ParseAccept(header["Accept"])
	q.Headers = x.headers
	if header["Cookie"] != nil {
		q.Cookies = x.cookies
	}
	if x.reads() || x.r.Method == http.MethodDelete {
		return nil
	}
	q.Body, err = payload.Read(x.r.Body, query.ParseContentType(header.Get("Content-Type")),
		payload.Options{Call: x.call, Columns: q.Query.Columns, Size: x.r.ContentLength})
	return err
}

var noPreferences = query.ParsePrefer(nil)

// authTime is how long it took to tell who asks.
type authTime struct{}

// Authenticated notes in a request's context how long it took to tell who asks, for Server-Timing.
func Authenticated(ctx context.Context, took time.Duration) context.Context {
	return context.WithValue(ctx, authTime{}, took)
}
