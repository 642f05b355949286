// Package account knows the people who sign in to the console, and the personal tokens with which their scripts act.
package account

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/pg"
	"github.com/wayli-app/fluxbase/internal/token"
)

// Platform verifies the user tokens of the project "platform".
type Platform interface {
	PlatformVerifier(ctx context.Context) (*token.Verifier, error)
}

// Auditor records a deed in the transaction of what it records.
type Auditor interface {
	Record(ctx context.Context, tx pgx.Tx, organization *uuid.UUID, action, target string, details map[string]any) error
}

// Deps is what the service needs.
type Deps struct {
	Pool     *pgxpool.Pool
	Platform Platform
	Audit    Auditor
	// FirstOperates makes the first account an operator: `fluxbase dev`.
	FirstOperates bool
	// Now defaults to time.Now.
	Now func() time.Time
}

// Service knows accounts.
type Service struct{ Deps }

// New makes the service.
func New(d Deps) (*Service, error) {
	if d.Pool == nil || d.Platform == nil || d.Audit == nil {
		return nil, errors.New("account: a dependency is missing")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{d}, nil
}

// Account is a person who signs in to the console: a user of the project "platform".
type Account struct {
	ID          uuid.UUID
	Email, Name string
	Operator    bool
	CreatedAt   time.Time
	// TokenExpires is when the token expires with which the account was authenticated; zero for never.
	TokenExpires time.Time
	// ByAccessToken tells that a personal token was shown, not a user's session.
	ByAccessToken bool
}

// Errors of Authenticate.
var (
	ErrNoToken      = fault.New(fault.Unauthenticated, "TOKEN_MISSING", "Sign in: send a bearer token in the Authorization header.")
	ErrBadToken     = fault.New(fault.Unauthenticated, "TOKEN_INVALID", "The token is not valid. Sign in again.")
	ErrTokenExpired = fault.New(fault.Unauthenticated, "TOKEN_EXPIRED", "The token has expired. Sign in again.")
)

// Authenticate finds whose bearer token it is: a user access token of the project "platform" or a personal token. An account
// is made at the first sight of its user.
func (s *Service) Authenticate(ctx context.Context, bearer string) (Account, error) {
	switch {
	case bearer == "":
		return Account{}, ErrNoToken
	case strings.HasPrefix(bearer, id.PrefixAccessToken):
		return s.byAccessToken(ctx, bearer)
	}
	verifier, err := s.Platform.PlatformVerifier(ctx)
	if err != nil {
		return Account{}, err
	}
	verified, err := verifier.Verify(bearer, s.Now())
	if errors.Is(err, token.ErrExpired) {
		return Account{}, ErrTokenExpired
	}
	if err != nil {
		return Account{}, fault.Wrap(err, fault.Unauthenticated, ErrBadToken.Reason, "%s", ErrBadToken.Message)
	}
	return s.byUser(ctx, verified)
}

// byUser finds the account of a platform user. Only tokens of a signed-in person count: not a developer's, not anonymous.
func (s *Service) byUser(ctx context.Context, v *token.Verified) (Account, error) {
	user, err := uuid.Parse(v.Subject)
	email, _ := v.Claims["email"].(string)
	anonymous, _ := v.Claims["is_anonymous"].(bool)
	if err != nil || user == uuid.Nil || v.KeyID == "" || v.Role != "authenticated" || !slices.Contains(v.Audience, "authenticated") || anonymous || v.Expires.IsZero() {
		return Account{}, ErrBadToken
	}
	if address, err := mail.ParseAddress(email); err != nil || address.Address != email {
		return Account{}, fault.New(fault.Unauthenticated, "EMAIL_MISSING", "The console's accounts need an email address.")
	}
	issued := v.IssuedAt
	row, err := store.New(s.Pool).FindAccount(ctx, user)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && row.Email != email && row.EmailAsOf.Before(issued) {
		row, err = s.upsert(ctx, user, email, issued)
	}
	if err != nil {
		return Account{}, err
	}
	out := shown(row)
	out.TokenExpires = v.Expires
	return out, nil
}

func (s *Service) upsert(ctx context.Context, user uuid.UUID, email string, issued time.Time) (store.Account, error) {
	var row store.Account
	err := store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		if err := q.LockAccounts(ctx); err != nil {
			return err
		}
		if err := q.UpsertAccount(ctx, store.UpsertAccountParams{ID: user, Email: email, AsOf: issued, FirstOperates: s.FirstOperates}); err != nil {
			return err
		}
		var err error
		row, err = q.FindAccount(ctx, user)
		return err
	})
	if pg.Code(err) == pgerrcode.UniqueViolation {
		return row, fault.Wrap(err, fault.FailedPrecondition, "EMAIL_TAKEN", "Another account has the address %s. Ask the operator.", email)
	}
	if err != nil {
		return row, fmt.Errorf("save account: %w", err)
	}
	return row, nil
}

func shown(row store.Account) Account {
	return Account{ID: row.ID, Email: row.Email, Name: row.Name, Operator: row.Operator, CreatedAt: row.CreatedAt}
}

// Rename changes an account's display name.
func (s *Service) Rename(ctx context.Context, account uuid.UUID, name string) (Account, error) {
	if name != "" {
		var err error
		if name, err = id.Title(name); err != nil {
			return Account{}, err
		}
	}
	var row store.Account
	err := store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		if err := q.RenameAccount(ctx, store.RenameAccountParams{ID: account, Name: name}); err != nil {
			return fmt.Errorf("rename account: %w", err)
		}
		var err error
		if row, err = q.FindAccount(ctx, account); err != nil {
			return fmt.Errorf("read account: %w", err)
		}
		return s.Audit.Record(ctx, tx, nil, "account.update", "account/"+account.String(), map[string]any{"name": name})
	})
	return shown(row), err
}
