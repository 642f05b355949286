package auth

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// tokenByRefreshToken gives a new access token and a new refresh token for a refresh token.
func (s *Service) tokenByRefreshToken(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	ctx := r.Context()
	var in struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := s.limitAddress(r, session, "refresh", refreshes); err != nil {
		return err
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if in.RefreshToken == "" {
		return errValidation("refresh_token required")
	}
	if len(in.RefreshToken) > 255 || !isRefreshToken(in.RefreshToken) {
		return errTokenNotFound
	}
	reuse := time.Duration(setting.Get[int64](session.Project.Settings, "auth.refresh_token_reuse_interval")) * time.Second
	var granted grant
	var refused error // of a transaction that is to be committed all the same
	err := session.InService(ctx, Schema, func(tx pgx.Tx) error {
		held, sessionID, userID, err := store.LockRefreshToken(ctx, tx, in.RefreshToken, reuse)
		if errors.Is(err, pgx.ErrNoRows) {
			return errTokenNotFound
		}
		if err != nil {
			return err
		}
		granted, refused, err = refresh(r, tx, held, sessionID, userID)
		return err
	})
	if err = errors.Join(err, refused); err != nil {
		return err
	}
	return writeGrant(w, session.Project, granted, time.Now())
}

// refresh decides what a token is good for, while its session is held.
//
//   - A token in use is exchanged for its child.
//   - The parent of the token in use gets that one again, however late: its client never saw the answer.
//   - So does an older token within the reuse interval: several tabs of one client took turns.
//   - Any other token was stolen, from the client or by it: the whole family is revoked.
func refresh(r *http.Request, tx pgx.Tx, held store.RefreshToken, sessionID, userID uuid.UUID) (_ grant, refused, err error) {
	user, found, err := store.UserAndSession(r.Context(), tx, userID, sessionID)
	switch {
	case err != nil:
		return grant{}, nil, err
	case user == nil || found == nil:
		return grant{}, errTokenNotFound, nil
	case found.Ended:
		return grant{}, errSessionExpired, nil
	case user.BannedUntil != nil && time.Now().Before(*user.BannedUntil):
		return grant{}, errUserBanned, nil
	}
	granted := grant{user: user, session: found}
	switch {
	case !held.Revoked:
		granted.refreshToken = newRefreshToken()
		return granted, nil, store.RotateRefreshToken(r.Context(), tx, held, granted.refreshToken, client(r))
	case held.Live != "" && (held.LiveIsChild || held.Recent):
		granted.refreshToken = held.Live
		return granted, nil, nil
	default:
		return grant{}, errTokenUsed, store.RevokeFamily(r.Context(), tx, sessionID)
	}
}
