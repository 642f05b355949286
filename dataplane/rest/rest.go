// Package rest serves a project's tables, views and functions over HTTP, in PostgREST's protocol: it parses a request (query),
// resolves it against what the database has (catalog, plan), writes SQL (sqlgen) and runs it as the caller.
package rest

import (
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/dataplane/rest/sqlgen"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Deps are what the service needs.
type Deps struct {
	Log *slog.Logger
}

type handler struct {
	log      *slog.Logger
	catalogs *catalog.Cache
}

// New makes the service. Its requests carry a projectdb.Session.
func New(deps Deps) http.Handler {
	return &handler{log: deps.Log, catalogs: catalog.NewCache()}
}

// ServeHTTP answers "/<relation>" and "/rpc/<function>".
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := projectdb.FromContext(r.Context())
	if err := h.serve(w, r, s); err != nil {
		h.renderError(w, r, s, err)
	}
}

// request is a parsed request.
type request struct {
	http    *http.Request
	session *projectdb.Session
	// relation or function is set.
	relation, function string
	query              *query.Query
	prefer             query.Preferences
	profile            string
	single             bool // the answer is one object
	body               []byte
}

func (q *request) reads() bool {
	return q.http.Method == http.MethodGet || q.http.Method == http.MethodHead
}

func (h *handler) serve(w http.ResponseWriter, r *http.Request, s *projectdb.Session) error {
	q, err := parse(r, s)
	if err != nil {
		return err
	}
	c, err := h.catalogs.Get(r.Context(), s)
	if err != nil {
		return err
	}
	a, err := q.plan(c)
	if missing(err) {
		// It may have been made a moment ago.
		current, checkErr := h.catalogs.Check(r.Context(), s)
		if checkErr != nil {
			return checkErr
		}
		if current != c {
			a, err = q.plan(current)
		}
	}
	if err != nil {
		return err
	}
	result, err := a.run()
	if err != nil && q.reads() && missing(err) {
		// What the catalog still has may be gone, or have changed.
		if current, checkErr := h.catalogs.Check(r.Context(), s); checkErr == nil && current != c {
			if a, err = q.plan(current); err == nil {
				result, err = a.run()
			}
		}
	}
	if err != nil {
		return err
	}
	return a.respond(w, result)
}

func parse(r *http.Request, s *projectdb.Session) (*request, error) {
	q := &request{http: r, session: s}
	path := strings.Trim(r.URL.Path, "/")
	name, isCall := strings.CutPrefix(path, "rpc/")
	switch {
	case path == "":
		return nil, query.Unsupported("The OpenAPI description at the root is not built yet.")
	case strings.Contains(name, "/"):
		return nil, &query.Error{Status: http.StatusNotFound, Code: "PGRST125", Message: "Invalid path specified in request URL"}
	case isCall:
		q.function = name
	default:
		q.relation = name
	}
	if !q.allowed() {
		return nil, &query.Error{Status: http.StatusMethodNotAllowed, Code: "PGRST117", Message: "Unsupported HTTP method: " + r.Method}
	}
	var err error
	if q.query, err = query.Parse(r.URL.RawQuery, isCall && q.reads()); err != nil {
		return nil, err
	}
	q.prefer = query.ParsePrefer(r.Header["Prefer"])
	if q.prefer.Strict && len(q.prefer.Unknown) > 0 {
		return nil, &query.Error{Status: http.StatusBadRequest, Code: "PGRST122",
			Message: "Invalid preferences given with handling=strict", Details: "Invalid preferences: " + strings.Join(q.prefer.Unknown, ", ")}
	}
	if err := q.negotiate(); err != nil {
		return nil, err
	}
	if err := q.window(); err != nil {
		return nil, err
	}
	q.profile = r.Header.Get("Content-Profile")
	if q.reads() {
		q.profile = r.Header.Get("Accept-Profile")
		return q, nil
	}
	return q, q.readBody()
}

func (q *request) allowed() bool {
	switch q.http.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		return true
	case http.MethodPatch, http.MethodDelete:
		return q.function == ""
	}
	return false
}

func (q *request) readBody() (err error) {
	kind, _, _ := strings.Cut(q.http.Header.Get("Content-Type"), ";")
	switch strings.TrimSpace(strings.ToLower(kind)) {
	case "", "application/json", "application/vnd.pgrst.object+json", "application/vnd.pgrst.array+json":
	default:
		if q.http.ContentLength != 0 && q.http.Method != http.MethodDelete {
			return &query.Error{Status: http.StatusUnsupportedMediaType, Code: "PGRST102",
				Message: "Content-Type not acceptable: " + kind, Hint: "Send application/json."}
		}
	}
	q.body, err = io.ReadAll(q.http.Body)
	if err == nil && q.body == nil {
		q.body = []byte{}
	}
	return err
}

// negotiate picks the form of the answer.
func (q *request) negotiate() error {
	accept := q.http.Header["Accept"]
	if len(accept) == 0 {
		return nil
	}
	for _, header := range accept {
		for _, part := range strings.Split(header, ",") {
			kind, _, _ := strings.Cut(part, ";")
			switch strings.TrimSpace(strings.ToLower(kind)) {
			case "application/vnd.pgrst.object+json", "application/vnd.pgrst.object":
				q.single = true
				return nil
			case "*/*", "application/*", "application/json", "application/vnd.pgrst.array+json", "application/vnd.pgrst.array", "":
				return nil
			}
		}
	}
	return &query.Error{Status: http.StatusNotAcceptable, Code: "PGRST107",
		Message: "None of these media types are available: " + strings.Join(accept, ", ")}
}

// window applies the Range header where the URL says nothing.
func (q *request) window() error {
	header := q.http.Header.Get("Range")
	if header == "" || q.http.Method != http.MethodGet || q.query.Limit >= 0 || q.query.Offset >= 0 {
		return nil
	}
	offset, limit, ok := query.ParseRange(header)
	if !ok {
		return &query.Error{Status: http.StatusRequestedRangeNotSatisfiable, Code: "PGRST103", Message: "Requested range not satisfiable",
			Details: "The lower boundary must be lower than or equal to the upper boundary in the Range header."}
	}
	q.query.Offset, q.query.Limit = offset, limit
	return nil
}

// missing reports whether err may come from a catalog that is behind the database.
func missing(err error) bool {
	if err == nil {
		return false
	}
	switch codeOf(err) {
	case "PGRST202", "PGRST203", "PGRST204", "PGRST205", "42703", "42P01", "42883", "42704":
		return true
	}
	return false
}

// plan resolves the request and writes its SQL.
func (q *request) plan(c *catalog.Catalog) (*action, error) {
	schema, err := plan.Schema(c, catalog.Schemas(q.session), q.profile)
	if err != nil {
		return nil, err
	}
	a := &action{request: q, schema: schema, offset: max(q.query.Offset, 0)}
	if q.function != "" {
		return a, a.planCall()
	}
	relation, err := plan.Relation(schema, q.relation)
	if err != nil {
		return nil, err
	}
	switch q.http.Method {
	case http.MethodGet, http.MethodHead:
		p, err := plan.NewRead(relation, q.query)
		if err != nil {
			return nil, err
		}
		q.bound(&p.Shape)
		a.readOnly, a.plain, a.statement = true, p.Plain(), sqlgen.Read(p)
		a.unaware = a.plain && !relation.ReadsSettings
		return a, nil
	default:
		return a, a.planWrite(relation)
	}
}

func (a *action) planWrite(relation *catalog.Relation) error {
	q := a.request
	var p *plan.Write
	var err error
	switch q.http.Method {
	case http.MethodPost:
		if p, err = plan.NewInsert(relation, q.query, q.prefer, q.body); err == nil {
			a.statement = sqlgen.Insert(p)
		}
	case http.MethodPatch:
		if p, err = plan.NewUpdate(relation, q.query, q.prefer, q.body); err == nil {
			a.statement = sqlgen.Update(p)
		}
	default:
		if p, err = plan.NewDelete(relation, q.query, q.prefer); err == nil {
			a.statement = sqlgen.Delete(p)
		}
	}
	return err
}

func (a *action) planCall() error {
	q := a.request
	p, err := plan.NewCall(a.schema, q.function, q.query, q.body)
	if err != nil {
		return err
	}
	if p.Function.Set {
		q.bound(&p.Shape)
	} else {
		p.Limit, p.Offset, a.offset = -1, -1, 0
	}
	a.function = p.Function
	a.readOnly = q.reads() || p.Function.Volatility != "v"
	a.statement = sqlgen.Call(p)
	return nil
}

// bound applies the project's limit of rows, and what the method and the preferences ask for.
func (q *request) bound(s *plan.Shape) {
	most := setting.Get[int64](q.session.Project.Settings, "rest.max_rows")
	if s.Limit < 0 || s.Limit > most {
		s.Limit = most
	}
	s.Count = q.prefer.Count != "" // estimates are exact for now
	s.Bodiless = q.http.Method == http.MethodHead && !q.single
}
