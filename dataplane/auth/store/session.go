package store

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

//go:embed sql/open_session.sql
var openSession string

//go:embed sql/delete_sessions.sql
var deleteSessions string

//go:embed sql/session_by_id.sql
var sessionByID string

//go:embed sql/upgrade_session.sql
var upgradeSession string

// Session is a row of sessions with how its user proved who they are.
type Session struct {
	ID, UserID uuid.UUID
	// AAL is the authenticator assurance level: "aal1" and so on.
	AAL string
	// Ended tells that the session reached its end of life.
	Ended bool
	// Ends is when it will at the latest, or nil.
	Ends *time.Time
	// Methods is a JSON list of {"method", "timestamp"}.
	Methods json.RawMessage
	Created time.Time
	// ClientID is the OAuth client that the session belongs to, or nil; Scopes what it was granted, between spaces.
	ClientID *uuid.UUID
	Scopes   string
	FactorID *uuid.UUID
	// ImpersonatedBy is who uses the session in the user's place; "" for the user themselves.
	ImpersonatedBy string
}

// Lifetimes bound sessions; zero is no bound.
type Lifetimes struct{ Timebox, Inactivity time.Duration }

// SessionByID returns pgx.ErrNoRows when there is none.
func SessionByID(ctx context.Context, tx pgx.Tx, id uuid.UUID, l Lifetimes) (*Session, error) {
	return scanSession(tx.QueryRow(ctx, sessionByID, id, l.Timebox.Seconds(), l.Inactivity.Seconds()))
}

// UserAndSession reads both in one round trip. Either is nil when there is none.
func UserAndSession(ctx context.Context, tx pgx.Tx, userID, sessionID uuid.UUID, l Lifetimes) (user *User, session *Session, err error) {
	var batch pgx.Batch
	queueUserAndSession(&batch, userID, sessionID, l, &user, &session)
	err = tx.SendBatch(ctx, &batch).Close()
	return user, session, err
}

func queueUserAndSession(batch *pgx.Batch, userID, sessionID uuid.UUID, l Lifetimes, user **User, session **Session) {
	batch.Queue(userByID, userID).QueryRow(func(row pgx.Row) (err error) {
		*user, err = orNil(scanUser(row))
		return err
	})
	batch.Queue(sessionByID, sessionID, l.Timebox.Seconds(), l.Inactivity.Seconds()).QueryRow(func(row pgx.Row) (err error) {
		*session, err = orNil(scanSession(row))
		return err
	})
}

func scanSession(row pgx.Row) (*Session, error) {
	var s Session
	if err := row.Scan(&s.ID, &s.UserID, &s.AAL, &s.Ended, &s.Ends, &s.Methods, &s.Created, &s.ClientID, &s.Scopes, &s.FactorID, &s.ImpersonatedBy); err != nil {
		return nil, err
	}
	return &s, nil
}

// NewSession is a session to open.
type NewSession struct {
	ID, UserID uuid.UUID
	// CheckedHash is the password hash that the user proved to know; another one by now refuses the session. Nil checks nothing.
	CheckedHash  *string
	RefreshToken string
	// Method is how the user proved who they are, as in the claim amr: "password", "otp", "oauth", …
	Method string
	// Provider is whose identity was used: "email", "phone", "google", …
	Provider string
	// AAL is "aal1" or "aal2".
	AAL      string
	FactorID *uuid.UUID
	// ClientID and Scopes are those of an OAuth client.
	ClientID *uuid.UUID
	Scopes   string
	// NotAfter ends the session, or is nil.
	NotAfter *time.Time
	Client   Client
}

// OpenSession inserts a session with its first refresh token, and returns it with its user as they are then. Both are nil
// when the user is gone, banned or has another password by now.
func OpenSession(ctx context.Context, tx pgx.Tx, s NewSession, l Lifetimes) (user *User, session *Session, err error) {
	var batch pgx.Batch
	batch.Queue(openSession, s.ID, s.UserID, s.CheckedHash, s.RefreshToken, s.Client.UserAgent, s.Client.Address, s.Method, s.Provider, s.AAL,
		s.FactorID, s.ClientID, s.Scopes, s.NotAfter)
	queueUserAndSession(&batch, s.UserID, s.ID, l, &user, &session)
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return nil, nil, err
	}
	if session == nil {
		user = nil
	}
	return user, session, nil
}

// DeleteSessions ends sessions of a user and with them their refresh tokens: all of them, only one, or all but one. It returns which.
func DeleteSessions(ctx context.Context, tx pgx.Tx, userID uuid.UUID, only, except *uuid.UUID) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, deleteSessions, userID, only, except)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// UpgradeSession records another proof of who the user is, at a higher level, and replaces the session's refresh token.
func UpgradeSession(ctx context.Context, tx pgx.Tx, sessionID uuid.UUID, method, aal string, factorID *uuid.UUID, refreshToken string, c Client) error {
	_, err := tx.Exec(ctx, upgradeSession, sessionID, method, aal, factorID, refreshToken, c.UserAgent, c.Address)
	return err
}
