package store

import (
	"context"
	_ "embed" // the statements
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

//go:embed sql/shut_out_maker.sql
var shutOutMaker string

// OpenToMaker tells that whoever made the account has a way into it besides proving its address or number: a password, or an identity at a provider.
func (u *User) OpenToMaker() bool {
	var identities []struct {
		Provider string `json:"provider"`
	}
	if u.PasswordHash != "" || json.Unmarshal(u.Identities, &identities) != nil {
		return true
	}
	for _, i := range identities {
		if i.Provider != "email" && i.Provider != "phone" {
			return true
		}
	}
	return false
}

// ShutOutMaker closes those ways, when the owner of the address or number has come without having asked for them. The user's identities are then
// the address and the number.
func ShutOutMaker(ctx context.Context, tx pgx.Tx, userID uuid.UUID) error {
	var batch pgx.Batch
	batch.Queue(shutOutMaker, userID)
	QueueSyncProviders(&batch, userID)
	return tx.SendBatch(ctx, &batch).Close()
}
