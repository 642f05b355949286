package store

import (
	"context"
	_ "embed" // the statements
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/internal/pg"
)

//go:embed sql/delete_factor.sql
var deleteFactor string

//go:embed sql/update_factor.sql
var updateFactor string

//go:embed sql/delete_low_sessions.sql
var deleteLowSessions string

// RemovedFactor is a second factor that was removed.
type RemovedFactor struct {
	// Kind is totp, phone or webauthn.
	Kind     string
	Verified bool
}

// DeleteFactor removes a second factor of a user, and lowers the sessions that it raised to aal1. It returns nil when the user has none such.
func DeleteFactor(ctx context.Context, tx pgx.Tx, userID, factorID uuid.UUID) (*RemovedFactor, error) {
	var out RemovedFactor
	var status string
	err := tx.QueryRow(ctx, deleteFactor, userID, factorID).Scan(&out.Kind, &status)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	out.Verified = status == "verified"
	return &out, err
}

// UpdateFactor changes the name of a second factor and the number of one that is a phone; what is nil stays. It reports whether the user has such a
// factor; taken says that another one has the name or number, and that the transaction must be rolled back.
func UpdateFactor(ctx context.Context, tx pgx.Tx, userID, factorID uuid.UUID, name, phone *string) (found, taken bool, err error) {
	tag, err := tx.Exec(ctx, updateFactor, userID, factorID, name, phone)
	if pg.Code(err) == pgerrcode.UniqueViolation {
		return true, true, nil
	}
	return tag.RowsAffected() == 1, false, err
}

// DeleteSessionsBelow ends the sessions of a user that have not reached a level, and returns which.
func DeleteSessionsBelow(ctx context.Context, tx pgx.Tx, userID uuid.UUID, aal string) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, deleteLowSessions, userID, aal)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}
