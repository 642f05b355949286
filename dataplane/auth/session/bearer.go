package session

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
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
	}
	return user, session, nil
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
	if caller.SessionID != "" {
		if sessionID, err = uuid.Parse(caller.SessionID); err != nil {
			return userID, sessionID, protocol.ErrSessionNotFound
		}
	}
	return userID, sessionID, nil
}
