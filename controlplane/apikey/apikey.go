// Package apikey makes, shows and revokes the keys with which apps reach a project.
package apikey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/scope"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// The types of keys.
const (
	Publishable = "publishable"
	Secret      = "secret"
)

// maxLive is how many keys a project has at most: each is in the snapshot that workers hold.
const maxLive = 100

// ErrNotFound says that the project has no such key.
var ErrNotFound = fault.New(fault.NotFound, "KEY_NOT_FOUND", "The project has no such key.")

// Auditor records a deed in the transaction of what it records.
type Auditor interface {
	Record(ctx context.Context, tx pgx.Tx, organization *uuid.UUID, action, target string, details map[string]any) error
}

// Deps is what the service needs.
type Deps struct {
	Pool   *pgxpool.Pool
	Sealer *seal.Sealer
	Audit  Auditor
	// Now defaults to time.Now.
	Now func() time.Time
}

// Service manages keys.
type Service struct{ Deps }

// New makes the service.
func New(d Deps) (*Service, error) {
	if d.Pool == nil || d.Sealer == nil || d.Audit == nil {
		return nil, errors.New("apikey: a dependency is missing")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{d}, nil
}

// Key is a project's key, without its value.
type Key struct {
	ID         uuid.UUID
	Name, Type string
	// Display is the whole value of a publishable key and the first characters of a secret one.
	Display    string
	Revealable bool
	CreatedAt  time.Time
	ExpiresAt  *time.Time
	RevokedAt  *time.Time
	LastUsedAt *time.Time
	// Scopes bound what the key may do; without any it may do everything.
	Scopes []string
	// RequestsPerSecond is the key's own limit; zero is none.
	RequestsPerSecond int
	// Successor is the key that a rotation made of it.
	Successor *uuid.UUID
}

// CreateInput says what key is wanted.
type CreateInput struct {
	Project   uuid.UUID
	Name      string
	Type      string
	ExpiresAt *time.Time
	// Scopes bound the key; RequestsPerSecond is its own limit, zero for none.
	Scopes            []string
	RequestsPerSecond int
	// By is the account that asks.
	By uuid.UUID
}

// Create makes a key and returns its value, which for a secret key is kept nowhere. It fails with Invalid for a past
// expiry or a wrong scope, and with Exhausted when the project has too many keys.
func (s *Service) Create(ctx context.Context, in CreateInput) (Key, string, error) {
	if err := s.checkExpiry(in.ExpiresAt); err != nil {
		return Key{}, "", err
	}
	var err error
	if in.Scopes, err = checkScopes(in.Type, in.Scopes); err != nil {
		return Key{}, "", err
	}
	if in.Name, err = id.Title(in.Name); err != nil {
		return Key{}, "", err
	}
	var row store.ApiKey
	var value string
	err = store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		project, err := q.LockProject(ctx, in.Project)
		if err != nil {
			return fmt.Errorf("lock project: %w", err)
		}
		if err := room(ctx, q, in.Project); err != nil {
			return err
		}
		row, value, err = insert(ctx, tx, s.Sealer, in, false)
		if err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, project.OrganizationID, "key.create", "project/"+project.Ref,
			map[string]any{"key_id": row.ID, "name": row.Name, "type": row.Type, "scopes": row.Scopes})
	})
	return shown(row), value, err
}

func (s *Service) checkExpiry(at *time.Time) error {
	if at == nil || at.After(s.Now()) {
		return nil
	}
	return &fault.Error{Kind: fault.Invalid, Reason: "EXPIRY_PAST", Message: "The key's expiry must be in the future.",
		Fields: map[string]string{"expire_time": "must be in the future"}}
}

// secretScopes are of no use to a key of role anon.
var secretScopes = []string{scope.AuthAdmin.String(), scope.SQLRun.String()}

func checkScopes(kind string, list []string) ([]string, error) {
	problem := ""
	checked, err := scope.Check(list)
	if err != nil {
		problem = err.Error()
	}
	for _, name := range checked {
		if kind == Publishable && slices.Contains(secretScopes, name) {
			problem = "a publishable key cannot have " + name + ": it is for secret keys"
		}
	}
	if problem != "" {
		return nil, &fault.Error{Kind: fault.Invalid, Reason: "SCOPE_INVALID", Message: "The key's scopes are not valid: " + problem + ".",
			Fields: map[string]string{"scopes": problem}}
	}
	return checked, nil
}

// room tells whether the project may have one more key. Its row must be locked.
func room(ctx context.Context, q *store.Queries, project uuid.UUID) error {
	live, err := q.CountLiveKeys(ctx, project)
	if err != nil {
		return fmt.Errorf("count keys: %w", err)
	}
	if live >= maxLive {
		return fault.New(fault.Exhausted, "TOO_MANY_KEYS", "The project has %d keys, which is the most. Revoke one first.", maxLive)
	}
	return nil
}

// EnsureDefaults makes the publishable and the secret key that each project starts with, both named "default", unless
// they were made before. The secret's value is kept sealed until it is revealed.
func (s *Service) EnsureDefaults(ctx context.Context, tx pgx.Tx, project uuid.UUID) error {
	q := store.New(tx)
	if _, err := q.LockProject(ctx, project); err != nil {
		return fmt.Errorf("lock project: %w", err)
	}
	counts, err := q.CountDefaultKeys(ctx, project)
	if err != nil {
		return fmt.Errorf("count default keys: %w", err)
	}
	made := map[string]bool{}
	for _, c := range counts {
		made[c.Type] = true
	}
	for _, kind := range []string{Publishable, Secret} {
		if made[kind] {
			continue
		}
		if _, _, err := insert(ctx, tx, s.Sealer, CreateInput{Project: project, Name: "default", Type: kind}, true); err != nil {
			return err
		}
	}
	return nil
}

// insert makes a key's row. With keep, a secret key's value is stored sealed until it is revealed.
func insert(ctx context.Context, tx pgx.Tx, sealer *seal.Sealer, in CreateInput, keep bool) (store.ApiKey, string, error) {
	row := store.InsertKeyParams{
		ID: uuid.Must(uuid.NewV7()), ProjectID: in.Project, Name: in.Name, Type: in.Type, ExpiresAt: in.ExpiresAt,
		Scopes: append([]string{}, in.Scopes...), RequestsPerSecond: int32(in.RequestsPerSecond),
	}
	if in.By != uuid.Nil {
		row.CreatedBy = &in.By
	}
	var value string
	var err error
	if in.Type == Publishable {
		value = id.NewSecret(id.PrefixPublishable)
		row.Display = value
	} else {
		value = id.NewSecret(id.PrefixSecret)
		row.Display = id.Display(value, id.PrefixSecret)
		if keep {
			if row.UnrevealedSealed, err = sealer.Seal([]byte(value), sealContext(row.ID)); err != nil {
				return store.ApiKey{}, "", fmt.Errorf("seal key: %w", err)
			}
		}
	}
	row.Hash = id.Hash(value)
	key, err := store.New(tx).InsertKey(ctx, row)
	if err != nil {
		return store.ApiKey{}, "", fmt.Errorf("insert key: %w", err)
	}
	return key, value, nil
}

// List returns a project's keys, newest first, from after the given one.
func (s *Service) List(ctx context.Context, project uuid.UUID, limit int, afterTime *time.Time, afterID *uuid.UUID) ([]Key, error) {
	rows, err := store.Read(ctx, s.Pool).ListKeys(ctx, store.ListKeysParams{ProjectID: project, AfterTime: afterTime, AfterID: afterID, MaxRows: int32(limit)})
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	out := make([]Key, len(rows))
	for i, r := range rows {
		out[i] = shown(r)
	}
	return out, nil
}

// Revoke ends a key at once. Revoking twice is the same as once.
func (s *Service) Revoke(ctx context.Context, project, key uuid.UUID) (Key, error) {
	var row store.ApiKey
	err := s.change(ctx, project, key, func(ctx context.Context, tx pgx.Tx, found store.ApiKey, p store.LockProjectRow) error {
		row = found
		if found.RevokedAt != nil {
			return nil
		}
		var err error
		if row, err = store.New(tx).RevokeKey(ctx, key); err != nil {
			return fmt.Errorf("revoke key: %w", err)
		}
		return s.Audit.Record(ctx, tx, p.OrganizationID, "key.revoke", "project/"+p.Ref, map[string]any{"key_id": key, "name": row.Name, "type": row.Type})
	})
	return shown(row), err
}

// Reveal returns a key's value. That of a secret key is forgotten in the same transaction: a second call fails with
// FailedPrecondition and reason KEY_ALREADY_REVEALED.
func (s *Service) Reveal(ctx context.Context, project, key uuid.UUID) (string, error) {
	value := ""
	err := s.change(ctx, project, key, func(ctx context.Context, tx pgx.Tx, found store.ApiKey, p store.LockProjectRow) error {
		switch {
		case found.RevokedAt != nil:
			return fault.New(fault.FailedPrecondition, "KEY_REVOKED", "The key is revoked.")
		case found.Type == Publishable:
			value = found.Display
			return nil
		case found.UnrevealedSealed == nil:
			return fault.New(fault.FailedPrecondition, "KEY_ALREADY_REVEALED", "The key's value was shown before and is kept nowhere. Make a new key if it is lost.")
		}
		plain, err := s.Sealer.Open(found.UnrevealedSealed, sealContext(key))
		if err != nil {
			return err
		}
		value = string(plain)
		if err := store.New(tx).ForgetKeyValue(ctx, key); err != nil {
			return fmt.Errorf("forget key value: %w", err)
		}
		return s.Audit.Record(ctx, tx, p.OrganizationID, "key.reveal", "project/"+p.Ref, map[string]any{"key_id": key, "name": found.Name})
	})
	if err != nil {
		return "", err
	}
	return value, nil
}

func (s *Service) change(ctx context.Context, project, key uuid.UUID, fn func(context.Context, pgx.Tx, store.ApiKey, store.LockProjectRow) error) error {
	return store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		p, err := store.New(tx).LockProject(ctx, project)
		if err != nil {
			return fmt.Errorf("lock project: %w", err)
		}
		found, err := store.New(tx).LockKey(ctx, store.LockKeyParams{ProjectID: project, ID: key})
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("lock key: %w", err)
		}
		return fn(ctx, tx, found, p)
	})
}

// PublishableValue returns the oldest live publishable key of a project that may do everything and was not rotated, else one that
// comes near, or "".
func (s *Service) PublishableValue(ctx context.Context, project uuid.UUID) (string, error) {
	value, err := store.Read(ctx, s.Pool).FirstPublishableKey(ctx, project)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return value, err
}

func shown(r store.ApiKey) Key {
	return Key{
		ID: r.ID, Name: r.Name, Type: r.Type, Display: r.Display, CreatedAt: r.CreatedAt,
		Revealable: r.RevokedAt == nil && (r.Type == Publishable || r.UnrevealedSealed != nil),
		ExpiresAt:  r.ExpiresAt, RevokedAt: r.RevokedAt, LastUsedAt: r.LastUsedAt,
		Scopes: r.Scopes, RequestsPerSecond: int(r.RequestsPerSecond), Successor: r.SuccessorID,
	}
}

func sealContext(key uuid.UUID) string { return "api_key/" + key.String() }
