package session

import (
	"context"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
)

// EndBelow ends the sessions of a user that have not reached a level: those without a second factor, once there is one. Their access tokens stop on
// every worker once the transaction has committed.
func (m *Manager) EndBelow(ctx context.Context, tx *store.Tx, p *directory.Project, userID uuid.UUID, aal string) error {
	ended, err := store.DeleteSessionsBelow(ctx, tx, userID, aal)
	if err != nil || len(ended) == 0 || m.d.Revoker == nil {
		return err
	}
	life := tokenLife(p.Settings)
	tx.AfterCommit(func(ctx context.Context) { m.d.Revoker.Sessions(ctx, p.Ref, ended, life) })
	return nil
}
