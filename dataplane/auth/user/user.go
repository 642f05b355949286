package user

import (
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// getUser tells who the bearer is.
func (s *Service) getUser(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var user *store.User
	err := store.InTx(r.Context(), bound, func(tx *store.Tx) (err error) {
		user, _, err = signedIn(r, tx, bound.Caller)
		return err
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, protocol.NewUser(user))
	return nil
}

type userChange struct {
	Email    *string           `json:"email"`
	Phone    *string           `json:"phone"`
	Password *string           `json:"password"`
	Data     protocol.Metadata `json:"data"`
}

// putUser changes the bearer's password, address or metadata. Anything else in the body, such as a role, is not looked at.
func (s *Service) putUser(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in userChange
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if err := in.validate(session); err != nil {
		return err
	}
	change := store.Change{Email: in.Email}
	set, remove := in.Data.Split()
	change.SetMetadata, change.RemoveMetadata = set.Encode(), remove
	if in.Password != nil {
		if err := s.preparePassword(r, bound, *in.Password, &change); err != nil {
			return err
		}
	}
	var user *store.User
	err := store.InTx(r.Context(), bound, func(tx *store.Tx) (err error) {
		user, err = applyChange(r, tx, bound.Caller, change)
		return err
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, protocol.NewUser(user))
	return nil
}

func (in *userChange) validate(bound *projectdb.Session) error {
	if in.Phone != nil && *in.Phone != "" {
		return protocol.ErrPhoneDisabled
	}
	if in.Email != nil && *in.Email == "" {
		in.Email = nil
	}
	if in.Password != nil && *in.Password == "" {
		in.Password = nil
	}
	if in.Email != nil {
		email, err := protocol.NormalEmail(*in.Email)
		if err != nil {
			return err
		}
		in.Email = &email
	}
	if in.Password != nil {
		if err := password.CheckNew(bound.Project, *in.Password); err != nil {
			return err
		}
	}
	return in.Data.Validate()
}

// preparePassword computes the new hash, with no transaction open.
func (s *Service) preparePassword(r *http.Request, bound *projectdb.Session, password string, change *store.Change) error {
	err := store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		user, _, err := signedIn(r, tx, bound.Caller)
		if err == nil {
			change.CheckedHash = user.PasswordHash
		}
		return err
	})
	if err != nil {
		return err
	}
	if change.CheckedHash != "" {
		switch same, err := s.d.Hasher.Matches(r.Context(), bound.Project.Ref, change.CheckedHash, password); {
		case err != nil:
			return err
		case same:
			return errSamePassword
		}
	}
	hash, err := s.d.Hasher.Hash(r.Context(), bound.Project.Ref, password)
	change.PasswordHash = &hash
	return err
}

// applyChange writes the change and returns the user as they are then. A new password ends the user's other sessions.
func applyChange(r *http.Request, tx pgx.Tx, caller projectdb.Caller, change store.Change) (*store.User, error) {
	user, current, err := signedIn(r, tx, caller)
	if err != nil {
		return nil, err
	}
	if change.Email != nil && *change.Email == user.Email {
		change.Email = nil
	}
	if change.Email != nil && !setting.Get[bool](projectdb.FromContext(r.Context()).Project.Settings, "auth.autoconfirm") {
		return nil, errEmailChangeDisabled
	}
	size, outcome, err := store.UpdateUser(r.Context(), tx, user.ID, change)
	switch {
	case err != nil:
		return nil, err
	case outcome == store.EmailTaken:
		return nil, protocol.ErrEmailExists
	case outcome == store.NotChanged:
		return nil, protocol.ErrConflict
	case len(change.SetMetadata) > len("{}") && size > maxMetadata:
		return nil, protocol.ErrMetadataSize()
	}
	if change.PasswordHash != nil {
		if current == nil {
			err = store.DeleteSessions(r.Context(), tx, user.ID, nil, nil)
		} else {
			err = store.DeleteSessions(r.Context(), tx, user.ID, nil, &current.ID)
		}
		if err != nil {
			return nil, err
		}
	}
	return store.UserByID(r.Context(), tx, user.ID)
}
