package accesskey

import (
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Routes adds the routes by which keys are managed.
func (s *Store) Routes(rt *protocol.Router) {
	rt.Handle(http.MethodGet, "/s3-keys", admin(s.list))
	rt.Handle(http.MethodPost, "/s3-keys", admin(s.create))
	rt.Handle(http.MethodDelete, "/s3-keys/{id}", admin(s.remove))
}

// admin lets only holders of a secret key or a developer's token through.
func admin(h protocol.Handler) protocol.Handler {
	return func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
		if session.Caller.Role != "service_role" {
			return fault.New(fault.Denied, "ACCESS_DENIED", "Access keys are managed with a secret key or a developer's token.")
		}
		return h(w, r, session)
	}
}

func (s *Store) list(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	keys, err := s.List(r.Context(), session)
	if err != nil {
		return err
	}
	if keys == nil {
		keys = []Key{}
	}
	protocol.WriteJSON(w, http.StatusOK, keys)
	return nil
}

func (s *Store) create(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in struct {
		Description string `json:"description"`
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	key, secret, err := s.Create(r.Context(), session, in.Description)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusCreated, struct {
		Key
		AccessKey string `json:"access_key"`
		SecretKey string `json:"secret_key"`
	}{key, key.ID, secret})
	return nil
}

func (s *Store) remove(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	if err := s.Delete(r.Context(), session, r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
