package auth

import (
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// Refusals. A reason in lower case is the error code that clients match.
var (
	errInvalidCredentials  = fault.New(fault.Invalid, "INVALID_CREDENTIALS", "Invalid login credentials")
	errEmailNotConfirmed   = fault.New(fault.FailedPrecondition, "EMAIL_NOT_CONFIRMED", "Email not confirmed")
	errUserBanned          = fault.New(fault.Denied, "USER_BANNED", "User is banned")
	errUserExists          = fault.New(fault.Exists, "USER_ALREADY_EXISTS", "User already registered")
	errEmailExists         = fault.New(fault.Exists, "EMAIL_EXISTS", "A user with this email address has already been registered")
	errSignupDisabled      = fault.New(fault.Denied, "SIGNUP_DISABLED", "Signups not allowed for this instance")
	errAnonymousDisabled   = fault.New(fault.Denied, "ANONYMOUS_PROVIDER_DISABLED", "Anonymous sign-ins are disabled")
	errPhoneDisabled       = fault.New(fault.Denied, "PHONE_PROVIDER_DISABLED", "Phone sign-ins are disabled")
	errSamePassword        = fault.New(fault.Invalid, "SAME_PASSWORD", "New password should be different from the old password.")
	errTokenNotFound       = fault.New(fault.Invalid, "REFRESH_TOKEN_NOT_FOUND", "Invalid Refresh Token: Refresh Token Not Found")
	errTokenUsed           = fault.New(fault.Invalid, "REFRESH_TOKEN_ALREADY_USED", "Invalid Refresh Token: Already Used")
	errSessionExpired      = fault.New(fault.Invalid, "SESSION_EXPIRED", "Invalid Refresh Token: Session Expired")
	errSessionNotFound     = fault.New(fault.Denied, "SESSION_NOT_FOUND", "Session from session_id claim in JWT does not exist")
	errUserNotFound        = fault.New(fault.Denied, "USER_NOT_FOUND", "User from sub claim in JWT does not exist")
	errNoBearer            = fault.New(fault.Unauthenticated, "NO_AUTHORIZATION", "This endpoint requires a valid Bearer token")
	errNoSubject           = fault.New(fault.Denied, "BAD_JWT", "invalid claim: missing sub claim")
	errConflict            = fault.New(fault.FailedPrecondition, "CONFLICT", "The user was changed by another request meanwhile. Try again.")
	errEmailChangeDisabled = fault.New(fault.Unimplemented, "EMAIL_CHANGE_UNAVAILABLE", "Addresses cannot be changed while this project wants them confirmed by mail.")
)

func errValidation(message string, args ...any) error {
	return fault.New(fault.Invalid, "VALIDATION_FAILED", message, args...)
}

// errWeakPassword carries what is weak, as GoTrue names it, in the field "password".
func errWeakPassword(reason, message string, args ...any) error {
	e := fault.New(fault.Invalid, "WEAK_PASSWORD", message, args...)
	e.Fields = map[string]string{"password": reason}
	return e
}

func errTooManyRequests(retry time.Duration) error {
	e := fault.New(fault.Exhausted, "OVER_REQUEST_RATE_LIMIT", "Request rate limit reached")
	e.Fields = map[string]string{"retry_after": strconv.Itoa(int(math.Ceil(max(retry, time.Second).Seconds())))}
	return e
}

// statuses are those that the kind of an error does not tell, because GoTrue's do not follow it.
var statuses = map[string]int{
	"INVALID_CREDENTIALS":         http.StatusBadRequest,
	"EMAIL_NOT_CONFIRMED":         http.StatusBadRequest,
	"USER_BANNED":                 http.StatusBadRequest,
	"USER_ALREADY_EXISTS":         http.StatusUnprocessableEntity,
	"EMAIL_EXISTS":                http.StatusUnprocessableEntity,
	"SIGNUP_DISABLED":             http.StatusUnprocessableEntity,
	"ANONYMOUS_PROVIDER_DISABLED": http.StatusUnprocessableEntity,
	"PHONE_PROVIDER_DISABLED":     http.StatusBadRequest,
	"SAME_PASSWORD":               http.StatusUnprocessableEntity,
	"WEAK_PASSWORD":               http.StatusUnprocessableEntity,
	"CONFLICT":                    http.StatusConflict,
	"METHOD_NOT_ALLOWED":          http.StatusMethodNotAllowed,
}

var statusOfKind = map[fault.Kind]int{
	fault.Internal:           http.StatusInternalServerError,
	fault.Invalid:            http.StatusBadRequest,
	fault.Unauthenticated:    http.StatusUnauthorized,
	fault.Denied:             http.StatusForbidden,
	fault.NotFound:           http.StatusNotFound,
	fault.Exists:             http.StatusConflict,
	fault.FailedPrecondition: http.StatusUnprocessableEntity,
	fault.Exhausted:          http.StatusTooManyRequests,
	fault.Unavailable:        http.StatusServiceUnavailable,
	fault.Canceled:           499,
	fault.DeadlineExceeded:   http.StatusGatewayTimeout,
	fault.Unimplemented:      http.StatusNotImplemented,
}

// versionHeader dates the protocol: clients that name 2024-01-01 or later get {"code","message"}, others the older
// {"code","error_code","msg"}.
const (
	versionHeader = "X-Supabase-Api-Version"
	version       = "2024-01-01"
)

type datedError struct {
	Code    string        `json:"code"`
	Message string        `json:"message"`
	Weak    *weakPassword `json:"weak_password,omitempty"`
}

type olderError struct {
	Code      int           `json:"code"`
	ErrorCode string        `json:"error_code"`
	Msg       string        `json:"msg"`
	ErrorID   string        `json:"error_id,omitempty"`
	Weak      *weakPassword `json:"weak_password,omitempty"`
}

type weakPassword struct {
	Reasons []string `json:"reasons"`
}

func (s *Service) writeError(w http.ResponseWriter, r *http.Request, ref string, err error) {
	f := fault.From(err)
	requestID := w.Header().Get("X-Request-Id")
	code, status := strings.ToLower(f.Reason), statusOfKind[f.Kind]
	if special, ok := statuses[f.Reason]; ok {
		status = special
	}
	if f.Kind == fault.Internal {
		code = "unexpected_failure"
		s.log.LogAttrs(r.Context(), slog.LevelError, "auth request failed", slog.String("project", ref),
			slog.String("request_id", requestID), slog.String("path", r.URL.Path), slog.Any("error", err))
	} else {
		requestID = ""
	}
	var weak *weakPassword
	if f.Reason == "WEAK_PASSWORD" {
		weak = &weakPassword{Reasons: []string{f.Fields["password"]}}
	}
	if retry := f.Fields["retry_after"]; retry != "" {
		w.Header().Set("Retry-After", retry)
	}
	if asked := r.Header.Get(versionHeader); asked >= version && isDate(asked) {
		w.Header().Set(versionHeader, version)
		writeJSON(w, status, datedError{Code: code, Message: f.Message, Weak: weak})
		return
	}
	writeJSON(w, status, olderError{Code: status, ErrorCode: code, Msg: f.Message, ErrorID: requestID, Weak: weak})
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// writeJSON sends an answer that no cache may keep, unless the handler has said otherwise.
func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		status, encoded = http.StatusInternalServerError, []byte(`{"code":500,"error_code":"unexpected_failure","msg":"The answer could not be encoded."}`)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	if header.Get("Cache-Control") == "" {
		header.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}
