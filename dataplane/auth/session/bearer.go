package session

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// SignedIn loads the user of a request, whose token the gateway has verified, and requires their session to be there still.
// The session is nil for tokens that name none, which only holders of the project's secret can make.
func (m *Manager) SignedIn(r *http.Request, tx *store.Tx, s *projectdb.Session) (*store.User, *store.Session, error) {
	return m.bearer(r.Context(), r, tx, s)
}

func (m *Manager) bearer(ctx context.Context, r *http.Request, tx *store.Tx, s *projectdb.Session) (*store.User, *store.Session, error) {
	caller := s.Caller
	userID, sessionID, err := Subject(r, caller)
	if err != nil {
		return nil, nil, err
	}
	user, session, err := store.UserAndSession(ctx, tx, userID, sessionID, Lifetimes(s.Project.Settings))
	switch {
	case err != nil:
		return nil, nil, err
	case user == nil:
		return nil, nil, protocol.ErrUserNotFound
	case caller.SessionID != "" && (session == nil || session.UserID != userID || session.Ended):
		return nil, nil, protocol.ErrSessionNotFound
	case user.Banned(time.Now()):
		return nil, nil, protocol.ErrUserBanned
	case session != nil && session.ClientID != nil && !openToClients(r):
		return nil, nil, errForClients
	case session != nil && session.ImpersonatedBy != "" && !openToClients(r):
		return nil, nil, errForImpersonators
	}
	return user, session, nil
}

var errForClients = fault.New(fault.Denied, "INSUFFICIENT_SCOPE", "Apps that the user let in may not do this: it takes the user's own session")

var errForImpersonators = fault.New(fault.Denied, "IMPERSONATED", "This is for the user alone, not for who impersonates them")

// openToClients tells what an OAuth client may do with the session that a user gave it, and who impersonates a user: read who the user is, and leave. It changes no account, adds no factor
// and lets no other app in.
func openToClients(r *http.Request) bool {
	switch r.URL.Path {
	case "/user":
		return r.Method == http.MethodGet || r.Method == http.MethodHead
	case "/oauth/userinfo", "/logout":
		return true
	}
	return false
}

// isOurs tells a token that names no session from one that says to another app who signed in there: such a one has no role, and is for that app.
func isOurs(claims json.RawMessage) bool {
	var said struct {
		Role     string          `json:"role"`
		Audience json.RawMessage `json:"aud"`
	}
	if json.Unmarshal(claims, &said) != nil {
		return false
	}
	return said.Role != "" || said.Audience == nil || strings.Contains(string(said.Audience), `"`+Audience+`"`)
}

// Subject is whom a request's bearer token names.
func Subject(r *http.Request, caller projectdb.Caller) (userID, sessionID uuid.UUID, err error) {
	if caller.Developer != "" || r.Header.Get("Authorization") == "" {
		return userID, sessionID, protocol.ErrNoBearer
	}
	if caller.Subject == "" {
		return userID, sessionID, protocol.ErrNoSubject
	}
	if userID, err = uuid.Parse(caller.Subject); err != nil {
		return userID, sessionID, protocol.ErrNoSubject
	}
	if caller.SessionID == "" && len(caller.Claims) > 0 && !isOurs(caller.Claims) {
		return userID, sessionID, protocol.ErrNoSubject
	}
	if caller.SessionID != "" {
		if sessionID, err = uuid.Parse(caller.SessionID); err != nil {
			return userID, sessionID, protocol.ErrSessionNotFound
		}
	}
	return userID, sessionID, nil
}

// Tell answers with who the bearer is.
func (m *Manager) Tell(w http.ResponseWriter, r *http.Request, s *projectdb.Session) error {
	var user *store.User
	err := store.InTx(r.Context(), s, func(tx *store.Tx) (err error) {
		user, _, err = m.SignedIn(r, tx, s)
		return err
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, protocol.NewUser(user))
	return nil
}
