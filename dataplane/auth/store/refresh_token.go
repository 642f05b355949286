package store

import (
	"context"
	_ "embed" // the statements
	"strings"
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

// The user and the session of a refresh token, by the statements that read them by their ids.
var (
	userByToken = strings.Replace(userByID, "where u.id = $1",
		"where u.id = (select s.user_id from sessions s join refresh_tokens r on r.session_id = s.id where r.token = $1)", 1)
	sessionByToken = strings.Replace(sessionByID, "where s.id = $1", "where s.id = (select r.session_id from refresh_tokens r where r.token = $1)", 1)
)

// LockRefreshToken finds a token with its user and session, in one round trip, and holds the session until the transaction ends, so that requests
// that refresh one session take turns. It returns pgx.ErrNoRows when there is no such token; the user or the session is nil when it is gone.
func LockRefreshToken(ctx context.Context, tx pgx.Tx, token string, reuse time.Duration, l Lifetimes) (out RefreshToken, user *User, session *Session, err error) {
	out.Token = token
	var batch pgx.Batch
	batch.Queue(lockSessionOfToken, token).QueryRow(func(row pgx.Row) error {
		var sessionID, userID uuid.UUID
		return row.Scan(&sessionID, &userID)
	})
	// Statements of their own: they must see what the one that held the session before has written.
	batch.Queue(refreshToken, token, reuse.Seconds()).QueryRow(func(row pgx.Row) error {
		return row.Scan(&out.ID, &out.Revoked, &out.Recent, &out.Live, &out.LiveIsChild)
	})
	batch.Queue(userByToken, token).QueryRow(func(row pgx.Row) (err error) {
		user, err = orNil(scanUser(row))
		return err
	})
	batch.Queue(sessionByToken, token, l.Timebox.Seconds(), l.Inactivity.Seconds()).QueryRow(func(row pgx.Row) (err error) {
		session, err = orNil(scanSession(row))
		return err
	})
	err = tx.SendBatch(ctx, &batch).Close()
	return out, user, session, err
}

// QueueRotation adds the statement that revokes a token and gives its session the next one.
func QueueRotation(batch *pgx.Batch, old RefreshToken, next string, c Client) {
	batch.Queue(rotateRefreshToken, old.ID, old.Token, next, c.UserAgent, c.Address)
}

// RevokeFamily revokes all refresh tokens of a session.
func RevokeFamily(ctx context.Context, tx pgx.Tx, sessionID uuid.UUID) error {
	_, err := tx.Exec(ctx, revokeFamily, sessionID)
	return err
}
