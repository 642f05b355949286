package standalone

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// ServeHTTP answers a request as PostgREST would.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	st := s.state.Load()
	if st == nil {
		writeError(w, r, errStarting, false)
		return
	}
	seen := &watched{ResponseWriter: w}
	role := s.answer(seen, r, st)
	st.logRequest(s.log, r, seen.status, role, time.Since(began))
}

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
	began := time.Now()
	who, err := st.verifier.identify(r.Header.Get("Authorization"))
	if err != nil {
		var refused *query.Error
		if errors.As(err, &refused) {
			writeError(w, r, refused, st.config.Terse)
		}
		return ""
	}
	if st.config.Timing {
		header.Set("Server-Timing", "jwt;dur="+strconv.FormatFloat(float64(time.Since(began).Microseconds())/1000, 'f', 1, 64))
	}
	session := s.door.Bind(s.project, projectdb.Caller{DatabaseRole: who.role, Claims: who.claims})
	s.rest.ServeHTTP(w, r.WithContext(projectdb.NewContext(r.Context(), session)))
	return who.role
}

// writeError answers with an error in PostgREST's shape.
func writeError(w http.ResponseWriter, r *http.Request, e *query.Error, terse bool) {
	header := w.Header()
	for name, values := range e.Header {
		header[name] = values
	}
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Proxy-Status", "PostgREST; error="+e.Code)
	body, err := json.Marshal(errorBody(e, terse))
	if err != nil {
		body = []byte("{}")
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(e.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

func errorBody(e *query.Error, terse bool) any {
	if terse {
		return struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		}{e.Code, e.Message}
	}
	var hint *string
	if e.Hint != "" {
		hint = &e.Hint
	}
	return struct {
		Code    string  `json:"code"`
		Details any     `json:"details"`
		Hint    *string `json:"hint"`
		Message string  `json:"message"`
	}{e.Code, e.Details, hint, e.Message}
}

// configOf is how a request's role wants REST to behave.
func (s *Server) configOf(session *projectdb.Session) *engine.Config {
	st := s.state.Load()
	if c := st.byRole[session.Caller.DatabaseRole]; c != nil {
		return c
	}
	return st.common
}

// watched remembers the status of an answer.
type watched struct {
	http.ResponseWriter
	status int
}

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
