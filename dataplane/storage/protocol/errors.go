package protocol

import (
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Refusals that several surfaces share.
var (
	ErrNoSuchBucket = fault.New(fault.NotFound, "NO_SUCH_BUCKET", "Bucket not found")
	ErrNoSuchKey    = fault.New(fault.NotFound, "NO_SUCH_KEY", "Object not found")
)

// ErrParameter refuses a value of a request.
func ErrParameter(message string, args ...any) error {
	return fault.New(fault.Invalid, "INVALID_PARAMETER", message, args...)
}

// ErrMissing refuses a request that lacks a value.
func ErrMissing(name string) error {
	return fault.New(fault.Invalid, "MISSING_PARAMETER", "Missing Required Parameter %s", name)
}

// dialect is what Supabase Storage calls an error of a reason, beyond its CamelCase: the code, the statusCode that its body names, the older error.
type dialect struct {
	code   string
	status int
	error  string
}

var dialects = map[string]dialect{
	"NO_SUCH_BUCKET":           {status: 404, error: "Bucket not found"},
	"NO_SUCH_KEY":              {status: 404, error: "not_found"},
	"NO_SUCH_UPLOAD":           {status: 404},
	"ACCESS_DENIED":            {status: 403, error: "Unauthorized"},
	"SIGNATURE_DOES_NOT_MATCH": {status: 403},
	"KEY_ALREADY_EXISTS":       {status: 409, error: "Duplicate"},
	"BUCKET_ALREADY_EXISTS":    {status: 409, error: "Duplicate"},
	"RESOURCE_ALREADY_EXISTS":  {status: 409, error: "Duplicate"},
	"RESOURCE_NOT_EMPTY":       {status: 409},
	"TRANSACTION_ERROR":        {status: 409},
	"FEATURE_NOT_ENABLED":      {status: 409},
	"INVALID_MIME_TYPE":        {status: 415, error: "invalid_mime_type"},
	"ENTITY_TOO_LARGE":         {status: 413, error: "Payload too large"},
	"INVALID_BUCKET_NAME":      {status: 400, error: "Invalid Input"},
	"INVALID_JWT":              {code: "InvalidJWT", status: 400},
	"INVALID_SIGNATURE":        {status: 400},
	"RANGE_NOT_SATISFIABLE":    {code: "InvalidRange", status: http.StatusRequestedRangeNotSatisfiable, error: "invalid_range"},
	"PRECONDITION_FAILED":      {status: http.StatusPreconditionFailed},
	"QUOTA_STORAGE":            {code: "QuotaExceeded", status: http.StatusPaymentRequired},
	"RESOURCE_LOCKED":          {status: http.StatusLocked},
	"LOCK_TIMEOUT":             {status: http.StatusServiceUnavailable, error: "acquiring_lock_timeout"},
	"DATABASE_TIMEOUT":         {status: 544},
	"METHOD_NOT_ALLOWED":       {status: http.StatusMethodNotAllowed},
	"SLOW_DOWN":                {status: http.StatusTooManyRequests},
	"CONNECTIONS_EXHAUSTED":    {code: "SlowDown", status: http.StatusTooManyRequests, error: "too_many_connections"},
}

var statusOfKind = map[fault.Kind]int{
	fault.Internal:           http.StatusInternalServerError,
	fault.Invalid:            http.StatusBadRequest,
	fault.Unauthenticated:    http.StatusUnauthorized,
	fault.Denied:             http.StatusForbidden,
	fault.NotFound:           http.StatusNotFound,
	fault.Exists:             http.StatusConflict,
	fault.FailedPrecondition: http.StatusConflict,
	fault.Exhausted:          http.StatusTooManyRequests,
	fault.Unavailable:        http.StatusServiceUnavailable,
	fault.Canceled:           499,
	fault.DeadlineExceeded:   http.StatusGatewayTimeout,
	fault.Unimplemented:      http.StatusNotImplemented,
}

// plain are statuses that clients of HTTP act on, and which the answer therefore has itself. Of all other refusals Supabase Storage tells the status in the
// body only, and answers 400.
var plain = map[int]bool{
	http.StatusUnauthorized: true, http.StatusPaymentRequired: true, http.StatusMethodNotAllowed: true, http.StatusPreconditionFailed: true,
	http.StatusRequestedRangeNotSatisfiable: true, http.StatusTooManyRequests: true, 499: true,
}

// noRoute is the code where no route is: no client of storage asks for it, and others expect HTTP's 404.
const noRoute = "RouteNotFound"

// Told is how an error is told.
type Told struct {
	// Status is the error's own; Code is Supabase's, Older its older name.
	Status               int
	Code, Older, Message string
}

// neutral is what is told of a defect, whatever it says itself: that is for the log.
var neutral = fault.From(io.ErrUnexpectedEOF).Message

// Tell finds how an error is told, of whatever layer it is.
func Tell(err error) Told {
	f := FromPostgres(err)
	if f.Kind == fault.Internal {
		return Told{Status: http.StatusInternalServerError, Code: "InternalError", Older: "InternalError", Message: neutral}
	}
	d := dialects[f.Reason]
	out := Told{Status: d.status, Code: d.code, Older: d.error, Message: f.Message}
	if out.Status == 0 {
		out.Status = statusOfKind[f.Kind]
	}
	if out.Code == "" {
		out.Code = camel(f.Reason)
	}
	if out.Older == "" {
		out.Older = out.Code
	}
	return out
}

// HTTP is the status of the answer in Supabase's own protocol.
func (t Told) HTTP() int {
	if t.Status >= http.StatusInternalServerError || plain[t.Status] || t.Code == noRoute {
		return t.Status
	}
	return http.StatusBadRequest
}

// camel makes NoSuchKey of NO_SUCH_KEY.
func camel(reason string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(reason, "_") {
		if word != "" {
			b.WriteString(word[:1] + strings.ToLower(word[1:]))
		}
	}
	return b.String()
}

type errorBody struct {
	StatusCode string `json:"statusCode"`
	Code       string `json:"code"`
	Error      string `json:"error"`
	Message    string `json:"message"`
}

// Log logs a defect, or a part that is down. Other refusals are the caller's to read.
func (rt *Router) Log(r *http.Request, session *projectdb.Session, err error) {
	level := slog.LevelError
	switch f := FromPostgres(err); {
	case f.Kind == fault.Unavailable && f.Err != nil:
		level = slog.LevelWarn
	case f.Kind != fault.Internal:
		return
	}
	rt.log.LogAttrs(r.Context(), level, "storage request failed", slog.String("project", session.Project.Ref),
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
}

// WriteError tells an error in Supabase's dialect, and logs it as Log does.
func (rt *Router) WriteError(w http.ResponseWriter, r *http.Request, session *projectdb.Session, err error) {
	f := FromPostgres(err)
	told := Tell(f)
	rt.Log(r, session, err)
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Disposition", "ETag", "Last-Modified", "Cache-Control", "Expires", "Accept-Ranges", "Content-Language", "X-Robots-Tag"} {
		h.Del(name)
	}
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	// A project's own messages may name what is its own; where projects share a database, that has a prefix which is nobody's business.
	message := told.Message
	if prefix := session.Project.SchemaPrefix; prefix != "" {
		message = strings.ReplaceAll(message, prefix, "")
	}
	WriteJSON(w, told.HTTP(), errorBody{strconv.Itoa(told.Status), told.Code, told.Older, message})
}

// WriteJSON sends an answer that no cache may keep, unless the handler has said otherwise.
func WriteJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		status, encoded = http.StatusInternalServerError, []byte(`{"statusCode":"500","code":"InternalError","error":"InternalError","message":"The answer could not be encoded."}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(encoded)))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}
