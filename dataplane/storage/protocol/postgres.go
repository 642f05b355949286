package protocol

import (
	"errors"
	"strings"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// FromPostgres finds the fault in err, as fault.From does, and makes one of what Postgres refused: by a policy, a constraint, a trigger of the project.
func FromPostgres(err error) *fault.Error {
	var known *fault.Error
	var refused *pgconn.PgError
	if errors.As(err, &known) || !errors.As(err, &refused) {
		return fault.From(err)
	}
	wrap := func(kind fault.Kind, reason, message string) *fault.Error {
		return fault.Wrap(err, kind, reason, "%s", message)
	}
	switch refused.Code {
	case pgerrcode.InsufficientPrivilege:
		message := refused.Message
		if strings.Contains(message, "row-level security") {
			message = "new row violates row-level security policy"
		}
		return wrap(fault.Denied, "ACCESS_DENIED", message)
	case pgerrcode.UniqueViolation:
		return wrap(fault.Exists, "RESOURCE_ALREADY_EXISTS", "The resource already exists")
	case pgerrcode.ForeignKeyViolation:
		return wrap(fault.NotFound, "INVALID_REQUEST", "The related resource does not exist")
	case pgerrcode.QueryCanceled:
		return wrap(fault.DeadlineExceeded, "DATABASE_TIMEOUT", "The database took too long. Check the project's policies and triggers on storage, and the load on its database.")
	case pgerrcode.LockNotAvailable:
		return wrap(fault.FailedPrecondition, "RESOURCE_LOCKED", "The resource is locked")
	case pgerrcode.ReadOnlySQLTransaction:
		return wrap(fault.Unavailable, "DATABASE_READ_ONLY", "The database is read-only now. Try again later.")
	case pgerrcode.SerializationFailure, pgerrcode.DeadlockDetected:
		return wrap(fault.FailedPrecondition, "TRANSACTION_ERROR", "Another request changed the same thing meanwhile. Try again.")
	case pgerrcode.TooManyConnections, pgerrcode.CannotConnectNow:
		return wrap(fault.Exhausted, "CONNECTIONS_EXHAUSTED", "Too many connections to the project's database. Try again in a moment.")
	case pgerrcode.RaiseException, pgerrcode.CheckViolation, pgerrcode.NotNullViolation, pgerrcode.ExclusionViolation, pgerrcode.AssertFailure:
		return wrap(fault.Invalid, "DATABASE_ERROR", refused.Message)
	}
	switch {
	case strings.HasPrefix(refused.Code, "22"):
		return wrap(fault.Invalid, "INVALID_PARAMETER", refused.Message)
	case strings.HasPrefix(refused.Code, "42"), strings.HasPrefix(refused.Code, "P0"), strings.HasPrefix(refused.Code, "0A"):
		// A policy or a trigger of the project is broken: its developers must be able to see that.
		return wrap(fault.Invalid, "DATABASE_ERROR", "A policy or a trigger on storage failed: "+refused.Message)
	}
	return fault.From(err)
}
