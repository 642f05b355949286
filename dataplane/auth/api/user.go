package api

import (
	_ "embed" // the statement
	"encoding/json"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/list_sessions.sql
var listSessions string

// Change is the body of a change of the bearer. Anything else in it, such as a role, is not looked at.
type Change struct {
	Email           string            `json:"email"`
	Phone           string            `json:"phone"`
	Password        string            `json:"password"`
	CurrentPassword string            `json:"current_password"`
	Nonce           *string           `json:"nonce"`
	Data            protocol.Metadata `json:"data"`
	Channel         string            `json:"channel"`
	Challenge       string            `json:"code_challenge"`
	ChallengeMethod string            `json:"code_challenge_method"`
	RedirectTo      string            `json:"redirect_to"`
}

// change changes the bearer's address, number, password or metadata.
func (s *service) change(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in Change
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	in.RedirectTo = protocol.AllowedRedirect(bound.Project.Settings, in.RedirectTo)
	user, err := s.d.Doing.Change(r, bound, in)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, protocol.NewUser(user))
	return nil
}

// sessions lists those of the bearer that have not ended, the newest first.
func (s *service) sessions(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var list json.RawMessage
	err := store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		user, current, err := s.d.Sessions.SignedIn(r, tx, bound)
		if err != nil {
			return err
		}
		var now *uuid.UUID
		if current != nil {
			now = &current.ID
		}
		l := session.Lifetimes(bound.Project.Settings)
		return tx.QueryRow(r.Context(), listSessions, user.ID, now, l.Timebox.Seconds(), l.Inactivity.Seconds()).Scan(&list)
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, list)
	return nil
}

var errNoSession = fault.New(fault.NotFound, "SESSION_NOT_FOUND", "You have no such session.")

// endSession ends one session of the bearer.
func (s *service) endSession(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return errNoSession
	}
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		user, _, err := s.d.Sessions.SignedIn(r, tx, bound)
		if err != nil {
			return err
		}
		_, found, err := store.UserAndSession(r.Context(), tx, user.ID, id, session.Lifetimes(bound.Project.Settings))
		switch {
		case err != nil:
			return err
		case found == nil || found.UserID != user.ID:
			return errNoSession
		}
		if err := store.Audit(r.Context(), tx, bound.Project, store.Event{Action: "logout", Actor: user, Address: protocol.Client(r).Address}); err != nil {
			return err
		}
		return s.d.Sessions.End(r.Context(), tx, bound.Project, user.ID, &id, nil)
	})
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}
