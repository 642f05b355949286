// Package outbox carries out what a request left for later: it is written to the table outbox of a service's schema in the request's own
// transaction, and done by River jobs, whose database holds ids only. What was committed is done at least once, whatever dies meanwhile; a
// project that leaves nothing for later costs nothing.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// Tx is a request's transaction on a service's schema.
type Tx interface {
	pgx.Tx
	// BeforeCommit adds work that is done right before the commit.
	BeforeCommit(fn func(context.Context) error)
	// AfterCommit adds work that is done once the transaction has committed.
	AfterCommit(fn func(context.Context))
}

// Item is a row of the outbox.
type Item struct {
	ID uuid.UUID
	// Kind is the service's own word for what is to be done.
	Kind    string
	Payload json.RawMessage
	Created time.Time
	// Attempts is how often it was tried before.
	Attempts int
}

// Handler does what a service's items ask for. It may be called twice for one item, when a worker died or lost its database in between.
type Handler interface {
	// Handle returns nil when the item is done with, a *Failure with words for the project's developers, or another error. It runs in no
	// transaction.
	Handle(ctx context.Context, session *projectdb.Session, item Item) error
}

// Failure is why an item was not done.
type Failure struct {
	// Words tell the project's developers what went wrong and what to do. They hold no secrets: developers read them in the table.
	Words string
	// Permanent tells that trying again is of no use.
	Permanent bool
	// Err is the cause, for the log.
	Err error
}

// Error is for logs.
func (f *Failure) Error() string {
	if f.Err == nil {
		return f.Words
	}
	return f.Words + ": " + f.Err.Error()
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Refuse makes a permanent failure.
func Refuse(err error, words string) *Failure {
	return &Failure{Words: words, Permanent: true, Err: err}
}

// Retry makes a failure after which the item is tried again.
func Retry(err error, words string) *Failure { return &Failure{Words: words, Err: err} }

// failure finds the words for an error.
func failure(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	return Retry(err, "Something went wrong on the server; it is tried again.")
}
