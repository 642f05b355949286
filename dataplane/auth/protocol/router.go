// Package protocol is how auth speaks: GoTrue's routes, bodies, errors and redirects over HTTP. It decides nothing.
package protocol

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Handler answers a request of a project, or returns why not.
type Handler func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error

// Router leads requests, whose path has lost the prefix /auth/v1, to handlers.
type Router struct {
	log    *slog.Logger
	mux    *chi.Mux
	routes map[string]map[string]bool // pattern → methods
}

var _ http.Handler = (*Router)(nil)

// NewRouter makes a router without routes.
func NewRouter(log *slog.Logger) *Router {
	rt := &Router{log: log, mux: chi.NewRouter(), routes: map[string]map[string]bool{}}
	rt.mux.NotFound(rt.Wrap(func(http.ResponseWriter, *http.Request, *projectdb.Session) error {
		return fault.New(fault.NotFound, "NOT_FOUND", "There is nothing at this path.")
	}).ServeHTTP)
	return rt
}

// ServeHTTP answers a request.
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) { rt.mux.ServeHTTP(w, r) }

// Handle adds a route. The pattern is chi's: "/admin/users/{id}". GET answers to HEAD too.
func (rt *Router) Handle(method, pattern string, h Handler) {
	methods := rt.routes[pattern]
	if methods == nil {
		methods = map[string]bool{}
		rt.routes[pattern] = methods
		rt.mux.Handle(pattern, rt.Wrap(func(w http.ResponseWriter, _ *http.Request, _ *projectdb.Session) error {
			allowed := make([]string, 0, len(methods))
			for m := range methods {
				allowed = append(allowed, m)
			}
			slices.Sort(allowed)
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			return fault.New(fault.Invalid, "METHOD_NOT_ALLOWED", "This path answers to %s only.", strings.Join(allowed, ", "))
		}))
	}
	methods[method] = true
	rt.mux.Method(method, pattern, rt.Wrap(h))
	if method == http.MethodGet {
		rt.mux.Method(http.MethodHead, pattern, rt.Wrap(h))
	}
}

// Routes lists "METHOD /pattern" of every route, sorted.
func (rt *Router) Routes() []string {
	var out []string
	for pattern, methods := range rt.routes {
		for m := range methods {
			out = append(out, m+" "+pattern)
		}
	}
	slices.Sort(out)
	return out
}

// Wrap makes a handler of net/http, which answers errors in GoTrue's dialect.
func (rt *Router) Wrap(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := projectdb.FromContext(r.Context())
		if err := h(w, r, session); err != nil {
			rt.writeError(w, r, session.Project.Ref, err)
		}
	})
}

// Log logs what a handler answers otherwise than by returning it, such as by a redirect.
func (rt *Router) Log(r *http.Request, session *projectdb.Session, err error) {
	if fault.From(err).Kind == fault.Internal {
		rt.log.LogAttrs(r.Context(), slog.LevelError, "auth request failed", slog.String("project", session.Project.Ref),
			slog.String("path", r.URL.Path), slog.Any("error", err))
	}
}

// Admin lets only holders of a secret key or a developer's token through.
func Admin(h Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
		if session.Caller.Role != "service_role" {
			return ErrNotAdmin
		}
		return h(w, r, session)
	}
}
