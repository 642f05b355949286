package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// errorBody is PostgREST's shape of an error.
type errorBody struct {
	Code    string `json:"code"`
	Details any    `json:"details"`
	Hint    any    `json:"hint"`
	Message string `json:"message"`
}

// terseBody is errorBody without what may tell too much.
type terseBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// statusOfKind maps faults of the door; their reason becomes the code.
var statusOfKind = map[fault.Kind]int{
	fault.Internal: 500, fault.Invalid: 400, fault.Unauthenticated: 401, fault.Denied: 403, fault.NotFound: 404, fault.Exists: 409,
	fault.FailedPrecondition: 409, fault.Exhausted: 429, fault.Unavailable: 503, fault.Canceled: 499, fault.DeadlineExceeded: 504,
	fault.Unimplemented: 501,
}

// connectionErrors are PostgREST's words for the door's faults.
var connectionErrors = map[string]query.Error{
	"DATABASE_REFUSED":      {Status: http.StatusServiceUnavailable, Code: "PGRST000", Message: "Database connection error. Retrying the connection."},
	"DATABASE_UNAVAILABLE":  {Status: http.StatusServiceUnavailable, Code: "PGRST001", Message: "Database client error. Retrying the connection."},
	"CONNECTIONS_EXHAUSTED": {Status: http.StatusGatewayTimeout, Code: "PGRST003", Message: "Timed out acquiring connection from connection pool."},
}

// fail writes an error and logs what users must not see.
func (x *exchange) fail(err error) {
	WriteError(x.w, x.refusal(err), x.config.Terse)
}

// refusal renders an error as PostgREST does.
func (x *exchange) refusal(err error) *query.Error {
	var refusal *query.Error
	var refused *pgconn.PgError
	var tooLarge *http.MaxBytesError
	var fromDoor *fault.Error
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &fromDoor): // its cause may be what the server says of a login, which is not for callers
	case errors.As(err, &refused):
		return x.fromPostgres(refused)
	case errors.As(err, &tooLarge):
		return &query.Error{Status: http.StatusRequestEntityTooLarge, Code: "BODY_TOO_LARGE",
			Message: fmt.Sprintf("The body is larger than %d bytes.", tooLarge.Limit)}
	case errors.Is(err, context.Canceled):
		err = fault.Wrap(err, fault.Canceled, "CANCELED", "The request was canceled.")
	}
	f := fault.From(err)
	if f.Kind == fault.Internal || f.Kind == fault.Unavailable {
		x.log.ErrorContext(x.r.Context(), "rest request failed", "project", x.session.Project.Ref, "error", err)
	}
	if known, ok := connectionErrors[f.Reason]; ok {
		known.Details = f.Message
		return &known
	}
	return &query.Error{Status: statusOfKind[f.Kind], Code: f.Reason, Message: f.Message}
}

// WriteError writes a refusal in PostgREST's shape; terse without details and hint.
func WriteError(w http.ResponseWriter, e *query.Error, terse bool) {
	var body any = terseBody{e.Code, e.Message}
	if !terse {
		full := errorBody{Code: e.Code, Message: e.Message}
		if e.Details != "" {
			full.Details = e.Details
		}
		if e.Hint != "" {
			full.Hint = e.Hint
		}
		body = full
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(body) != nil {
		out.Reset()
		_ = encoder.Encode(terseBody{e.Code, e.Message})
	}
	text := bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	header := w.Header()
	if e.Status == http.StatusNoContent || e.Status == http.StatusNotModified { // raised by the project: no error, and no body
		w.WriteHeader(e.Status)
		return
	}
	header["Content-Type"] = jsonHeader
	if len(e.Code) <= maxCode && token(e.Code) {
		header.Set("Proxy-Status", "PostgREST; error="+e.Code)
	}
	for name, values := range e.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	header.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(max(e.Status, http.StatusOK))
	_, _ = w.Write(text) // whoever asked is gone: nothing to tell
}

// anonymous reports whether the caller came without a token.
func (x *exchange) anonymous() bool {
	c := x.session.Caller
	if c.Role != "" {
		return c.Role == "anon"
	}
	return c.DatabaseRole == x.config.AnonymousRole
}

// fromPostgres renders an error of the server.
func (x *exchange) fromPostgres(e *pgconn.PgError) *query.Error {
	if e.Code == "PGRST" {
		return raised(e)
	}
	out := &query.Error{Status: statusOf(e, x.anonymous()), Code: e.Code, Message: e.Message, Details: e.Detail, Hint: e.Hint}
	if e.Code == "42501" && e.Hint == "" && x.config.GrantHints {
		out.Hint = grantHint(e, x.session.Caller.Role)
	}
	if out.Status == http.StatusUnauthorized {
		out.Header = http.Header{"Www-Authenticate": {"Bearer"}}
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
			if privilege := privileges[kind]; privilege != "" {
				thing = privilege + name
			}
		}
		return "The role " + role + " lacks a privilege. As the owner: grant " + thing + " to " + role + ";"
	}
	return ""
}

var privileges = map[string]string{"table": "select, insert, update or delete on ", "view": "select on ", "sequence": "usage on sequence ",
	"schema": "usage on schema ", "function": "execute on function "}

// statusOf maps a SQLSTATE as PostgREST does.
func statusOf(e *pgconn.PgError, anonymous bool) int {
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
		if strings.HasPrefix(e.Message, "role") && strings.HasSuffix(e.Message, "does not exist") {
			return http.StatusUnauthorized
		}
		return http.StatusBadRequest
	case "42883":
		if strings.HasPrefix(e.Message, "function xmlagg(") {
			return http.StatusNotAcceptable
		}
		return http.StatusNotFound
	case "42P01":
		return http.StatusNotFound
	case "42P17", "53400":
		return http.StatusInternalServerError
	case "57P01":
		return http.StatusServiceUnavailable
	case "42501":
		if anonymous {
			return http.StatusUnauthorized
		}
		return http.StatusForbidden
	case "P0001":
		return http.StatusBadRequest
	}
	if len(code) != 5 {
		return http.StatusInternalServerError
	}
	if code[:2] == "PT" { // raised by the project to choose a status
		if n, err := strconv.Atoi(code[2:]); err == nil && n >= 200 && n < 600 {
			return n
		}
		return http.StatusInternalServerError
	}
	switch code[:2] {
	case "08", "53":
		return http.StatusServiceUnavailable
	case "09", "25", "2D", "38", "39", "3B", "40", "54", "55", "57", "58", "F0", "HV", "P0", "XX":
		return http.StatusInternalServerError
	case "0L", "0P", "28":
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// maxCode and maxDetail bound what of an error's making becomes headers, in bytes.
const (
	maxCode   = 64
	maxDetail = 64 << 10
)

// raised renders an error that the project made in whole: "raise sqlstate 'PGRST'" with JSON as its message and detail.
func raised(e *pgconn.PgError) *query.Error {
	var message struct {
		Code    *string `json:"code"`
		Message *string `json:"message"`
		Details *string `json:"details"`
		Hint    *string `json:"hint"`
	}
	if json.Unmarshal([]byte(e.Message), &message) != nil || message.Code == nil || message.Message == nil {
		return unreadable("Invalid JSON value for MESSAGE: '"+e.Message+"'",
			"MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'.")
	}
	var detail struct {
		Status     *int              `json:"status"`
		StatusText *string           `json:"status_text"`
		Headers    map[string]string `json:"headers"`
	}
	const hint = "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'."
	if e.Detail == "" {
		return unreadable("DETAIL is missing in the RAISE statement", hint)
	}
	if len(e.Detail) > maxDetail {
		return unreadable("DETAIL is too long", hint)
	}
	if json.Unmarshal([]byte(e.Detail), &detail) != nil || detail.Status == nil || detail.Headers == nil || *detail.Status < 200 || *detail.Status > 599 {
		return unreadable("Invalid JSON value for DETAIL: '"+e.Detail+"'", hint)
	}
	out := &query.Error{Status: *detail.Status, Code: *message.Code, Message: *message.Message, Header: http.Header{}}
	if message.Details != nil {
		out.Details = *message.Details
	}
	if message.Hint != nil {
		out.Hint = *message.Hint
	}
	for name, value := range detail.Headers {
		setHeaders(out.Header, []engine.Header{{Name: name, Value: value}})
	}
	return out
}

func unreadable(details, hint string) *query.Error {
	return &query.Error{Status: http.StatusInternalServerError, Code: "PGRST121",
		Message: `Could not parse JSON in the "RAISE SQLSTATE 'PGRST'" error`, Details: details, Hint: hint}
}
