// Package meta lets the developers of a project run SQL as its owner role and read its catalog, at /meta/v1. It is for
// people with a developer token only; apps use REST.
package meta

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

const (
	listTimeout = time.Minute
	// queryTimeout is for SQL of the project's own, of which an index of a large table takes long.
	queryTimeout = 15 * time.Minute
)

// Deps are what the service needs.
type Deps struct {
	Log *slog.Logger
	// Failures may be nil: then none are listed.
	Failures Failures
}

// Service answers /meta/v1 of every project of a worker.
type Service struct {
	log   *slog.Logger
	mux   *chi.Mux
	heavy heavy
}

var errSlow = errors.New("the request took too long")

var _ http.Handler = (*Service)(nil)

// New makes the service.
func New(d Deps) *Service {
	s := &Service{log: d.Log, mux: chi.NewRouter(), heavy: heavy{projects: map[string]*turns{}}}
	s.route("/query", map[string]handler{http.MethodPost: within(queryTimeout, s.query)})
	s.route("/import", map[string]handler{http.MethodPost: within(queryTimeout, s.importRows)})
	s.route("/export", map[string]handler{http.MethodPost: s.export})
	for _, name := range listNames {
		methods := map[string]handler{http.MethodGet: within(listTimeout, catalog(name))}
		if name == "migrations" {
			methods[http.MethodPost] = within(queryTimeout, s.migrate)
		}
		s.route("/"+name, methods)
	}
	s.route("/advice", map[string]handler{http.MethodGet: within(listTimeout, adviceList())})
	if d.Failures != nil {
		s.route("/errors", map[string]handler{http.MethodGet: failuresList(d.Failures)})
	}
	s.mux.NotFound(s.wrap(func(http.ResponseWriter, *http.Request, *projectdb.Session) error { return errNotFound }).ServeHTTP)
	return s
}

// ServeHTTP answers a request whose path has lost the prefix /meta/v1.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

type handler func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error

func (s *Service) route(path string, methods map[string]handler) {
	allow := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
	s.mux.Handle(path, s.wrap(func(w http.ResponseWriter, _ *http.Request, _ *projectdb.Session) error {
		w.Header().Set("Allow", allow)
		return errMethod
	}))
	for method, h := range methods {
		s.mux.Method(method, path, s.wrap(h))
	}
}

// within ends a request after so long. The gateway's own bound is for exports.
func within(limit time.Duration, h handler) handler {
	return func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
		ctx, cancel := context.WithTimeoutCause(r.Context(), limit, errSlow)
		defer cancel()
		return h(w, r.WithContext(ctx), session)
	}
}

// wrap refuses whoever is no developer, and renders errors.
func (s *Service) wrap(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := projectdb.FromContext(r.Context())
		err := error(errDevelopersOnly)
		if session.Caller.Developer != "" {
			err = s.take(h, w, r, session)
		}
		if err != nil {
			s.writeError(w, r, session.Project, err)
		}
	})
}

// take runs a handler, in its turn where the request's body is large.
func (s *Service) take(h handler, w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	if isHeavy(r) {
		end, err := s.heavy.begin(r.Context(), session.Project.Ref)
		if err != nil {
			return err
		}
		defer end()
	}
	return h(w, r, session)
}

func writeJSON(w http.ResponseWriter, status int, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	writeBody(w, status, encoded)
	return nil
}

func writeBody(w http.ResponseWriter, status int, encoded []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // the client may be gone
}
