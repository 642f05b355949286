package session

import (
	"context"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// EndOfClient ends the sessions that an OAuth client has: those of a user, or of all users when that is nil. Their access tokens stop on every worker
// once the transaction has committed.
func (m *Manager) EndOfClient(ctx context.Context, tx *store.Tx, p *directory.Project, client uuid.UUID, userID *uuid.UUID) error {
	ended, err := store.DeleteClientSessions(ctx, tx, client, userID)
	if err != nil || len(ended) == 0 || m.d.Revoker == nil {
		return err
	}
	life := tokenLife(p.Settings)
	tx.AfterCommit(func(ctx context.Context) { m.d.Revoker.Sessions(ctx, p.Ref, ended, life) })
	return nil
}
