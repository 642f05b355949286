package provision

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// maxUnknown is how often an error that we cannot name is tried again: for about ten minutes.
const maxUnknown = 14

// failure is an error as the project's owner sees it.
type failure struct {
	kind            fault.Kind
	reason, message string
}

// classify tells what of an error may be told and whether waiting can help.
func classify(err error) failure {
	var known *fault.Error
	if errors.As(err, &known) && known.Kind != fault.Internal {
		return failure{known.Kind, known.Reason, known.Message}
	}
	var connect *pgconn.ConnectError
	var network net.Error
	code := pg.Code(err)
	switch {
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, context.DeadlineExceeded),
		strings.HasPrefix(code, "08"), strings.HasPrefix(code, "57P"):
		return failure{fault.Unavailable, "CLUSTER_UNREACHABLE", "The database cluster cannot be reached."}
	case strings.HasPrefix(code, "53"):
		return failure{fault.Unavailable, "CLUSTER_BUSY", "The database cluster is short of connections or space."}
	case strings.HasPrefix(code, "40"), strings.HasPrefix(code, "55"):
		return failure{fault.Unavailable, "PROJECT_LOCKED", "Something in the project's database is locked by other work."}
	}
	return failure{fault.Internal, "STEP_FAILED", "This step failed on our side; the operator's log says why."}
}

// permanent reports whether trying again is of no use.
func (f failure) permanent(tries int) bool {
	switch f.kind {
	case fault.Unavailable, fault.DeadlineExceeded, fault.Canceled:
		return false
	case fault.Internal:
		return tries >= maxUnknown
	default:
		return true
	}
}
