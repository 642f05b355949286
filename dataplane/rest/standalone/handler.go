package standalone

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// ServeHTTP answers a request as PostgREST would.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	st := s.state.Load()
	if st == nil {
		rest.WriteError(w, errStarting, false)
		return
	}
	seen := &watched{ResponseWriter: w, patience: s.patience}
	role := s.answer(seen, r, st)
	st.logRequest(s.log, r, seen.status, role, time.Since(began))
}

// maxBody is about what Postgres takes as one value, in bytes.
const maxBody = 1 << 30

// errStarting is the answer while the database has not been reached yet.
var errStarting = &query.Error{Status: http.StatusServiceUnavailable, Code: "PGRST002", Message: "Could not query the database for the schema cache. Retrying."}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, st *state) (role string) {
	header := w.Header()
	header.Set("Server", s.banner)
	if name := st.config.TraceHeader; name != "" {
		if value := r.Header.Get(name); value != "" {
			header.Set(name, value)
		}
	}
	if allowOrigin(w, r, st.config.Origins) {
		return ""
	}
	if r.Method == http.MethodOptions {
		header.Set("Access-Control-Allow-Origin", "*")
	}
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	}
	began := time.Now()
	who, err := st.verifier.identify(r.Header.Get("Authorization"))
	if err != nil {
		var refused *query.Error
		if errors.As(err, &refused) {
			rest.WriteError(w, refused, st.config.Terse)
		}
		return ""
	}
	session := s.door.Bind(s.project, projectdb.Caller{DatabaseRole: who.role, Claims: who.claims})
	ctx := rest.Authenticated(projectdb.NewContext(r.Context(), session), time.Since(began))
	s.rest.ServeHTTP(w, r.WithContext(ctx))
	return who.role
}

// configOf is how a request's role wants REST to behave.
func (s *Server) configOf(session *projectdb.Session) *engine.Config {
	st := s.state.Load()
	if c := st.byRole[session.Caller.DatabaseRole]; c != nil {
		return c
	}
	return st.common
}

// watched remembers the status of an answer, and gives up on clients that do not read theirs: a query waits for them.
type watched struct {
	http.ResponseWriter
	status   int
	patience time.Duration
}

// long is a part of an answer, in bytes, that may have to wait for its client.
const long = 16 << 10

func (w *watched) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if len(b) >= long {
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.patience)) // not every writer has a connection, in tests
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what is below.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// logRequest writes a line about a request, if the level asks for it.
func (st *state) logRequest(log *slog.Logger, r *http.Request, status int, role string, took time.Duration) {
	if status < st.logFrom {
		return
	}
	level := slog.LevelInfo
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case status >= http.StatusBadRequest:
		level = slog.LevelWarn
	}
	log.Log(r.Context(), level, "request", "method", r.Method, "path", r.URL.Path, "status", status, "role", role,
		"duration_ms", float64(took.Microseconds())/1000, "client", r.RemoteAddr)
}
