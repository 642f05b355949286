package admin

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/list_sessions.sql
var listSessions string

//go:embed sql/open_impersonation.sql
var openImpersonation string

// sessions lists the sessions of a user, newest first.
func (s *Service) sessions(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	id, err := pathID(r, "id", "user_id")
	if err != nil {
		return err
	}
	var list json.RawMessage
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		user, err := store.UserOrGone(r.Context(), tx, id)
		if err != nil || user == nil {
			return or(err, protocol.ErrNoSuchUser)
		}
		return tx.QueryRow(r.Context(), listSessions, id).Scan(&list)
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, map[string]any{"sessions": list})
	return nil
}

// endSessions ends all sessions of a user.
func (s *Service) endSessions(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	return s.end(w, r, bound, nil)
}

// endSession ends one.
func (s *Service) endSession(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	id, err := pathID(r, "session", "session_id")
	if err != nil {
		return err
	}
	return s.end(w, r, bound, &id)
}

var errNoSession = fault.New(fault.NotFound, "SESSION_NOT_FOUND", "Session not found")

func (s *Service) end(w http.ResponseWriter, r *http.Request, bound *projectdb.Session, only *uuid.UUID) error {
	err := withUser(r, bound, func(ctx context.Context, tx *store.Tx, user *store.User) error {
		if only != nil {
			found, err := store.SessionByID(ctx, tx, *only, store.Lifetimes{})
			if err = ignoreNone(err); err != nil || found == nil || found.UserID != user.ID {
				return or(err, errNoSession)
			}
		}
		if err := store.Audit(ctx, tx, bound.Project, event(r, bound, "logout", user)); err != nil {
			return err
		}
		return s.d.Sessions.End(ctx, tx, bound.Project, user.ID, only, nil)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// How long an impersonation lasts.
const (
	defaultImpersonation = 15 * time.Minute
	longestImpersonation = time.Hour
)

type impersonation struct {
	Reason   string `json:"reason"`
	Duration string `json:"duration"`
}

func (in *impersonation) validate() (time.Duration, error) {
	in.Reason = strings.TrimSpace(in.Reason)
	if in.Reason == "" || len(in.Reason) > 1000 || strings.ContainsRune(in.Reason, 0) {
		return 0, protocol.ErrValidation("Say in reason, in up to 1000 bytes, why the user is impersonated")
	}
	if in.Duration == "" {
		return defaultImpersonation, nil
	}
	d, err := time.ParseDuration(in.Duration)
	if err != nil || d < time.Second || d > longestImpersonation {
		return 0, protocol.ErrValidation("duration must be between 1s and 1h, such as 15m")
	}
	return d, nil
}

// impersonate gives an access token that is the user's, for a while and without a way to renew it. It names who asked for it, and is always recorded.
func (s *Service) impersonate(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	ctx, p := r.Context(), bound.Project
	var in impersonation
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	life, err := in.validate()
	if err != nil {
		return err
	}
	by := bound.Caller.Developer
	if by == "" {
		by = "service_role"
	}
	id, until := uuid.New(), time.Now().Add(life)
	granted := &session.Grant{Opened: true, Method: "impersonation"}
	err = withUser(r, bound, func(ctx context.Context, tx *store.Tx, user *store.User) error {
		if user.Banned(time.Now()) {
			return protocol.ErrSignInBanned
		}
		c := protocol.Client(r)
		if _, err := tx.Exec(ctx, openImpersonation, id, user.ID, until, c.UserAgent, c.Address, by); err != nil {
			return err
		}
		if granted.User, granted.Session, err = store.UserAndSession(ctx, tx, user.ID, id, session.Lifetimes(p.Settings)); err != nil {
			return err
		}
		e := event(r, bound, "user_impersonated", user)
		e.Traits["reason"], e.Traits["session_id"], e.Traits["until"], e.Traits["impersonated_by"] = in.Reason, id, until.UTC().Format(time.RFC3339), by
		return store.AuditAlways(ctx, tx, e)
	})
	if err != nil {
		return err
	}
	answer, err := s.d.Sessions.Answer(ctx, bound, granted)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, map[string]any{"access_token": answer.AccessToken, "token_type": answer.TokenType, "expires_in": answer.ExpiresIn,
		"expires_at": answer.ExpiresAt, "session_id": id, "user": answer.User})
	return nil
}
