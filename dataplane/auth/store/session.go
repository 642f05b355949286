package store

import (
	"context"
	_ "embed" // the statements

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

//go:embed sql/open_session.sql
var openSession string

//go:embed sql/delete_sessions.sql
var deleteSessions string

// NewSession is a session to open.
type NewSession struct {
	ID, UserID uuid.UUID
	// CheckedHash is the password hash that the user proved to know; another one by now refuses the session.
	CheckedHash  string
	RefreshToken string
	// Method is how the user proved who they are, for example "password".
	Method string
	Client Client
}

// OpenSession inserts a session with its first refresh token, and returns it with its user as they are then. Both are nil
// when the user is gone, banned or has another password by now.
func OpenSession(ctx context.Context, tx pgx.Tx, s NewSession) (user *User, session *Session, err error) {
	var batch pgx.Batch
	batch.Queue(openSession, s.ID, s.UserID, s.CheckedHash, s.RefreshToken, s.Client.UserAgent, s.Client.Address, s.Method)
	batch.Queue(userByID, s.UserID).QueryRow(func(row pgx.Row) (err error) {
		user, err = orNil(scanUser(row))
		return err
	})
	batch.Queue(sessionByID, s.ID).QueryRow(func(row pgx.Row) (err error) {
		session, err = orNil(scanSession(row))
		return err
	})
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return nil, nil, err
	}
	if session == nil {
		user = nil
	}
	return user, session, nil
}

// DeleteSessions ends sessions of a user and with them their refresh tokens: all of them, only one, or all but one.
func DeleteSessions(ctx context.Context, tx pgx.Tx, userID uuid.UUID, only, except *uuid.UUID) error {
	_, err := tx.Exec(ctx, deleteSessions, userID, only, except)
	return err
}
