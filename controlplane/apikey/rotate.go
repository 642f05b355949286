package apikey

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// RotateInput says which key is rotated.
type RotateInput struct {
	Project, Key uuid.UUID
	// Overlap is how long the old key works beside its successor.
	Overlap time.Duration
	// ExpiresAt is the successor's expiry; nil gives it the life that the old key was made with.
	ExpiresAt *time.Time
	// By is the account that asks.
	By uuid.UUID
}

// Rotate makes a successor of a key, with its name, type, scopes and limit, and returns it with its value and the old key, which
// expires when the overlap ends, or when it would have anyway. It fails with FailedPrecondition for a key that is rotated,
// revoked or expired.
func (s *Service) Rotate(ctx context.Context, in RotateInput) (made Key, value string, old Key, err error) {
	if err := s.checkExpiry(in.ExpiresAt); err != nil {
		return Key{}, "", Key{}, err
	}
	now := s.Now()
	var row, before store.ApiKey
	err = s.change(ctx, in.Project, in.Key, func(ctx context.Context, tx pgx.Tx, found store.ApiKey, p store.LockProjectRow) error {
		if err := rotatable(found, now); err != nil {
			return err
		}
		q := store.New(tx)
		if err := room(ctx, q, in.Project); err != nil {
			return err
		}
		next := CreateInput{
			Project: in.Project, Name: found.Name, Type: found.Type, ExpiresAt: in.ExpiresAt, By: in.By,
			Scopes: found.Scopes, RequestsPerSecond: int(found.RequestsPerSecond),
		}
		end := now.Add(in.Overlap)
		if found.ExpiresAt != nil {
			if next.ExpiresAt == nil {
				same := now.Add(found.ExpiresAt.Sub(found.CreatedAt))
				next.ExpiresAt = &same
			}
			if found.ExpiresAt.Before(end) {
				end = *found.ExpiresAt
			}
		}
		var err error
		if row, value, err = insert(ctx, tx, s.Sealer, next, false); err != nil {
			return err
		}
		if before, err = q.SucceedKey(ctx, store.SucceedKeyParams{ID: found.ID, SuccessorID: &row.ID, ExpiresAt: &end}); err != nil {
			return fmt.Errorf("end key: %w", err)
		}
		return s.Audit.Record(ctx, tx, p.OrganizationID, "key.rotate", "project/"+p.Ref,
			map[string]any{"key_id": found.ID, "successor_id": row.ID, "name": row.Name, "type": row.Type, "old_key_expires": end.UTC()})
	})
	if err != nil {
		return Key{}, "", Key{}, err
	}
	return shown(row), value, shown(before), nil
}

func rotatable(k store.ApiKey, now time.Time) error {
	switch {
	case k.RevokedAt != nil:
		return fault.New(fault.FailedPrecondition, "KEY_REVOKED", "The key is revoked.")
	case k.SuccessorID != nil:
		return fault.New(fault.FailedPrecondition, "KEY_ROTATED", "The key was rotated before. Rotate its successor, %s.", *k.SuccessorID)
	case k.ExpiresAt != nil && !k.ExpiresAt.After(now):
		return fault.New(fault.FailedPrecondition, "KEY_EXPIRED", "The key has expired. Make a new one.")
	}
	return nil
}
