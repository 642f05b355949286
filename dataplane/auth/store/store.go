// Package store is auth's SQL: users, identities, sessions and refresh tokens. Each function takes the transaction that
// its caller opened on the schema auth, and keeps nothing.
package store

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// User is a row of users with its identities.
type User struct {
	ID                             uuid.UUID
	Audience, Role, Email, Phone   string
	PasswordHash                   string
	EmailConfirmed, PhoneConfirmed *time.Time
	ConfirmationSent, LastSignIn   *time.Time
	BannedUntil                    *time.Time
	AppMetadata, UserMetadata      json.RawMessage
	Anonymous                      bool
	Created, Updated               time.Time
	// Identities is a JSON list, as clients see it.
	Identities json.RawMessage
}

// Session is a row of sessions with how its user proved who they are.
type Session struct {
	ID, UserID uuid.UUID
	// AAL is the authenticator assurance level: "aal1" and so on.
	AAL string
	// Ended tells that the session reached its end of life.
	Ended bool
	// Methods is a JSON list of {"method", "timestamp"}.
	Methods json.RawMessage
}

// Client is what is remembered of who asked.
type Client struct {
	UserAgent string
	// Address is null when it is not known.
	Address *netip.Addr
}

//go:embed sql/user_by_id.sql
var userByID string

//go:embed sql/session_by_id.sql
var sessionByID string

// UserByID returns pgx.ErrNoRows when there is none.
func UserByID(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*User, error) {
	return scanUser(tx.QueryRow(ctx, userByID, id))
}

// SessionByID returns pgx.ErrNoRows when there is none.
func SessionByID(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*Session, error) {
	return scanSession(tx.QueryRow(ctx, sessionByID, id))
}

// UserAndSession reads both in one round trip. Either is nil when there is none.
func UserAndSession(ctx context.Context, tx pgx.Tx, userID, sessionID uuid.UUID) (user *User, session *Session, err error) {
	var batch pgx.Batch
	batch.Queue(userByID, userID).QueryRow(func(row pgx.Row) (err error) {
		user, err = orNil(scanUser(row))
		return err
	})
	batch.Queue(sessionByID, sessionID).QueryRow(func(row pgx.Row) (err error) {
		session, err = orNil(scanSession(row))
		return err
	})
	err = tx.SendBatch(ctx, &batch).Close()
	return user, session, err
}

func orNil[T any](v *T, err error) (*T, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return v, err
}

func scanUser(row pgx.Row) (*User, error) {
	var u User
	err := row.Scan(&u.ID, &u.Audience, &u.Role, &u.Email, &u.Phone, &u.PasswordHash, &u.EmailConfirmed, &u.PhoneConfirmed,
		&u.ConfirmationSent, &u.LastSignIn, &u.BannedUntil, &u.AppMetadata, &u.UserMetadata, &u.Anonymous, &u.Created,
		&u.Updated, &u.Identities)
	if err != nil {
		return nil, err
	}
	return &u, nil
}

func scanSession(row pgx.Row) (*Session, error) {
	var s Session
	if err := row.Scan(&s.ID, &s.UserID, &s.AAL, &s.Ended, &s.Methods); err != nil {
		return nil, err
	}
	return &s, nil
}
