package store

import (
	"context"
	"crypto/sha256"
	_ "embed" // the statements
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

//go:embed sql/renew_external.sql
var renewExternal string

//go:embed sql/spend_proof.sql
var spendProof string

//go:embed sql/delete_client_sessions.sql
var deleteClientSessions string

// RenewExternal finds the user who is known to a provider by a name, and takes over what the provider says of them now: data, and for users of SSO the
// address. It returns nil when there is none.
func RenewExternal(ctx context.Context, tx pgx.Tx, provider, providerID string, data json.RawMessage, email string) (*uuid.UUID, error) {
	var id uuid.UUID
	err := tx.QueryRow(ctx, renewExternal, provider, providerID, data, email).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &id, err
}

// Spend remembers that a proof of who someone is was used, on every worker, until it would be refused anyway. False says that it was used before.
// A transaction that is rolled back has not used it.
func Spend(ctx context.Context, tx pgx.Tx, proof string, until time.Time) (bool, error) {
	hash := sha256.Sum256([]byte(proof))
	tag, err := tx.Exec(ctx, spendProof, hash[:], until)
	return tag.RowsAffected() == 1, err
}

// DeleteClientSessions ends the sessions that an OAuth client has, of one user or of all when that is nil. It returns which.
func DeleteClientSessions(ctx context.Context, tx pgx.Tx, client uuid.UUID, userID *uuid.UUID) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, deleteClientSessions, client, userID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}
