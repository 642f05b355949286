package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
)

// maxTokens is how many personal tokens an account has at most.
const maxTokens = 100

// Token is a personal access token, without its value.
type Token struct {
	ID            uuid.UUID
	Name, Display string
	CreatedAt     time.Time
	ExpiresAt     *time.Time
	LastUsedAt    *time.Time
}

// byAccessToken finds the account of a personal token. Its last use is kept to the minute, so most requests write nothing.
func (s *Service) byAccessToken(ctx context.Context, value string) (Account, error) {
	q := store.New(s.Pool)
	row, err := q.FindAccessToken(ctx, id.Hash(value))
	if errors.Is(err, pgx.ErrNoRows) {
		return Account{}, ErrBadToken
	}
	if err != nil {
		return Account{}, fmt.Errorf("find access token: %w", err)
	}
	now := s.Now()
	found := row.AccessToken
	if found.ExpiresAt != nil && !now.Before(*found.ExpiresAt) {
		return Account{}, ErrTokenExpired
	}
	stale := now.Add(-time.Minute)
	if found.LastUsedAt == nil || found.LastUsedAt.Before(stale) {
		if err := q.TouchAccessToken(ctx, store.TouchAccessTokenParams{ID: found.ID, At: now, Stale: stale}); err != nil {
			return Account{}, fmt.Errorf("note use of access token: %w", err)
		}
	}
	out := shown(row.Account)
	out.ByAccessToken = true
	if found.ExpiresAt != nil {
		out.TokenExpires = *found.ExpiresAt
	}
	return out, nil
}

// CreateToken makes a personal token and returns its value, which is kept nowhere. A token cannot make one that outlives
// itself.
func (s *Service) CreateToken(ctx context.Context, by Account, name string, expires *time.Time) (Token, string, error) {
	name, err := id.Title(name)
	if err != nil {
		return Token{}, "", err
	}
	if expires != nil && !expires.After(s.Now()) {
		return Token{}, "", badExpiry("EXPIRY_PAST", "must be in the future")
	}
	if by.ByAccessToken && !by.TokenExpires.IsZero() && (expires == nil || expires.After(by.TokenExpires)) {
		return Token{}, "", badExpiry("EXPIRY_TOO_LATE", "must not be after the expiry of the token that asks for it")
	}
	value := id.NewSecret(id.PrefixAccessToken)
	var row store.AccessToken
	err = store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		if _, err := q.LockAccount(ctx, by.ID); err != nil {
			return fmt.Errorf("lock account: %w", err)
		}
		count, err := q.CountAccessTokens(ctx, by.ID)
		if err != nil {
			return fmt.Errorf("count access tokens: %w", err)
		}
		if count >= maxTokens {
			return fault.New(fault.Exhausted, "TOO_MANY_TOKENS", "You have %d access tokens, which is the most. Revoke one first.", maxTokens)
		}
		row, err = q.InsertAccessToken(ctx, store.InsertAccessTokenParams{
			ID: uuid.Must(uuid.NewV7()), AccountID: by.ID, Name: name, Hash: id.Hash(value),
			Display: id.Display(value, id.PrefixAccessToken), ExpiresAt: expires,
		})
		if err != nil {
			return fmt.Errorf("insert access token: %w", err)
		}
		return s.Audit.Record(ctx, tx, nil, "access_token.create", "account/"+by.ID.String(), map[string]any{"token_id": row.ID, "name": name})
	})
	return shownToken(row), value, err
}

func badExpiry(reason, problem string) error {
	return &fault.Error{Kind: fault.Invalid, Reason: reason, Message: "The token's expiry " + problem + ".", Fields: map[string]string{"expire_time": problem}}
}

// Tokens lists an account's tokens, newest first, from after the given one.
func (s *Service) Tokens(ctx context.Context, account uuid.UUID, limit int, afterTime *time.Time, afterID *uuid.UUID) ([]Token, error) {
	rows, err := store.Read(ctx, s.Pool).ListAccessTokens(ctx, store.ListAccessTokensParams{
		AccountID: account, AfterTime: afterTime, AfterID: afterID, MaxRows: int32(limit),
	})
	if err != nil {
		return nil, fmt.Errorf("list access tokens: %w", err)
	}
	out := make([]Token, len(rows))
	for i, r := range rows {
		out[i] = shownToken(r)
	}
	return out, nil
}

// RevokeToken ends one of the account's tokens at once.
func (s *Service) RevokeToken(ctx context.Context, account, accessToken uuid.UUID) error {
	return store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		name, err := store.New(tx).DeleteAccessToken(ctx, store.DeleteAccessTokenParams{AccountID: account, ID: accessToken})
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.New(fault.NotFound, "TOKEN_NOT_FOUND", "You have no such access token.")
		}
		if err != nil {
			return fmt.Errorf("delete access token: %w", err)
		}
		return s.Audit.Record(ctx, tx, nil, "access_token.revoke", "account/"+account.String(), map[string]any{"token_id": accessToken, "name": name})
	})
}

func shownToken(r store.AccessToken) Token {
	return Token{ID: r.ID, Name: r.Name, Display: r.Display, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, LastUsedAt: r.LastUsedAt}
}
