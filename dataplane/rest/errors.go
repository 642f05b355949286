package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// errorBody is PostgREST's shape of an error.
type errorBody struct {
	Code    string  `json:"code"`
	Details *string `json:"details"`
	Hint    *string `json:"hint"`
	Message string  `json:"message"`
}

// statusOfKind maps faults of the door; their reason becomes the code.
var statusOfKind = map[fault.Kind]int{
	fault.Internal: 500, fault.Invalid: 400, fault.Unauthenticated: 401, fault.Denied: 403, fault.NotFound: 404, fault.Exists: 409,
	fault.FailedPrecondition: 409, fault.Exhausted: 429, fault.Unavailable: 503, fault.Canceled: 499, fault.DeadlineExceeded: 504,
	fault.Unimplemented: 501,
}

// renderError writes an error and logs what users must not see.
func (h *handler) renderError(w http.ResponseWriter, r *http.Request, s *projectdb.Session, err error) {
	var refusal *query.Error
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refusal):
	case errors.As(err, &refused):
		refusal = fromPostgres(refused, s.Caller.Role)
	default:
		if errors.Is(err, context.Canceled) {
			err = fault.Wrap(err, fault.Canceled, "CANCELED", "The request was canceled.")
		}
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			writeError(w, &query.Error{Status: http.StatusRequestEntityTooLarge, Code: "BODY_TOO_LARGE",
				Message: fmt.Sprintf("The body is larger than %d bytes.", tooLarge.Limit)})
			return
		}
		f := fault.From(err)
		if f.Kind == fault.Internal || f.Kind == fault.Unavailable {
			h.log.ErrorContext(r.Context(), "rest request failed", "project", s.Project.Ref, "error", err)
		}
		refusal = &query.Error{Status: statusOfKind[f.Kind], Code: f.Reason, Message: f.Message}
	}
	writeError(w, refusal)
}

func writeError(w http.ResponseWriter, e *query.Error) {
	optional := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(e.Status)
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	_ = out.Encode(errorBody{Code: e.Code, Message: e.Message, Details: optional(e.Details), Hint: optional(e.Hint)})
}

// fromPostgres renders an error of the server. Those that tell of a defect or a broken server, rather than of the request or the
// project's own SQL, show no text of theirs.
func fromPostgres(e *pgconn.PgError, role string) *query.Error {
	out := &query.Error{Status: statusOf(e, role), Code: e.Code, Message: e.Message, Details: e.Detail, Hint: e.Hint}
	if e.Code == "42501" && e.Hint == "" {
		out.Hint = grantHint(e, role)
	}
	if strings.HasPrefix(e.Code, "PT") && len(e.Code) == 5 {
		out.Message = e.Message
	}
	return out
}

// grantHint says how to allow what was denied.
func grantHint(e *pgconn.PgError, role string) string {
	switch {
	case strings.Contains(e.Message, "row-level security"):
		return "Row-level security is on: a policy for the role " + role + " must allow this row."
	case e.Routine == "aclcheck_error" || e.Routine == "ExecCheckPermissions" || e.Routine == "":
		thing := "it"
		// "permission denied for table notes": the server names the thing after its kind.
		if _, rest, ok := strings.Cut(e.Message, "permission denied for "); ok {
			kind, name, _ := strings.Cut(rest, " ")
			switch kind {
			case "table", "view", "sequence", "schema", "function":
				thing = map[string]string{"table": "select, insert, update or delete on ", "view": "select on ", "sequence": "usage on sequence ",
					"schema": "usage on schema ", "function": "execute on function "}[kind] + name
			}
		}
		return "The role " + role + " lacks a privilege. As the owner: grant " + thing + " to " + role + ";"
	}
	return ""
}

// statusOf maps a SQLSTATE as PostgREST does.
func statusOf(e *pgconn.PgError, role string) int {
	code := e.Code
	switch code {
	case "23503", "23505":
		return http.StatusConflict
	case "25006":
		return http.StatusMethodNotAllowed
	case "21000":
		if strings.HasSuffix(e.Message, "requires a WHERE clause") {
			return http.StatusBadRequest
		}
		return http.StatusInternalServerError
	case "22023":
		return http.StatusBadRequest
	case "42883", "42P01":
		return http.StatusNotFound
	case "42P17":
		return http.StatusInternalServerError
	case "42501":
		if role == "anon" {
			return http.StatusUnauthorized
		}
		return http.StatusForbidden
	case "P0001":
		return http.StatusBadRequest
	case "57014":
		return http.StatusInternalServerError
	}
	if len(code) != 5 {
		return http.StatusInternalServerError
	}
	if code[:2] == "PT" { // raised by the project to choose a status
		status := 0
		if _, err := fmt.Sscanf(code[2:], "%3d", &status); err == nil && status >= 200 && status < 600 {
			return status
		}
		return http.StatusInternalServerError
	}
	switch code[:2] {
	case "08", "53", "58":
		return http.StatusServiceUnavailable
	case "09", "25", "2D", "38", "39", "3B", "40", "54", "55", "57", "F0", "HV", "P0", "XX":
		return http.StatusInternalServerError
	case "0L", "0P", "28":
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}
