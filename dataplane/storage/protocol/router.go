// Package protocol is how storage speaks: Supabase Storage's routes, bodies and errors over HTTP, and files with ranges and conditions. It decides nothing
// about who may do what.
package protocol

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Handler answers a request of a project, or returns why not.
type Handler func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error

// Router leads requests, whose path has lost the prefix /storage/v1, to handlers. It goes by the path as it was sent, and unescapes each part of it once.
type Router struct {
	log   *slog.Logger
	roots map[string]*node // by method
	names []string
	fail  func(w http.ResponseWriter, r *http.Request, session *projectdb.Session, err error)
}

var _ http.Handler = (*Router)(nil)

// node is a place in the tree of a method's patterns.
type node struct {
	literals map[string]*node
	// param takes one part of a path that is not empty, rest all that follows, and nothing.
	param *node
	name  string // of param's value
	rest  Handler
	here  Handler
}

// Rest is the name of what a pattern's final * stands for, in http.Request.PathValue: "folder/a b.txt", unescaped.
const Rest = "*"

// NewRouter makes a router without routes.
func NewRouter(log *slog.Logger) *Router {
	rt := &Router{log: log, roots: map[string]*node{}}
	rt.fail = rt.WriteError
	return rt
}

// Fail has errors told in another dialect than Supabase's.
func (rt *Router) Fail(with func(w http.ResponseWriter, r *http.Request, session *projectdb.Session, err error)) {
	rt.fail = with
}

// Handle adds a route: "/object/info/{bucket}/*". What a path says literally goes before a parameter. GET answers to HEAD where HEAD has no route.
func (rt *Router) Handle(method, pattern string, h Handler) {
	rt.names = append(rt.names, method+" "+pattern)
	rt.add(method, pattern, h)
}

func (rt *Router) add(method, pattern string, h Handler) {
	at := rt.roots[method]
	if at == nil {
		at = &node{}
		rt.roots[method] = at
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(pattern, "/"), "/") {
		switch {
		case part == Rest:
			at.rest = h
			return
		case strings.HasPrefix(part, "{"):
			if at.param == nil {
				at.param, at.name = &node{}, strings.Trim(part, "{}")
			}
			at = at.param
		default:
			if at.literals == nil {
				at.literals = map[string]*node{}
			}
			if at.literals[part] == nil {
				at.literals[part] = &node{}
			}
			at = at.literals[part]
		}
	}
	at.here = h
}

// value is what a part of a pattern stands for.
type value struct{ name, text string }

// find walks the tree by the parts of a path, trying literals first. Going back is bounded by the patterns' depth.
func (n *node) find(parts []string, values []value) (Handler, []value) {
	if len(parts) == 0 {
		if n.here != nil {
			return n.here, values
		}
		return nil, nil
	}
	if next := n.literals[parts[0]]; next != nil {
		if h, v := next.find(parts[1:], values); h != nil {
			return h, v
		}
	}
	if n.param != nil && parts[0] != "" {
		if h, v := n.param.find(parts[1:], append(values, value{n.name, parts[0]})); h != nil {
			return h, v
		}
	}
	if n.rest != nil {
		return n.rest, append(values, value{Rest, strings.Join(parts, "/")})
	}
	return nil, nil
}

// parts splits a path as it was sent, and unescapes each part. A slash that was escaped is one of the name that it belongs to: the rule for names judges it.
func parts(u *url.URL) ([]string, bool) {
	out := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, part := range out {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return nil, false
		}
		out[i] = plain
	}
	return out, true
}

// match finds a route, with a final slash or without.
func (rt *Router) match(method string, path []string) (Handler, []value) {
	root := rt.roots[method]
	if root == nil {
		return nil, nil
	}
	h, values := root.find(path, nil)
	if last := len(path) - 1; h == nil && last > 0 && path[last] == "" {
		h, values = root.find(path[:last], nil)
	}
	return h, values
}

// ServeHTTP answers a request.
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	session := projectdb.FromContext(r.Context())
	if err := rt.serve(w, r, session); err != nil {
		rt.fail(w, r, session, err)
	}
}

func (rt *Router) serve(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	path, ok := parts(r.URL)
	if !ok {
		return fault.New(fault.Invalid, "INVALID_REQUEST", "The path cannot be read: it is not escaped as addresses are.")
	}
	h, values := rt.match(r.Method, path)
	if h == nil && r.Method == http.MethodHead {
		h, values = rt.match(http.MethodGet, path)
	}
	if h == nil {
		return rt.nothing(w, path)
	}
	for _, v := range values {
		r.SetPathValue(v.name, v.text)
	}
	return h(w, r, session)
}

func (rt *Router) nothing(w http.ResponseWriter, path []string) error {
	var allowed []string
	for method := range rt.roots {
		if h, _ := rt.match(method, path); h != nil {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return fault.New(fault.NotFound, "ROUTE_NOT_FOUND", "There is nothing at this path.")
	}
	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return fault.New(fault.Invalid, "METHOD_NOT_ALLOWED", "This path answers to %s only.", strings.Join(allowed, ", "))
}

// Routes lists "METHOD /pattern" of every route, sorted.
func (rt *Router) Routes() []string { return slices.Sorted(slices.Values(rt.names)) }
