package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/rest/api/fields"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// failure is a refusal in the one shape of /api/v1: {"error":{"code","message",…}}. Code is stable; message says what was wrong, hint
// what to do.
type failure struct {
	status              int
	code, message, hint string
	details             any
	sqlState            string
	fields              fields.Errors
	operation           *int
	allow               string
	header              http.Header
}

func (f *failure) Error() string { return f.code + ": " + f.message }

type failureBody struct {
	Error failureJSON `json:"error"`
}

type failureJSON struct {
	Code         string        `json:"code"`
	Message      string        `json:"message"`
	Hint         string        `json:"hint,omitempty"`
	Details      any           `json:"details,omitempty"`
	DatabaseCode string        `json:"database_code,omitempty"`
	Operation    *int          `json:"operation,omitempty"`
	Fields       fields.Errors `json:"fields,omitempty"`
}

func (f *failure) write(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range f.header {
		h[name] = values
	}
	if f.allow != "" {
		h.Set("Allow", f.allow)
	}
	if f.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	h.Set("Content-Type", jsonType)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(f.status)
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	_ = out.Encode(failureBody{failureJSON{f.code, f.message, f.hint, f.details, f.sqlState, f.operation, f.fields}})
}

func invalid(list fields.Errors) *failure {
	return &failure{status: http.StatusBadRequest, code: "VALIDATION_FAILED", message: "Some fields are not as they must be.",
		hint: "Correct the fields that are named.", fields: list}
}

func malformed(why string) error { return &fields.Malformed{Why: why} }

// statusOfKind maps faults of the door; their reason is the code.
var statusOfKind = map[fault.Kind]int{
	fault.Internal: 500, fault.Invalid: 400, fault.Unauthenticated: 401, fault.Denied: 403, fault.NotFound: 404, fault.Exists: 409,
	fault.FailedPrecondition: 409, fault.Exhausted: 429, fault.Unavailable: 503, fault.Canceled: 499, fault.DeadlineExceeded: 504,
	fault.Unimplemented: 501,
}

// failed makes a failure of any error, and logs what callers must not see.
func (h *handler) failed(ctx context.Context, s *projectdb.Session, err error) *failure {
	var own *failure
	var refusal *query.Error
	var refused *pgconn.PgError
	var tooLarge *http.MaxBytesError
	var fromDoor *fault.Error
	var wrong fields.Errors
	var malformed *fields.Malformed
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &wrong):
		return invalid(wrong)
	case errors.As(err, &malformed):
		return &failure{status: http.StatusBadRequest, code: "INVALID_BODY", message: "The body cannot be read: " + malformed.Why,
			hint: "Send JSON: an object, or an array of objects whose keys are columns."}
	case errors.As(err, &refusal):
		return fromQuery(refusal, s.Caller.Role)
	case errors.As(err, &fromDoor): // its cause may be what the server says of a login, which is not for callers
	case errors.As(err, &refused):
		return fromPostgres(refused, s.Caller.Role)
	case errors.As(err, &tooLarge):
		return &failure{status: http.StatusRequestEntityTooLarge, code: "BODY_TOO_LARGE", message: fmt.Sprintf("The body is larger than %d bytes.", tooLarge.Limit),
			hint: "Send fewer rows in each request."}
	case errors.Is(err, context.Canceled):
		err = fault.Wrap(err, fault.Canceled, "CANCELED", "The request was canceled.")
	case errors.Is(err, context.DeadlineExceeded):
		err = fault.Wrap(err, fault.DeadlineExceeded, "TIMEOUT", "The request took too long.")
	}
	f := fault.From(err)
	if f.Kind == fault.Internal || f.Kind == fault.Unavailable {
		h.Log.ErrorContext(ctx, "api request failed", "project", s.Project.Ref, "error", err)
	}
	out := &failure{status: statusOfKind[f.Kind], code: f.Reason, message: f.Message}
	for name, message := range f.Fields {
		out.fields = append(out.fields, fields.Error{Field: name, Message: message})
	}
	return out
}

// codes are ours for PostgREST's.
var codes = map[string]string{
	"PGRST100": "INVALID_QUERY", "PGRST101": "METHOD_NOT_ALLOWED", "PGRST102": "INVALID_BODY", "PGRST103": "OUT_OF_RANGE", "PGRST105": "INVALID_QUERY",
	"PGRST106": "UNKNOWN_SCHEMA", "PGRST107": "NOT_ACCEPTABLE", "PGRST108": "INVALID_QUERY", "PGRST109": "INVALID_QUERY", "PGRST111": "BAD_DATABASE_HEADERS",
	"PGRST112": "BAD_DATABASE_STATUS", "PGRST114": "INVALID_QUERY", "PGRST115": "KEY_MISMATCH", "PGRST116": "NOT_ONE_ROW", "PGRST117": "METHOD_NOT_ALLOWED",
	"PGRST118": "INVALID_QUERY", "PGRST119": "INVALID_QUERY", "PGRST120": "INVALID_QUERY", "PGRST121": "BAD_DATABASE_ERROR", "PGRST122": "INVALID_PREFERENCE",
	"PGRST123": "AGGREGATES_DISABLED", "PGRST124": "TOO_MANY_ROWS", "PGRST125": "ROUTE_NOT_FOUND", "PGRST127": "UNSUPPORTED", "PGRST200": "UNKNOWN_RELATIONSHIP",
	"PGRST201": "AMBIGUOUS_RELATIONSHIP", "PGRST202": "UNKNOWN_FUNCTION", "PGRST203": "AMBIGUOUS_FUNCTION", "PGRST204": "UNKNOWN_COLUMN", "PGRST205": "UNKNOWN_TABLE",
}

// fromQuery renders a refusal of the parser, the planner or the engine.
func fromQuery(e *query.Error, role string) *failure {
	if len(e.Code) == 5 {
		out := fromPostgres(&pgconn.PgError{Code: e.Code, Message: e.Message, Hint: e.Hint}, role)
		out.details = e.Details
		return out
	}
	out := &failure{status: e.Status, code: codes[e.Code], message: e.Message, hint: e.Hint, header: e.Header}
	if e.Details != "" {
		out.details = e.Details
	}
	switch {
	case out.code == "" && strings.HasPrefix(e.Code, "PGRST"):
		out.code = "INVALID_REQUEST"
	case out.code == "":
		out.code = e.Code
	case out.code == "INVALID_QUERY" && out.hint == "":
		out.hint = "A filter is column=operator.value or column.operator=value, for example price=lt.50."
	}
	out.message = strings.ReplaceAll(out.message, " in the schema cache", "")
	if text, ok := out.details.(string); ok {
		out.details = strings.ReplaceAll(text, " in the schema cache", "")
	}
	return out
}

// known are SQLSTATEs with a code of ours, and classes of them.
var known = map[string]struct {
	status int
	code   string
}{
	"23505": {409, "ALREADY_EXISTS"}, "23503": {409, "FOREIGN_KEY_VIOLATION"}, "23502": {400, "VALIDATION_FAILED"}, "23514": {400, "CHECK_VIOLATION"},
	"23P01": {409, "ALREADY_EXISTS"}, "22P02": {400, "INVALID_VALUE"}, "22001": {400, "INVALID_VALUE"}, "22003": {400, "INVALID_VALUE"},
	"22007": {400, "INVALID_VALUE"}, "22008": {400, "INVALID_VALUE"}, "40001": {409, "SERIALIZATION_FAILURE"}, "40P01": {409, "SERIALIZATION_FAILURE"},
	"25006": {405, "READ_ONLY"}, "42703": {400, "UNKNOWN_COLUMN"}, "42P01": {404, "UNKNOWN_TABLE"}, "42883": {404, "UNKNOWN_FUNCTION"},
	"42804": {400, "INVALID_VALUE"}, "42846": {400, "INVALID_VALUE"}, "57014": {504, "TIMEOUT"}, "55P03": {409, "LOCKED"}, "P0001": {400, "RAISED"},
	"428C9": {400, "GENERATED_COLUMN"}, "42P17": {500, "BROKEN_DEFINITION"}, "54001": {400, "TOO_COMPLEX"}, "54023": {400, "TOO_COMPLEX"}, "42501": {403, "PERMISSION_DENIED"},
	"08": {503, "DATABASE_UNAVAILABLE"}, "53": {503, "DATABASE_UNAVAILABLE"}, "57": {503, "DATABASE_UNAVAILABLE"}, "58": {503, "DATABASE_UNAVAILABLE"},
	"22": {400, "INVALID_VALUE"}, "23": {409, "CONSTRAINT_VIOLATION"}, "XX": {500, "DATABASE_ERROR"}, "P0": {500, "DATABASE_ERROR"}, "F0": {500, "DATABASE_ERROR"},
	"38": {500, "DATABASE_ERROR"}, "39": {500, "DATABASE_ERROR"}, "28": {403, "PERMISSION_DENIED"}, "0L": {403, "PERMISSION_DENIED"}, "0P": {403, "PERMISSION_DENIED"},
}

// maxDetail bounds what of an error becomes headers, in bytes.
const maxDetail = 64 << 10

// raised reads what the project raised with the SQLSTATE PGRST: an answer of its own making, in JSON.
func raised(e *pgconn.PgError) *failure {
	var message struct{ Code, Message, Details, Hint string }
	var detail struct {
		Status  int
		Headers map[string]string
	}
	if len(e.Detail) > maxDetail || json.Unmarshal([]byte(e.Message), &message) != nil || message.Message == "" || json.Unmarshal([]byte(e.Detail), &detail) != nil ||
		detail.Status < 400 || detail.Status > 599 {
		return &failure{status: http.StatusInternalServerError, code: "BAD_DATABASE_ERROR", message: "A function raised an error that cannot be read.",
			hint: "With SQLSTATE PGRST, MESSAGE is JSON with code and message, and DETAIL is JSON with a status from 400 to 599, and headers."}
	}
	out := &failure{status: detail.Status, code: "RAISED", message: message.Message, hint: message.Hint, sqlState: message.Code, header: http.Header{}}
	if message.Details != "" {
		out.details = message.Details
	}
	for name, value := range detail.Headers {
		if validHeader(name, value) {
			out.header.Set(name, value)
		}
	}
	return out
}

// validHeader reports whether the project may set a header: it is one, and not of the connection or of other origins' rights.
func validHeader(name, value string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	switch strings.ToLower(name) {
	case "", "content-length", "transfer-encoding", "connection", "upgrade", "trailer":
		return false
	}
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// fromPostgres renders an error of the project's database. Its SQLSTATE stands beside our code.
func fromPostgres(e *pgconn.PgError, role string) *failure {
	if e.Code == "PGRST" {
		return raised(e)
	}
	out := &failure{status: http.StatusBadRequest, code: "DATABASE_ERROR", message: e.Message, hint: e.Hint, sqlState: e.Code}
	if e.Detail != "" {
		out.details = e.Detail
	}
	k, ok := known[e.Code]
	if !ok && len(e.Code) == 5 {
		k, ok = known[e.Code[:2]]
	}
	if ok {
		out.status, out.code = k.status, k.code
	}
	switch {
	case out.code == "DATABASE_UNAVAILABLE": // what the server says of itself is not for its callers
		out.message, out.details = "The database cannot answer now.", nil
		out.hint = "Try again in a moment."
	case e.Code == "42501":
		if role == "anon" {
			out.status = http.StatusUnauthorized
		}
		if out.hint == "" {
			out.hint = grantHint(e, role)
		}
	case e.Code == "23502" && e.ColumnName != "":
		out.message, out.details = "Some fields are not as they must be.", nil
		out.fields = fields.Errors{{Field: e.ColumnName, Message: fields.Required}}
	case out.code == "SERIALIZATION_FAILURE" && out.hint == "":
		out.hint = "Nothing was changed. Send the request again."
	case len(e.Code) == 5 && e.Code[:2] == "PT": // raised by the project to choose a status
		out.status, out.code = http.StatusInternalServerError, "RAISED"
		if status, err := strconv.Atoi(e.Code[2:]); err == nil && status >= 400 && status < 600 {
			out.status = status
		}
	}
	return out
}

// grantHint says how to allow what was denied.
func grantHint(e *pgconn.PgError, role string) string {
	if strings.Contains(e.Message, "row-level security") {
		return "Row-level security is on: a policy for the role " + role + " must allow this row."
	}
	thing := "what it needs"
	if _, rest, ok := strings.Cut(e.Message, "permission denied for "); ok {
		kind, name, _ := strings.Cut(rest, " ")
		verbs := map[string]string{"table": "select, insert, update or delete on ", "view": "select on ", "materialized": "select on ", "sequence": "usage on sequence ",
			"schema": "usage on schema ", "function": "execute on function "}
		if verb := verbs[kind]; verb != "" {
			thing = verb + strings.TrimPrefix(name, "view ")
		}
	}
	return "The role " + role + " lacks a privilege. As the owner: grant " + thing + " to " + role + "."
}
