// Package api serves /api/v1: a project's tables, views and functions as resources, over the same engine as rest. What it takes and
// gives is in docs/api.md.
package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Deps are what the service needs.
type Deps struct {
	Log *slog.Logger
	// Engine runs the requests.
	Engine *engine.Engine
	// Config is how the session's project wants REST to behave. What it returns is not changed.
	Config func(*projectdb.Session) *engine.Config
	// Version is shown as the API's, in its description.
	Version string
}

type handler struct{ Deps }

// prefix is what the gateway cut off the path.
const prefix = "/api/v1"

// New makes the service. Its requests carry a projectdb.Session, and paths without /api/v1.
func New(d Deps) http.Handler {
	return &handler{d}
}

// request is one that is being answered.
type request struct {
	*handler
	http    *http.Request
	w       http.ResponseWriter
	session *projectdb.Session
	config  *engine.Config
	prefer  query.Preferences
	// schema is the logical name of the one that is asked for.
	schema string
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	session := projectdb.FromContext(r.Context())
	config := *h.Config(session)
	config.Aggregates = setting.Get[bool](session.Project.Settings, "api.aggregates_enabled")
	q := &request{handler: h, http: r, w: w, session: session, config: &config, prefer: query.ParsePrefer(r.Header.Values("Prefer"))}
	w.Header()["Vary"] = []string{"Accept, Accept-Profile, Apikey, Authorization, Prefer"}
	if err := q.route(); err != nil {
		withdraw(w.Header())
		h.failed(r.Context(), session, err).write(w)
	}
}

// withdraw takes back what was said of an answer that is not given.
func withdraw(h http.Header) {
	for _, name := range []string{"Etag", "Content-Range", "Link", "X-Total-Count", "Location", "Content-Length"} {
		h.Del(name)
	}
}

func (q *request) route() error {
	if err := q.chooseSchema(); err != nil {
		return err
	}
	segments := strings.Split(strings.TrimPrefix(q.http.URL.EscapedPath(), "/"), "/")
	names := make([]string, len(segments))
	for i, s := range segments {
		name, err := url.PathUnescape(s)
		if err != nil || strings.ContainsRune(name, 0) {
			return errRoute
		}
		names[i] = name
	}
	switch {
	case len(names) == 2 && names[0] == "tables" && names[1] != "":
		return q.table(names[1])
	case len(names) == 3 && names[0] == "tables" && names[1] != "" && names[2] != "":
		return q.row(names[1], segments[2])
	case len(names) == 2 && names[0] == "rpc" && names[1] != "":
		return q.function(names[1])
	case len(names) == 1 && names[0] == "transaction":
		return q.transaction()
	case len(names) == 1 && names[0] == "openapi.json":
		return q.describe()
	}
	return errRoute
}

var errRoute = &failure{status: http.StatusNotFound, code: "ROUTE_NOT_FOUND", message: "There is nothing at this path.",
	hint: "Paths are /tables/{table}, /tables/{table}/{id}, /rpc/{function}, /transaction and /openapi.json, below /api/v1."}

// chooseSchema takes the exposed schema that the profile headers name, or the first.
func (q *request) chooseSchema() error {
	q.schema = q.config.Schemas[0]
	asked := q.http.Header.Get("Accept-Profile")
	if q.http.Method != http.MethodGet && q.http.Method != http.MethodHead && q.http.Header.Get("Content-Profile") != "" {
		asked = q.http.Header.Get("Content-Profile")
	}
	switch {
	case asked == "":
	case !slices.Contains(q.config.Schemas, asked):
		return &failure{status: http.StatusNotAcceptable, code: "UNKNOWN_SCHEMA", message: "The schema that the request names is not served.",
			hint: "Accept-Profile and Content-Profile name one of " + strings.Join(q.config.Schemas, ", ") + "."}
	default:
		q.schema = asked
	}
	return nil
}

// methods refuses all others.
func (q *request) methods(allowed ...string) error {
	if slices.Contains(allowed, q.http.Method) {
		return nil
	}
	list := strings.Join(allowed, ", ")
	return &failure{status: http.StatusMethodNotAllowed, code: "METHOD_NOT_ALLOWED", message: "This path does not answer to " + q.http.Method + ".",
		hint: "It answers to " + list + ".", allow: list}
}

// find looks a relation up; stale asks for a catalog that is certainly as new as the request.
func (q *request) find(ctx context.Context, name string, stale bool) (*catalog.Relation, error) {
	s, err := q.described(ctx, stale)
	if err != nil {
		return nil, err
	}
	if r := s.Relations[name]; r != nil {
		return r, nil
	}
	if !stale {
		return q.find(ctx, name, true)
	}
	return nil, &failure{status: http.StatusNotFound, code: "UNKNOWN_TABLE", message: "There is no table or view \"" + q.schema + "." + name + "\".",
		hint: "The paths of /api/v1/openapi.json name those that you may use."}
}

// described is what the catalog knows of the schema.
func (q *request) described(ctx context.Context, fresh bool) (*catalog.Schema, error) {
	get := q.Engine.Schema
	if fresh {
		get = q.Engine.Fresh
	}
	_, s, err := get(ctx, &engine.Request{Session: q.session, Config: q.config, Schema: q.schema})
	return s, err
}

// begin makes the engine's request.
func (q *request) begin(op engine.Op, target string, a *asked) *engine.Request {
	prefer := q.prefer
	if a.count != "" {
		prefer.Count = a.count
	}
	if prefer.Return == "" {
		prefer.Return = "representation"
	}
	r := q.http
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	return &engine.Request{
		Session: q.session, Config: q.config, Op: op, Schema: q.schema, Target: target, Query: a.Query, Prefer: prefer,
		Accept: []query.MediaType{{Type: "application/json"}}, ReadOnly: read, Bodiless: r.Method == http.MethodHead,
		Method: r.Method, Path: prefix + r.URL.Path, Headers: func() []byte { return headersJSON(r.Header) },
	}
}

// body reads a body of JSON.
func (q *request) body(o payload.Options) (*payload.Body, error) {
	kind, _, _ := strings.Cut(q.http.Header.Get("Content-Type"), ";")
	switch kind = strings.ToLower(strings.TrimSpace(kind)); kind {
	case "", "application/json":
	default:
		return nil, &failure{status: http.StatusUnsupportedMediaType, code: "UNSUPPORTED_MEDIA_TYPE", message: "The body's type is not one that is read here.",
			hint: "Send JSON, with Content-Type: application/json."}
	}
	o.Size = q.http.ContentLength
	return payload.Read(q.http.Body, query.MediaType{Type: "application/json"}, o)
}

// wantsLines reports whether rows are to come as lines, and refuses what they cannot come as.
func (q *request) wantsLines() (bool, error) {
	accept := strings.Join(q.http.Header.Values("Accept"), ",")
	if accept == "" {
		return false, nil
	}
	for part := range strings.SplitSeq(accept, ",") {
		kind, _, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "application/x-ndjson", "application/ndjson", "application/jsonl":
			return true, nil
		case "application/json", "*/*", "application/*":
			return false, nil
		}
	}
	return false, &failure{status: http.StatusNotAcceptable, code: "NOT_ACCEPTABLE", message: "None of the types that Accept names can be given.",
		hint: "Ask for application/json or application/x-ndjson."}
}

// headersJSON is what request.headers reads: names in lower case.
func headersJSON(h http.Header) []byte {
	out := make(map[string]string, len(h))
	for name, values := range h {
		out[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	encoded, err := json.Marshal(out)
	if err != nil { // strings only
		panic(err)
	}
	return encoded
}
