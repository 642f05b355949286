package store

import (
	"context"
	_ "embed" // the statements
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

//go:embed sql/confirm_email.sql
var confirmEmail string

//go:embed sql/confirm_phone.sql
var confirmPhone string

//go:embed sql/confirm_email_change.sql
var confirmEmailChange string

//go:embed sql/confirm_phone_change.sql
var confirmPhoneChange string

//go:embed sql/half_email_change.sql
var halfEmailChange string

// ConfirmEmail makes a user's address count as confirmed, and takes the code that was sent for it.
func ConfirmEmail(ctx context.Context, tx pgx.Tx, userID uuid.UUID) error {
	_, err := tx.Exec(ctx, confirmEmail, userID)
	return err
}

// ConfirmPhone makes a user's number count as confirmed, and takes the code that was sent for it.
func ConfirmPhone(ctx context.Context, tx pgx.Tx, userID uuid.UUID) error {
	_, err := tx.Exec(ctx, confirmPhone, userID)
	return err
}

// QueueConfirmEmail is ConfirmEmail as a statement of a batch.
func QueueConfirmEmail(batch *pgx.Batch, userID uuid.UUID) { batch.Queue(confirmEmail, userID) }

// QueueConfirmPhone is ConfirmPhone as a statement of a batch.
func QueueConfirmPhone(batch *pgx.Batch, userID uuid.UUID) { batch.Queue(confirmPhone, userID) }

// HalfEmailChange records the first of two confirmations of a change of address. Kind is that of the code that was used, which is taken.
func HalfEmailChange(ctx context.Context, tx pgx.Tx, userID uuid.UUID, kind string) error {
	_, err := tx.Exec(ctx, halfEmailChange, userID, kind)
	return err
}

// ConfirmEmailChange makes the address that a user wants theirs, and takes the codes of the change. An anonymous user is none any more.
func ConfirmEmailChange(ctx context.Context, tx pgx.Tx, userID uuid.UUID) (Outcome, error) {
	return confirmChange(ctx, tx, confirmEmailChange, userID)
}

// ConfirmPhoneChange makes the number that a user wants theirs, and takes the code of the change. An anonymous user is none any more.
func ConfirmPhoneChange(ctx context.Context, tx pgx.Tx, userID uuid.UUID) (Outcome, error) {
	return confirmChange(ctx, tx, confirmPhoneChange, userID)
}

func confirmChange(ctx context.Context, tx pgx.Tx, statement string, userID uuid.UUID) (Outcome, error) {
	var now string
	var batch pgx.Batch
	batch.Queue(statement, userID).QueryRow(func(row pgx.Row) error { return row.Scan(&now) })
	batch.Queue(syncProviders, userID)
	err := tx.SendBatch(ctx, &batch).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		return NotChanged, nil
	}
	return taken(err)
}
