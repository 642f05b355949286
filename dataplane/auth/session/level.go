package session

import (
	"bytes"
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

var (
	errAnonymous    = fault.New(fault.Denied, "NO_AUTHORIZATION", "Anonymous user not allowed to perform these actions")
	errImpersonator = fault.New(fault.Denied, "NO_AUTHORIZATION", "Whoever impersonates a user may not change how they sign in.")
)

// Self is SignedIn for what only users themselves may do, which is to change how they sign in: not an administrator in their place, and they must be
// somebody.
func (m *Manager) Self(r *http.Request, tx *store.Tx, s *projectdb.Session) (*store.User, *store.Session, error) {
	user, current, err := m.SignedIn(r, tx, s)
	switch {
	case err != nil:
		return nil, nil, err
	case current == nil:
		return nil, nil, protocol.ErrSessionNotFound
	case user.Anonymous:
		return nil, nil, errAnonymous
	case bytes.Contains(current.Methods, []byte(`"impersonation"`)):
		return nil, nil, errImpersonator
	}
	return user, current, nil
}

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
