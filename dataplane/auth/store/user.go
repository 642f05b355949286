package store

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/internal/pg"
)

//go:embed sql/password_by_email.sql
var passwordByEmail string

//go:embed sql/insert_user.sql
var insertUser string

//go:embed sql/update_user.sql
var updateUser string

//go:embed sql/update_email_identity.sql
var updateEmailIdentity string

// Credential is what signing in with a password needs to know before the password is checked.
type Credential struct {
	UserID            uuid.UUID
	PasswordHash      string
	Confirmed, Banned bool
}

// CredentialByEmail returns pgx.ErrNoRows when there is no such user.
func CredentialByEmail(ctx context.Context, tx pgx.Tx, email string) (Credential, error) {
	var c Credential
	err := tx.QueryRow(ctx, passwordByEmail, email).Scan(&c.UserID, &c.PasswordHash, &c.Confirmed, &c.Banned)
	return c, err
}

// NewUser is a user to insert.
type NewUser struct {
	ID                  uuid.UUID
	Email, PasswordHash string
	// Confirmed tells that the email address needs no proof.
	Confirmed                               bool
	AppMetadata, UserMetadata, IdentityData json.RawMessage
}

// InsertUser inserts the user and its email identity; false says that the address is taken.
func InsertUser(ctx context.Context, tx pgx.Tx, u NewUser) (bool, error) {
	tag, err := tx.Exec(ctx, insertUser, u.ID, u.Email, u.PasswordHash, u.Confirmed, u.AppMetadata, u.UserMetadata, u.IdentityData)
	return tag.RowsAffected() == 1, err
}

// Change is what to change of a user; what is nil stays.
type Change struct {
	// PasswordHash is the new one, CheckedHash the one that was there when it was decided.
	PasswordHash *string
	CheckedHash  string
	Email        *string
	// SetMetadata is merged into the user's metadata, RemoveMetadata taken out.
	SetMetadata    json.RawMessage
	RemoveMetadata []string
}

// Outcome is how UpdateUser ended.
type Outcome int

// The outcomes.
const (
	Changed    Outcome = iota
	NotChanged         // the user is gone, or its password was changed meanwhile
	EmailTaken         // the transaction must be rolled back
)

// UpdateUser changes a user and tells how many bytes its metadata has now.
func UpdateUser(ctx context.Context, tx pgx.Tx, id uuid.UUID, c Change) (metadataBytes int, _ Outcome, err error) {
	err = tx.QueryRow(ctx, updateUser, id, c.PasswordHash, c.CheckedHash, c.Email, c.SetMetadata, c.RemoveMetadata).Scan(&metadataBytes)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, NotChanged, nil
	case pg.Code(err) == pgerrcode.UniqueViolation:
		return 0, EmailTaken, nil
	case err != nil:
		return 0, NotChanged, err
	case c.Email == nil:
		return metadataBytes, Changed, nil
	}
	_, err = tx.Exec(ctx, updateEmailIdentity, id, *c.Email)
	return metadataBytes, Changed, err
}
