package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

var (
	errTokenNotFound = fault.New(fault.Invalid, "REFRESH_TOKEN_NOT_FOUND", "Invalid Refresh Token: Refresh Token Not Found")
	errTokenUsed     = fault.New(fault.Invalid, "REFRESH_TOKEN_ALREADY_USED", "Invalid Refresh Token: Already Used")
)

// Refresh answers POST /token?grant_type=refresh_token.
func (m *Manager) Refresh(w http.ResponseWriter, r *http.Request, s *projectdb.Session) error {
	var in struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := m.d.Limits.Address(r, s, "token_refresh"); err != nil {
		return err
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if in.RefreshToken == "" {
		return protocol.ErrValidation("refresh_token required")
	}
	granted, err := m.Renew(r.Context(), s, in.RefreshToken, nil, protocol.Client(r))
	if err != nil {
		return err
	}
	return m.Write(w, r, s, granted)
}

// Renew exchanges a refresh token for the next one. The session must belong to the OAuth client, or to none when it is nil.
func (m *Manager) Renew(ctx context.Context, s *projectdb.Session, refreshToken string, client *uuid.UUID, c store.Client) (*Grant, error) {
	if refreshToken == "" || !isRefreshToken(refreshToken) {
		return nil, errTokenNotFound
	}
	values := s.Project.Settings
	reuse := time.Duration(setting.Get[int64](values, "auth.refresh_token_reuse_interval")) * time.Second
	var granted *Grant
	var refused error // of a transaction that is to be committed all the same
	err := store.InTx(ctx, s, func(tx *store.Tx) error {
		held, user, found, err := store.LockRefreshToken(ctx, tx, refreshToken, reuse, Lifetimes(values))
		if errors.Is(err, pgx.ErrNoRows) {
			return errTokenNotFound
		}
		if err != nil {
			return err
		}
		granted, refused, err = m.renew(ctx, tx, s, held, user, found, client, c)
		return err
	})
	return granted, errors.Join(err, refused)
}

// renew decides what a token is good for, while its session is held.
//
//   - A token in use is exchanged for its child.
//   - The parent of the token in use gets that one again, however late: its client never saw the answer.
//   - So does an older token within the reuse interval: several tabs of one client took turns.
//   - Any other token was stolen, from the client or by it: the whole family is revoked.
func (m *Manager) renew(ctx context.Context, tx *store.Tx, s *projectdb.Session, held store.RefreshToken, user *store.User, found *store.Session, client *uuid.UUID, c store.Client) (_ *Grant, refused, err error) {
	switch {
	case user == nil || found == nil || !sameClient(found.ClientID, client):
		return nil, errTokenNotFound, nil
	case found.Ended:
		return nil, protocol.ErrSessionExpired, nil
	case user.Banned(time.Now()):
		return nil, protocol.ErrSignInBanned, nil
	}
	granted := &Grant{User: user, Session: found, Method: "token_refresh"}
	event := store.Event{Action: "token_refreshed", Actor: user, Address: c.Address}
	switch {
	case !held.Revoked && found.ClientID == nil && !setting.Get[bool](s.Project.Settings, "auth.refresh_token_rotation"): // other apps' are always rotated
		granted.RefreshToken = held.Token
		return granted, nil, store.Audit(ctx, tx, s.Project, event)
	case !held.Revoked:
		granted.RefreshToken = newRefreshToken()
		var batch pgx.Batch
		store.QueueRotation(&batch, held, granted.RefreshToken, c)
		store.QueueAudit(&batch, s.Project, event)
		return granted, nil, tx.SendBatch(ctx, &batch).Close()
	case held.Live != "" && (held.LiveIsChild || held.Recent):
		granted.RefreshToken = held.Live
		return granted, nil, nil
	default:
		if err := store.RevokeFamily(ctx, tx, found.ID); err != nil {
			return nil, nil, err
		}
		event.Action = "token_revoked"
		return nil, errTokenUsed, store.Audit(ctx, tx, s.Project, event)
	}
}

func sameClient(a, b *uuid.UUID) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}
