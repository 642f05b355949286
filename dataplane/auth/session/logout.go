package session

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// Logout answers POST /logout.
func (m *Manager) Logout(w http.ResponseWriter, r *http.Request, s *projectdb.Session) error {
	scope := r.URL.Query().Get("scope")
	switch scope {
	case "", "global", "local", "others":
	default:
		return protocol.ErrValidation("Unsupported logout scope %q", scope)
	}
	if err := m.SignOut(r, s, scope); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// SignOut ends sessions of the bearer: all (scope global, or none), this one (local), or all but this one (others).
func (m *Manager) SignOut(r *http.Request, s *projectdb.Session, scope string) error {
	ctx := r.Context()
	return store.InTx(ctx, s, func(tx *store.Tx) error {
		user, current, err := m.SignedIn(r, tx, s)
		if err != nil {
			return err
		}
		if current != nil && current.ClientID != nil { // other apps end no session but their own
			scope = "local"
		}
		var only, except *uuid.UUID
		if current != nil && scope == "local" {
			only = &current.ID
		}
		if current != nil && scope == "others" {
			except = &current.ID
		}
		if err := store.Audit(ctx, tx, s.Project, store.Event{Action: "logout", Actor: user, Address: protocol.Client(r).Address}); err != nil {
			return err
		}
		return m.End(ctx, tx, s.Project, user.ID, only, except)
	})
}
