// Package fault is the one vocabulary of errors. Domains raise a fault; each surface renders it in its own dialect. The
// cause is for the log and never sent.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of failure it is. The zero kind is Internal, so that forgetting hides instead of leaking.
type Kind int

// The kinds.
const (
	Internal           Kind = iota // a defect or a broken part; the message is replaced by a neutral one
	Invalid                        // the request is malformed
	Unauthenticated                // who is asking is not known
	Denied                         // who is asking is known and may not
	NotFound                       // there is no such thing, or the caller may not know of it
	Exists                         // there is one already
	FailedPrecondition             // it cannot be done in the present state
	Exhausted                      // a limit or quota is reached
	Unavailable                    // a part is down; trying again later may help
	Canceled                       // the caller went away
	DeadlineExceeded               // it took too long
	Unimplemented                  // the protocol has it, this server does not
)

// Error is a failure with a public side (Kind, Reason, Message, Fields) and a private one (Err).
type Error struct {
	Kind Kind
	// Reason is a stable name in UPPER_SNAKE_CASE that programs can match, for example "PROJECT_NOT_FOUND".
	Reason string
	// Message is a sentence for the person who asked: what was wrong and what to do.
	Message string
	// Fields names the request's fields at fault and what is wrong with each.
	Fields map[string]string
	// RetryAfter is when trying again may help; zero when nothing is known of that.
	RetryAfter time.Duration
	// Err is the cause, for the log.
	Err error
}

// Error is for logs: it includes the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s: %s", e.Reason, e.Message)
	}
	return fmt.Sprintf("%s: %s: %v", e.Reason, e.Message, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is a fault with the same kind and reason.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Reason == e.Reason
}

// New makes a fault without a cause. The message may have fmt verbs.
func New(kind Kind, reason, message string, args ...any) *Error {
	return &Error{Kind: kind, Reason: reason, Message: fmt.Sprintf(message, args...)}
}

// Wrap is New with a cause.
func Wrap(err error, kind Kind, reason, message string, args ...any) *Error {
	return &Error{Kind: kind, Reason: reason, Message: fmt.Sprintf(message, args...), Err: err}
}

// From finds the fault in err, or makes an Internal one of it. It returns nil for nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Reason: "INTERNAL", Message: "Something went wrong on our side. Try again; if it stays, tell the operator the request id.", Err: err}
}
