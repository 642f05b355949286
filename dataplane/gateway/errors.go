package gateway

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// refusal is an answer that the gateway gives itself: {"code","message","hint"}, or in the dialect of a service whose
// clients depend on it. Code is stable.
type refusal struct {
	status     int
	code       string
	message    string
	hint       string
	retryAfter time.Duration
	// tokens says that a bearer token was refused: REST and auth have words of their own for that.
	tokens bool
	rest   restWords
	// auth is what auth says in place of "bad_jwt", or of code and message.
	auth authWords
}

// authWords are GoTrue's: error_code and msg.
type authWords struct{ code, message string }

// restWords is what REST says of a bearer token: PostgREST's code, message and details.
type restWords struct{ code, message, details string }

// The gateway's refusals.
var (
	errRoute          = refusal{status: 404, code: "ROUTE_NOT_FOUND", message: "There is no service at this path.", hint: "Projects serve /rest/v1, /api/v1, /auth/v1, /storage/v1 and /meta/v1."}
	errNotFound       = refusal{status: 404, code: "PROJECT_NOT_FOUND", message: "There is no project at this address.", hint: "Check the project's ref, or that the domain is verified."}
	errProvisioning   = refusal{status: 503, code: "PROJECT_PROVISIONING", message: "This project is being made ready.", hint: "Try again in a few seconds.", retryAfter: 2 * time.Second}
	errPaused         = refusal{status: 503, code: "PROJECT_PAUSED", message: "This project is paused.", hint: "A developer of the project can resume it in the console."}
	errDeleted        = refusal{status: 410, code: "PROJECT_DELETED", message: "This project was deleted.", hint: "Its organisation can restore it in the console until it is purged."}
	errOverQuota      = refusal{status: 402, code: "OVER_QUOTA", message: "This project's quota of the month is used up.", hint: "Its organisation can choose a larger plan; quotas start anew with the next month (UTC)."}
	errUnavailable    = refusal{status: 503, code: "PROJECT_UNAVAILABLE", message: "This project cannot be looked up now.", hint: "Try again shortly.", retryAfter: time.Second}
	errStale          = refusal{status: 503, code: "PROJECT_STALE", message: "The control plane has not been reached for too long to go on serving this project.", hint: "Its operator must bring the control plane back.", retryAfter: 10 * time.Second}
	errKeyMissing     = refusal{status: 401, code: "API_KEY_MISSING", message: "No API key found in request.", hint: "Send a key of the project as the header apikey, or as ?apikey=."}
	errKeyInvalid     = refusal{status: 401, code: "API_KEY_INVALID", message: "Invalid API key.", hint: "It is not a key of this project, or it was revoked."}
	errKeyExpired     = refusal{status: 401, code: "API_KEY_EXPIRED", message: "This API key has expired.", hint: "Make a new key in the console."}
	errDeveloperOnly  = refusal{status: 401, code: "DEVELOPER_TOKEN_REQUIRED", message: "This service is for developers of the project only.", hint: "The console and the command line get the token for it; a secret key with the scope sql:run opens it too."}
	errRateLimited    = refusal{status: 429, code: "RATE_LIMITED", message: "Too many requests.", hint: "Wait as long as Retry-After says."}
	errTransfers      = refusal{status: 429, code: "TOO_MANY_TRANSFERS", message: "Too many uploads and downloads of this address are under way.", hint: "Let some end first.", retryAfter: time.Second}
	errManyTransfers  = refusal{status: 429, code: "TOO_MANY_TRANSFERS", message: "Too many uploads and downloads of this project are under way.", hint: "Let some end first.", retryAfter: time.Second}
	errScope          = refusal{status: 403, code: "INSUFFICIENT_SCOPE", auth: authWords{code: "insufficient_scope"}}
	errStrangeNames   = refusal{status: 429, code: "UNKNOWN_PROJECTS", message: "Too many requests for projects that do not exist.", hint: "Check the project's ref, and wait as long as Retry-After says."}
	errBodyTooLarge   = refusal{status: 413, code: "BODY_TOO_LARGE", message: "The request's body is too large."}
	errHeaderTooLarge = refusal{status: 431, code: "HEADERS_TOO_LARGE", message: "The request's headers are too large."}
	errURLTooLong     = refusal{status: 414, code: "URL_TOO_LONG", message: "The request's URL is too long.", hint: "Send long lists in a body: call a function by POST /rest/v1/rpc/…."}
	errPanic          = refusal{status: 500, code: "INTERNAL", message: "Something went wrong on our side.", hint: "If it stays, tell the operator the request id."}
)

// tokenRefused is the refusal of a bearer token, by its reason.
func tokenRefused(code, message string, rest restWords) refusal {
	return refusal{status: 401, code: code, message: message, rest: rest, hint: "Sign in again, or leave out the Authorization header.", tokens: true}
}

// errRevoked is for the tokens of sessions that were ended.
var errRevoked = refusal{
	status: 401, code: "TOKEN_REVOKED", message: "JWT has been revoked", hint: "Sign in again.", tokens: true,
	rest: restWords{code: "PGRST301", message: "JWT has been revoked"},
	auth: authWords{"session_not_found", "Session from session_id claim in JWT does not exist"},
}

// lookupRefused renders what the directory answered.
func lookupRefused(err error) refusal {
	f := fault.From(err)
	switch {
	case f.Kind == fault.NotFound:
		return errNotFound
	case f.Reason == "DIRECTORY_STALE":
		return errStale
	}
	return errUnavailable
}

func (e refusal) write(w http.ResponseWriter, service string, s3 bool) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if e.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.retryAfter.Seconds()))))
	}
	if e.status == 401 {
		h.Set("WWW-Authenticate", "Bearer")
	}
	status := e.status
	if service == "auth" && e.tokens {
		status = http.StatusForbidden // as GoTrue answers
	}
	var encoded []byte
	var err error
	if s3 {
		h.Set("Content-Type", "application/xml")
		encoded, err = e.s3Body(h.Get("X-Request-Id"))
	} else {
		encoded, err = json.Marshal(e.body(service, h))
	}
	if err != nil { // strings and integers only
		panic(err)
	}
	h.Set("Content-Length", strconv.Itoa(len(encoded)))
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}

func (e refusal) body(service string, h http.Header) any {
	switch {
	case e.tokens && service == "rest":
		h.Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="`+e.rest.message+`"`)
		h.Set("Proxy-Status", "PostgREST; error="+e.rest.code)
		var details *string
		if e.rest.details != "" {
			details = &e.rest.details
		}
		return restBody{Code: e.rest.code, Details: details, Message: e.rest.message}
	case e.tokens && service == "auth" && e.auth.code == "":
		return authBody{http.StatusForbidden, "bad_jwt", "invalid JWT: " + e.message, ""}
	case e.tokens && service == "auth":
		return authBody{http.StatusForbidden, e.auth.code, e.auth.message, ""}
	case e.auth.code != "" && service == "auth":
		return authBody{e.status, e.auth.code, e.message, e.hint}
	case e.status == http.StatusForbidden && service == "rest":
		return restBody{Code: e.code, Hint: &e.hint, Message: e.message}
	case service == "storage":
		return e.storageBody()
	}
	plain := plainBody{e.code, e.message, e.hint}
	if service == "api" {
		return struct {
			Error plainBody `json:"error"`
		}{plain}
	}
	return plain
}

type plainBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

type restBody struct {
	Code    string  `json:"code"`
	Details *string `json:"details"`
	Hint    *string `json:"hint"`
	Message string  `json:"message"`
}

type authBody struct {
	Code      int    `json:"code"`
	ErrorCode string `json:"error_code"`
	Message   string `json:"msg"`
	Hint      string `json:"hint,omitempty"`
}
