package admin

import (
	"context"
	_ "embed" // the statements
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

//go:embed sql/soft_delete_user.sql
var softDeleteUser string

//go:embed sql/delete_user.sql
var deleteUser string

// remove deletes a user: from the table, or softly, so that what refers to them stays and they cannot be known again.
func (s *Service) remove(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		Soft bool `json:"should_soft_delete"`
	}
	id, err := pathID(r, "id", "user_id")
	if err != nil {
		return err
	}
	if r.ContentLength != 0 {
		if err := protocol.Decode(w, r, &in); err != nil {
			return err
		}
	}
	ctx := r.Context()
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		user, err := store.UserOrGone(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case user == nil:
			return protocol.ErrNoSuchUser
		}
		return s.removeUser(ctx, r, tx, bound, user, in.Soft)
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, struct{}{})
	return nil
}

func (s *Service) removeUser(ctx context.Context, r *http.Request, tx *store.Tx, bound *projectdb.Session, user *store.User, softly bool) error {
	if softly && user.Deleted != nil {
		return nil
	}
	if err := store.Audit(ctx, tx, bound.Project, event(r, bound, "user_deleted", user)); err != nil {
		return err
	}
	// Their tokens stop, those too whose session is gone already.
	s.d.Sessions.Lock(tx, bound.Project, user.ID)
	if err := s.d.Sessions.End(ctx, tx, bound.Project, user.ID, nil, nil); err != nil {
		return err
	}
	statement := deleteUser
	if softly {
		statement = softDeleteUser
	}
	_, err := tx.Exec(ctx, statement, user.ID)
	if pg.Code(err) != "" {
		return fault.Wrap(err, fault.Internal, "USER_NOT_DELETED", "Database error deleting user")
	}
	return err
}
