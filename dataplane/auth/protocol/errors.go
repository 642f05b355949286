package protocol

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

// Refusals that several surfaces share. A reason in lower case is the error code that clients match; the kind decides the status.
var (
	ErrInvalidCredentials = fault.New(fault.Invalid, "INVALID_CREDENTIALS", "Invalid login credentials")
	ErrEmailNotConfirmed  = fault.New(fault.Invalid, "EMAIL_NOT_CONFIRMED", "Email not confirmed")
	ErrPhoneNotConfirmed  = fault.New(fault.Invalid, "PHONE_NOT_CONFIRMED", "Phone not confirmed")
	// ErrUserBanned refuses a bearer, ErrSignInBanned who signs in.
	ErrUserBanned        = fault.New(fault.Denied, "USER_BANNED", "User is banned")
	ErrSignInBanned      = fault.New(fault.Invalid, "USER_BANNED", "User is banned")
	ErrUserExists        = fault.New(fault.FailedPrecondition, "USER_ALREADY_EXISTS", "User already registered")
	ErrEmailExists       = fault.New(fault.FailedPrecondition, "EMAIL_EXISTS", "A user with this email address has already been registered")
	ErrPhoneExists       = fault.New(fault.FailedPrecondition, "PHONE_EXISTS", "A user with this phone number has already been registered")
	ErrSignupDisabled    = fault.New(fault.FailedPrecondition, "SIGNUP_DISABLED", "Signups not allowed for this instance")
	ErrAnonymousDisabled = fault.New(fault.FailedPrecondition, "ANONYMOUS_PROVIDER_DISABLED", "Anonymous sign-ins are disabled")
	ErrEmailDisabled     = fault.New(fault.Invalid, "EMAIL_PROVIDER_DISABLED", "Email logins are disabled")
	ErrPhoneDisabled     = fault.New(fault.Invalid, "PHONE_PROVIDER_DISABLED", "Phone logins are disabled")
	ErrSessionExpired    = fault.New(fault.Invalid, "SESSION_EXPIRED", "Invalid Refresh Token: Session Expired")
	ErrSessionNotFound   = fault.New(fault.Denied, "SESSION_NOT_FOUND", "Session from session_id claim in JWT does not exist")
	// ErrUserNotFound refuses a bearer, ErrNoSuchUser a name in a path.
	ErrUserNotFound    = fault.New(fault.Denied, "USER_NOT_FOUND", "User from sub claim in JWT does not exist")
	ErrNoSuchUser      = fault.New(fault.NotFound, "USER_NOT_FOUND", "User not found")
	ErrNoBearer        = fault.New(fault.Unauthenticated, "NO_AUTHORIZATION", "This endpoint requires a valid Bearer token")
	ErrNoSubject       = fault.New(fault.Denied, "BAD_JWT", "invalid claim: missing sub claim")
	ErrNotAdmin        = fault.New(fault.Denied, "NOT_ADMIN", "User not allowed")
	ErrConflict        = fault.New(fault.Exists, "CONFLICT", "The user was changed by another request meanwhile. Try again.")
	ErrOTPExpired      = fault.New(fault.Denied, "OTP_EXPIRED", "Token has expired or is invalid")
	ErrInsufficientAAL = fault.New(fault.Unauthenticated, "INSUFFICIENT_AAL", "AAL2 session is required to update email or password when MFA is enabled.")
)

// ErrValidation refuses a request that is not right in itself.
func ErrValidation(message string, args ...any) error {
	return fault.New(fault.Invalid, "VALIDATION_FAILED", message, args...)
}

// ErrWeakPassword carries what is weak, as GoTrue names it (length, characters, pwned), in the field "password", several with commas.
func ErrWeakPassword(reasons, message string, args ...any) error {
	e := fault.New(fault.FailedPrecondition, "WEAK_PASSWORD", message, args...)
	e.Fields = map[string]string{"password": reasons}
	return e
}

// ErrTooManyRequests tells how long to wait.
func ErrTooManyRequests(retry time.Duration) error {
	return withRetry(fault.New(fault.Exhausted, "OVER_REQUEST_RATE_LIMIT", "Request rate limit reached"), retry)
}

// ErrTooManyMails refuses a mail because of the project's rate, or because one was just sent.
func ErrTooManyMails(message string, retry time.Duration) error {
	return withRetry(fault.New(fault.Exhausted, "OVER_EMAIL_SEND_RATE_LIMIT", "%s", message), retry)
}

// ErrTooManyTexts is ErrTooManyMails for text messages.
func ErrTooManyTexts(message string, retry time.Duration) error {
	return withRetry(fault.New(fault.Exhausted, "OVER_SMS_SEND_RATE_LIMIT", "%s", message), retry)
}

// ErrTooSoon is the message for who asks again within the least interval, as GoTrue words it.
func ErrTooSoon(wait time.Duration) string {
	return "For security purposes, you can only request this after " + strconv.Itoa(int(math.Ceil(max(wait, time.Second).Seconds()))) + " seconds."
}

func withRetry(e *fault.Error, retry time.Duration) error {
	e.Fields = map[string]string{"retry_after": strconv.Itoa(int(math.Ceil(max(retry, time.Second).Seconds())))}
	return e
}

// statuses are those that the kind of an error does not tell.
var statuses = map[string]int{
	"METHOD_NOT_ALLOWED": http.StatusMethodNotAllowed,
}

// Answer is how an error is told: its status, GoTrue's code and the message for clients.
func Answer(err error) (status int, code, message string) {
	f := fault.From(err)
	code, status = strings.ToLower(f.Reason), statusOfKind[f.Kind]
	if special, ok := statuses[f.Reason]; ok {
		status = special
	}
	switch f.Kind {
	case fault.Internal:
		code = "unexpected_failure"
	case fault.DeadlineExceeded:
		code = "request_timeout"
	}
	return status, code, f.Message
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
	Weak    *WeakPassword `json:"weak_password,omitempty"`
}

type olderError struct {
	Code      int           `json:"code"`
	ErrorCode string        `json:"error_code"`
	Msg       string        `json:"msg"`
	ErrorID   string        `json:"error_id,omitempty"`
	Weak      *WeakPassword `json:"weak_password,omitempty"`
}

// WeakPassword tells what a password lacks.
type WeakPassword struct {
	Message string   `json:"message,omitempty"`
	Reasons []string `json:"reasons"`
}

func (rt *Router) writeError(w http.ResponseWriter, r *http.Request, ref string, err error) {
	f := fault.From(err)
	requestID := w.Header().Get("X-Request-Id")
	status, code, _ := Answer(err)
	if f.Kind == fault.Internal {
		rt.log.LogAttrs(r.Context(), slog.LevelError, "auth request failed", slog.String("project", ref),
			slog.String("request_id", requestID), slog.String("path", r.URL.Path), slog.Any("error", err))
	} else {
		requestID = ""
	}
	var weak *WeakPassword
	if f.Reason == "WEAK_PASSWORD" {
		weak = &WeakPassword{Reasons: strings.Split(f.Fields["password"], ",")}
	}
	if retry := f.Fields["retry_after"]; retry != "" {
		w.Header().Set("Retry-After", retry)
	}
	if asked := r.Header.Get(versionHeader); asked >= version && isDate(asked) {
		w.Header().Set(versionHeader, version)
		WriteJSON(w, status, datedError{Code: code, Message: f.Message, Weak: weak})
		return
	}
	WriteJSON(w, status, olderError{Code: status, ErrorCode: code, Msg: f.Message, ErrorID: requestID, Weak: weak})
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// WriteJSON sends an answer that no cache may keep, unless the handler has said otherwise.
func WriteJSON(w http.ResponseWriter, status int, body any) {
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
