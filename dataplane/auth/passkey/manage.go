package passkey

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

type item struct {
	ID      uuid.UUID  `json:"id"`
	Name    string     `json:"friendly_name,omitempty"`
	Created time.Time  `json:"created_at"`
	Used    *time.Time `json:"last_used_at,omitempty"`
}

func items(passkeys []*passkey) []item {
	out := make([]item, len(passkeys))
	for i, p := range passkeys {
		out[i] = newItem(p.id, p.name, p.created, p.used)
	}
	return out
}

func newItem(id uuid.UUID, name string, created time.Time, used *time.Time) item {
	if used != nil {
		u := used.UTC()
		used = &u
	}
	return item{id, name, created.UTC(), used}
}

// list answers GET /passkeys.
func (s *Service) list(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var found []*passkey
	err := store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		user, _, err := s.d.Sessions.Self(r, tx, bound)
		if err != nil {
			return err
		}
		found, err = passkeysOf(r.Context(), tx, user.ID)
		return err
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, items(found))
	return nil
}

// rename answers PATCH /passkeys/{id}.
func (s *Service) rename(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		Name string `json:"friendly_name"`
	}
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	if err := s.limit(r, bound); err != nil {
		return err
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	in.Name = strings.TrimSpace(in.Name)
	switch {
	case in.Name == "":
		return protocol.ErrValidation("friendly_name is required")
	case utf8.RuneCountInString(in.Name) > maxName || strings.ContainsRune(in.Name, 0):
		return protocol.ErrValidation("friendly_name must be text of no more than %d characters", maxName)
	}
	var out item
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		user, err := s.owner(r, tx, bound)
		if err != nil {
			return err
		}
		var used *time.Time
		err = tx.QueryRow(r.Context(), renamePasskey, user.ID, id, in.Name).Scan(&out.ID, &out.Name, &out.Created, &used)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return errNotFound
		case err != nil:
			return err
		}
		out = newItem(out.ID, out.Name, out.Created, used)
		return audit(r, tx, bound, "passkey_updated", user, map[string]any{"passkey_id": id})
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

// remove answers DELETE /passkeys/{id}.
func (s *Service) remove(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	if err := s.limit(r, bound); err != nil {
		return err
	}
	return s.delete(w, r, bound, func(tx *store.Tx) (*store.User, uuid.UUID, error) {
		user, err := s.owner(r, tx, bound)
		if err != nil {
			return nil, uuid.Nil, err
		}
		return user, user.ID, nil
	}, id)
}

// delete removes a passkey of whoever find finds, who is also who did it unless the actor is nil.
func (s *Service) delete(w http.ResponseWriter, r *http.Request, bound *projectdb.Session, find func(tx *store.Tx) (*store.User, uuid.UUID, error), id uuid.UUID) error {
	err := store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		actor, userID, err := find(tx)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(r.Context(), deletePasskey, userID, id)
		switch {
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return errNotFound
		}
		return audit(r, tx, bound, "passkey_deleted", actor, map[string]any{"passkey_id": id, "user_id": userID})
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, struct{}{})
	return nil
}

// adminList answers GET /admin/users/{user}/passkeys.
func (s *Service) adminList(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	userID, err := pathID(r, "user")
	if err != nil {
		return err
	}
	var found []*passkey
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		if err := exists(r, tx, userID); err != nil {
			return err
		}
		found, err = passkeysOf(r.Context(), tx, userID)
		return err
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, items(found))
	return nil
}

// adminRemove answers DELETE /admin/users/{user}/passkeys/{id}: the way back for who has lost a device.
func (s *Service) adminRemove(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	userID, err := pathID(r, "user")
	if err != nil {
		return err
	}
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	return s.delete(w, r, bound, func(tx *store.Tx) (*store.User, uuid.UUID, error) { return nil, userID, exists(r, tx, userID) }, id)
}

func exists(r *http.Request, tx *store.Tx, userID uuid.UUID) error {
	_, err := store.UserByID(r.Context(), tx, userID)
	if errors.Is(err, pgx.ErrNoRows) {
		return protocol.ErrNoSuchUser
	}
	return err
}
