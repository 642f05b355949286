// Package auth signs the users of a project up and in, after the protocol of Supabase Auth (GoTrue), so that its clients
// work unmodified. It reaches the project's database only through the session that the gateway bound to the request.
package auth

import (
	"log/slog"
	"net/http"
	"runtime"

	"github.com/go-chi/chi/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Schema is the logical schema of auth's tables.
const Schema = "auth"

// Deps are what the service needs.
type Deps struct {
	Log *slog.Logger
	// Limiter slows down guessing; without one only the gateway's limits hold.
	Limiter Limiter
	// Hashes is how many password hashes are computed at once; zero leaves a quarter of the processors to other work.
	Hashes int
	// Version is told by /health.
	Version string
}

// Service answers /auth/v1 of every project of a worker. It keeps nothing of them.
type Service struct {
	log     *slog.Logger
	limiter Limiter
	hasher  *hasher
	version string
	mux     *chi.Mux
}

var _ http.Handler = (*Service)(nil)

// New makes the service.
func New(d Deps) *Service {
	if d.Hashes <= 0 {
		d.Hashes = max(1, runtime.GOMAXPROCS(0)*3/4)
	}
	if d.Limiter == nil {
		d.Limiter = unlimited{}
	}
	s := &Service{log: d.Log, limiter: d.Limiter, hasher: newHasher(d.Hashes), version: d.Version, mux: chi.NewRouter()}
	s.route("/signup", http.MethodPost, s.signup)
	s.route("/token", http.MethodPost, s.token)
	s.route("/logout", http.MethodPost, s.logout)
	s.route("/settings", http.MethodGet, s.settings)
	s.route("/health", http.MethodGet, s.health)
	s.route("/.well-known/jwks.json", http.MethodGet, s.jwks)
	s.mux.Handle("/user", s.wrap(methodNotAllowed("GET, PUT")))
	s.mux.Method(http.MethodGet, "/user", s.wrap(s.getUser))
	s.mux.Method(http.MethodPut, "/user", s.wrap(s.putUser))
	s.mux.NotFound(s.wrap(notFound).ServeHTTP)
	return s
}

// ServeHTTP answers a request whose path has lost the prefix /auth/v1.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// handler answers a request of a project, or returns why not.
type handler func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error

func (s *Service) route(path, method string, h handler) {
	s.mux.Handle(path, s.wrap(methodNotAllowed(method)))
	s.mux.Method(method, path, s.wrap(h))
	if method == http.MethodGet {
		s.mux.Method(http.MethodHead, path, s.wrap(h))
	}
}

func (s *Service) wrap(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := projectdb.FromContext(r.Context())
		if err := h(w, r, session); err != nil {
			s.writeError(w, r, session.Project.Ref, err)
		}
	})
}

func notFound(http.ResponseWriter, *http.Request, *projectdb.Session) error {
	return fault.New(fault.NotFound, "NOT_FOUND", "There is nothing at this path.")
}

func methodNotAllowed(allowed string) handler {
	return func(w http.ResponseWriter, _ *http.Request, _ *projectdb.Session) error {
		w.Header().Set("Allow", allowed)
		return fault.New(fault.Invalid, "METHOD_NOT_ALLOWED", "This path answers to %s only.", allowed)
	}
}
