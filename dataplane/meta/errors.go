package meta

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/fault"
)

const reasonTooLarge = "BODY_TOO_LARGE"

var (
	errNotFound       = fault.New(fault.NotFound, "ROUTE_NOT_FOUND", "There is no such path. Use /query, /import, /export, /migrations, or a list of the catalog such as /tables.")
	errMethod         = fault.New(fault.Unimplemented, "METHOD_NOT_ALLOWED", "This path does not take that method; see the header Allow.")
	errDevelopersOnly = fault.New(fault.Unauthenticated, "DEVELOPER_TOKEN_REQUIRED", "This service is for developers of the project only.")
)

// statuses of kinds; what is not named is 500.
var statuses = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Unauthenticated: http.StatusUnauthorized, fault.Denied: http.StatusForbidden,
	fault.NotFound: http.StatusNotFound, fault.FailedPrecondition: http.StatusBadRequest, fault.Exhausted: http.StatusServiceUnavailable,
	fault.Unavailable: http.StatusServiceUnavailable, fault.Canceled: 499, fault.DeadlineExceeded: http.StatusGatewayTimeout,
	fault.Unimplemented: http.StatusMethodNotAllowed, fault.Exists: http.StatusConflict,
}

// errorBody is an error as sent. Code is a SQLSTATE when Postgres refused the statement, else a reason.
type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Details string `json:"details,omitempty"`
	Hint    string `json:"hint,omitempty"`
	// Position counts characters of the query from 1; Line lines from 1.
	Position int `json:"position,omitempty"`
	Line     int `json:"line,omitempty"`
	// Where says in which function or trigger it happened.
	Where   string   `json:"where,omitempty"`
	Notices []notice `json:"notices,omitempty"`
}

// sqlError is a statement that Postgres refused.
type sqlError struct {
	refused *pgconn.PgError
	query   string
	notices []notice
}

// lockHolders tells how to find who holds a lock.
const lockHolders = "Who has a transaction open: select pid, state, xact_start, query from pg_stat_activity where xact_start is not null order by xact_start; " +
	"select pg_cancel_backend(pid) ends its statement, pg_terminate_backend(pid) its session."

// unlocked is what Postgres refused, in clear words when a lock was waited for too long.
func unlocked(refused *pgconn.PgError, hint string) *pgconn.PgError {
	if refused.Code != pgerrcode.LockNotAvailable {
		return refused
	}
	told := *refused
	told.Detail, told.Hint = told.Message, hint
	told.Message = "Another session holds a lock on what this needs, and did not release it in time."
	return &told
}

// shifted is what Postgres refused, with the position in a text that so many characters were put before.
func shifted(refused *pgconn.PgError, shift int) *pgconn.PgError {
	if shift == 0 || refused.Position == 0 {
		return refused
	}
	told := *refused
	told.Position = max(0, told.Position-int32(shift))
	return &told
}

func (e *sqlError) Error() string { return e.refused.Error() }

func (e *sqlError) Unwrap() error { return e.refused }

func (e *sqlError) body() errorBody {
	position := int(e.refused.Position)
	return errorBody{
		Code: e.refused.Code, Message: cut(e.refused.Message), Details: cut(e.refused.Detail), Hint: cut(e.refused.Hint),
		Position: position, Line: line(e.query, position), Where: cut(e.refused.Where), Notices: e.notices,
	}
}

// line finds the line of a position, which counts characters from 1; 0 for none.
func line(query string, position int) int {
	if position <= 0 {
		return 0
	}
	end := 0
	for range min(position-1, utf8.RuneCountInString(query)) {
		_, size := utf8.DecodeRuneInString(query[end:])
		end += size
	}
	return 1 + strings.Count(query[:end], "\n")
}

func (s *Service) writeError(w http.ResponseWriter, r *http.Request, p *directory.Project, err error) {
	var refused *sqlError
	if errors.As(err, &refused) {
		body := refused.body()
		if hint := hintOfSchema(p, body.Message); hint != "" {
			body.Hint = hint
		}
		_ = writeJSON(w, http.StatusBadRequest, body)
		return
	}
	f := fault.From(err)
	status, ok := statuses[f.Kind]
	if f.Reason == reasonTooLarge {
		status = http.StatusRequestEntityTooLarge
	}
	if !ok {
		status = http.StatusInternalServerError
		s.log.ErrorContext(r.Context(), "meta request failed", "project", p.Ref, "path", r.URL.Path, "error", err)
	}
	_ = writeJSON(w, status, errorBody{Code: f.Reason, Message: f.Message})
}
