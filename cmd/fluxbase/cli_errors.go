package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
)

// Exit codes, as docs/cli.md has them.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitSignedOut   = 3
	exitNotFound    = 4
	exitDenied      = 5
	exitConflict    = 6
	exitExhausted   = 7
	exitUnavailable = 8
)

// reasonUsage is the reason of mistakes in how a command was written.
const reasonUsage = "USAGE"

// cliError is a failure as its user sees it.
type cliError struct {
	Code      int               `json:"-"`
	Reason    string            `json:"reason"`
	Message   string            `json:"message"`
	Hint      string            `json:"hint,omitempty"`
	Fields    map[string]string `json:"fields,omitempty"`
	RequestID string            `json:"request_id,omitempty"`
}

func (e *cliError) Error() string { return e.Message }

// usageError is a mistake in how the command was written.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// reportError writes err for a person, or as JSON when the arguments ask for it, and returns the exit code.
func reportError(w io.Writer, err error, args []string) int {
	e := explain(err)
	if wantsJSON(args) {
		_ = json.NewEncoder(w).Encode(map[string]any{"error": e})
		return e.Code
	}
	_, _ = fmt.Fprintf(w, "Error: %s", e.Message)
	if e.Reason != "" && e.Reason != reasonUsage {
		_, _ = fmt.Fprintf(w, " (%s)", e.Reason)
	}
	_, _ = fmt.Fprintln(w)
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		if text := e.Fields[field]; !strings.Contains(e.Message, text) { // the message says it already
			_, _ = fmt.Fprintf(w, "  %s\n", aboutField(field, text))
		}
	}
	if e.Hint != "" {
		_, _ = fmt.Fprintln(w, e.Hint)
	}
	if e.RequestID != "" && e.Reason == "INTERNAL" {
		_, _ = fmt.Fprintln(w, "Request id: "+e.RequestID)
	}
	return e.Code
}

// aboutField says what is wrong with a field, and names it once.
func aboutField(field, text string) string {
	if _, key, ok := strings.Cut(strings.TrimSuffix(field, "]"), "["); ok && strings.HasPrefix(text, key) {
		return text
	}
	return field + ": " + text
}

// wantsJSON looks for --output json, also when the flags could not be parsed.
func wantsJSON(args []string) bool {
	for i, a := range args {
		switch {
		case a == "--":
			return false
		case a == "--output=json" || a == "-o=json" || a == "-ojson":
			return true
		case (a == "--output" || a == "-o") && i+1 < len(args) && args[i+1] == "json":
			return true
		}
	}
	return false
}

// explain turns any error of a command into what its user should see.
func explain(err error) *cliError {
	var own *cliError
	if errors.As(err, &own) {
		return own
	}
	var usage usageError
	if errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command ") {
		return &cliError{Code: exitUsage, Reason: reasonUsage, Message: err.Error()}
	}
	var call *connect.Error
	if errors.As(err, &call) {
		return explainCall(call)
	}
	return &cliError{Code: exitFailure, Message: err.Error()}
}

// byCode says what to exit with, what to call an answer that names no reason, and what to do.
var byCode = map[connect.Code]struct {
	exit         int
	reason, hint string
}{
	connect.CodeInvalidArgument:    {exitUsage, "INVALID_ARGUMENT", ""},
	connect.CodeUnauthenticated:    {exitSignedOut, "UNAUTHENTICATED", "Run \"fluxbase login\", or set FLUXBASE_ACCESS_TOKEN to a valid token."},
	connect.CodePermissionDenied:   {exitDenied, "PERMISSION_DENIED", "Ask an owner or admin of the organisation."},
	connect.CodeNotFound:           {exitNotFound, "NOT_FOUND", "Check the name, and whether you are signed in as the right account (\"fluxbase whoami\")."},
	connect.CodeAlreadyExists:      {exitConflict, "ALREADY_EXISTS", ""},
	connect.CodeFailedPrecondition: {exitConflict, "FAILED_PRECONDITION", ""},
	connect.CodeAborted:            {exitConflict, "ABORTED", ""},
	connect.CodeResourceExhausted:  {exitExhausted, "RESOURCE_EXHAUSTED", ""},
	connect.CodeUnavailable:        {exitUnavailable, "UNAVAILABLE", "Try again in a moment."},
	connect.CodeDeadlineExceeded:   {exitUnavailable, "DEADLINE_EXCEEDED", "Try again in a moment."},
	connect.CodeCanceled:           {exitFailure, "CANCELED", ""},
}

func explainCall(call *connect.Error) *cliError {
	known, ok := byCode[call.Code()]
	if !ok {
		known.exit, known.reason = exitFailure, strings.ToUpper(call.Code().String())
	}
	e := &cliError{Code: known.exit, Reason: known.reason, Message: call.Message(), Hint: known.hint}
	e.RequestID = call.Meta().Get("X-Request-Id")
	if !connect.IsWireError(call) { // never reached the server
		var op *net.OpError
		if errors.As(call, &op) {
			e.Code, e.Reason, e.Message = exitUnavailable, "UNREACHABLE", "Fluxbase cannot be reached: "+op.Error()+"."
			e.Hint = "Is it running (\"fluxbase dev\"), and is the address right (--url, FLUXBASE_URL)?"
		}
		return e
	}
	for _, detail := range call.Details() {
		value, err := detail.Value()
		if err != nil {
			continue
		}
		switch d := value.(type) {
		case *errdetails.ErrorInfo:
			e.Reason = d.GetReason()
		case *errdetails.BadRequest:
			e.Fields = map[string]string{}
			for _, v := range d.GetFieldViolations() {
				e.Fields[v.GetField()] = v.GetDescription()
			}
		}
	}
	return e
}
