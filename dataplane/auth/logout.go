package auth

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// logout ends sessions of the bearer: all (scope global), this one (local), or all but this one (others).
func (s *Service) logout(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	ctx := r.Context()
	scope := r.URL.Query().Get("scope")
	switch scope {
	case "", "global", "local", "others":
	default:
		return errValidation("Unsupported logout scope %q", scope)
	}
	err := session.InService(ctx, Schema, func(tx pgx.Tx) error {
		user, current, err := signedIn(r, tx, session.Caller)
		if err != nil {
			return err
		}
		var only, except *uuid.UUID
		if current != nil && scope == "local" {
			only = &current.ID
		}
		if current != nil && scope == "others" {
			except = &current.ID
		}
		return store.DeleteSessions(ctx, tx, user.ID, only, except)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
