package store

import (
	"context"
	_ "embed" // the statements
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

//go:embed sql/lock_session_of_token.sql
var lockSessionOfToken string

//go:embed sql/refresh_token.sql
var refreshToken string

//go:embed sql/rotate_refresh_token.sql
var rotateRefreshToken string

//go:embed sql/revoke_family.sql
var revokeFamily string

// RefreshToken is a refresh token and what its session uses now.
type RefreshToken struct {
	ID int64
	// Token is the token itself.
	Token   string
	Revoked bool
	// Recent tells that it was last changed within the reuse interval.
	Recent bool
	// Live is the session's token that is not revoked, or "".
	Live string
	// LiveIsChild tells that Live was given in exchange for this very token.
	LiveIsChild bool
}

// LockRefreshToken finds a token and holds its session until the transaction ends, so that requests that refresh one
// session take turns. It returns pgx.ErrNoRows when there is none.
func LockRefreshToken(ctx context.Context, tx pgx.Tx, token string, reuse time.Duration) (out RefreshToken, sessionID, userID uuid.UUID, err error) {
	out.Token = token
	var batch pgx.Batch
	batch.Queue(lockSessionOfToken, token).QueryRow(func(row pgx.Row) error { return row.Scan(&sessionID, &userID) })
	// A statement of its own: it must see what the one that held the session before has written.
	batch.Queue(refreshToken, token, reuse.Seconds()).QueryRow(func(row pgx.Row) error {
		return row.Scan(&out.ID, &out.Revoked, &out.Recent, &out.Live, &out.LiveIsChild)
	})
	err = tx.SendBatch(ctx, &batch).Close()
	return out, sessionID, userID, err
}

// RotateRefreshToken revokes a token and gives its session the next one.
func RotateRefreshToken(ctx context.Context, tx pgx.Tx, old RefreshToken, next string, c Client) error {
	_, err := tx.Exec(ctx, rotateRefreshToken, old.ID, old.Token, next, c.UserAgent, c.Address)
	return err
}

// RevokeFamily revokes all refresh tokens of a session.
func RevokeFamily(ctx context.Context, tx pgx.Tx, sessionID uuid.UUID) error {
	_, err := tx.Exec(ctx, revokeFamily, sessionID)
	return err
}
