// Package store is auth's SQL: users, identities, sessions and refresh tokens. Each function takes the transaction that
// its caller opened on the schema auth, and keeps nothing.
package store

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
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
	RecoverySent, Invited          *time.Time
	// EmailChange and PhoneChange are wanted and not yet confirmed. EmailChangeStatus counts the confirmations of a change that takes two.
	EmailChange, PhoneChange                               string
	EmailChangeSent, PhoneChangeSent, ReauthenticationSent *time.Time
	EmailChangeStatus                                      int
	SSO                                                    bool
	BannedUntil, Deleted                                   *time.Time
	AppMetadata, UserMetadata                              json.RawMessage
	Anonymous                                              bool
	Created, Updated                                       time.Time
	// Identities is a JSON list, as clients see it.
	Identities json.RawMessage
	// Factors is a JSON list, as clients see it.
	Factors json.RawMessage
}

// Banned tells whether the user is locked out now.
func (u *User) Banned(now time.Time) bool { return u.BannedUntil != nil && now.Before(*u.BannedUntil) }

// HasFactor tells that the user has proved a second factor to be theirs: then a proof of the first alone changes nothing that matters.
func (u *User) HasFactor() bool {
	var factors []struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(u.Factors, &factors) != nil {
		return true // what cannot be read might be one
	}
	for _, f := range factors {
		if f.Status == "verified" {
			return true
		}
	}
	return false
}

// Client is what is remembered of who asked.
type Client struct {
	UserAgent string
	// Address is null when it is not known.
	Address *netip.Addr
}

//go:embed sql/user_by_id.sql
var userByID string

// ScanUser reads a row that user_by_id.sql's columns make, for other statements with the same ones.
func ScanUser(row pgx.Row) (*User, error) { return scanUser(row) }

// UserColumns is the list of columns that ScanUser reads, of a row of users called u.
var UserColumns = columns(userByID)

// columns cuts the select list out of a statement that ends with the clause "from users u".
func columns(statement string) string {
	list, _, _ := strings.Cut(strings.TrimPrefix(statement, "select "), "\nfrom users u\n")
	return list
}

// UserByID returns pgx.ErrNoRows when there is none.
func UserByID(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*User, error) {
	return scanUser(tx.QueryRow(ctx, userByID, id))
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
		&u.Updated, &u.Identities, &u.RecoverySent, &u.Invited, &u.EmailChange, &u.PhoneChange, &u.EmailChangeSent, &u.PhoneChangeSent,
		&u.ReauthenticationSent, &u.EmailChangeStatus, &u.SSO, &u.Deleted, &u.Factors)
	if err != nil {
		return nil, err
	}
	return &u, nil
}
