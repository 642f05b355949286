// Package signingkey makes, rotates and revokes the keys with which a project's auth signs its users' tokens. They are kept
// sealed among the project's secrets.
package signingkey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/seal"
	"github.com/wayli-app/fluxbase/internal/token"
)

// maxKeys is how many keys a project has at most, revoked ones too.
const maxKeys = 20

// ErrNotFound says that the project has no such key.
var ErrNotFound = fault.New(fault.NotFound, "SIGNING_KEY_NOT_FOUND", "The project has no such signing key.")

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

// Service manages signing keys.
type Service struct{ Deps }

// New makes the service.
func New(d Deps) (*Service, error) {
	if d.Pool == nil || d.Sealer == nil || d.Audit == nil {
		return nil, errors.New("signingkey: a dependency is missing")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{d}, nil
}

// Key is a signing key without its private half.
type Key struct {
	ID, Algorithm, Status string
	// CreatedAt and ChangedAt, of the status, are nil where they are not known.
	CreatedAt, ChangedAt *time.Time
	// PublicJWK is empty for HS256 and for revoked keys.
	PublicJWK string
}

// List returns a project's keys: the one in use, then the others, newest first.
func (s *Service) List(ctx context.Context, id uuid.UUID) ([]Key, error) {
	sealed, err := store.Read(ctx, s.Pool).ProjectSecrets(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, project.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	secrets, err := project.OpenSecrets(s.Sealer, id, sealed)
	if err != nil {
		return nil, err
	}
	keys := secrets.SigningKeys
	slices.SortStableFunc(keys, func(a, b project.SigningKey) int {
		switch {
		case a.Status == project.KeyInUse:
			return -1
		case b.Status == project.KeyInUse:
			return 1
		}
		return b.CreatedAt.Compare(a.CreatedAt)
	})
	out := make([]Key, len(keys))
	for i, k := range keys {
		if out[i], err = shown(k); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Create makes a key on standby. It fails with Exhausted when the project has too many.
func (s *Service) Create(ctx context.Context, id uuid.UUID, algorithm string) (Key, error) {
	made, err := project.NewSigningKey(algorithm, project.KeyStandby, s.Now().UTC())
	if err != nil {
		return Key{}, err
	}
	err = s.change(ctx, id, "signing_key.create", func(secrets *project.Secrets) (*project.SigningKey, error) {
		if len(secrets.SigningKeys) >= maxKeys {
			return nil, fault.New(fault.Exhausted, "TOO_MANY_SIGNING_KEYS", "The project has %d signing keys, which is the most. Revoke and delete one first.", maxKeys)
		}
		secrets.SigningKeys = append(secrets.SigningKeys, made)
		return &made, nil
	})
	if err != nil {
		return Key{}, err
	}
	return shown(made)
}

// Rotate puts a key on standby in use, and returns it with the one that was. Of a key that is in use already, it is returned alone.
func (s *Service) Rotate(ctx context.Context, id uuid.UUID, key string) (now Key, before *Key, err error) {
	var used, old project.SigningKey
	err = s.change(ctx, id, "signing_key.rotate", func(secrets *project.Secrets) (*project.SigningKey, error) {
		k, err := find(secrets, key)
		if err != nil {
			return nil, err
		}
		if used = *k; k.Status == project.KeyInUse {
			return nil, nil
		}
		if k.Status != project.KeyStandby {
			return nil, fault.New(fault.FailedPrecondition, "SIGNING_KEY_NOT_STANDBY", "The key is %s: only a key on standby can be put in use. Create one.", words[k.Status])
		}
		for i := range secrets.SigningKeys {
			if one := &secrets.SigningKeys[i]; one.Status == project.KeyInUse {
				s.set(one, project.KeyPreviouslyUsed)
				old = *one
			}
		}
		s.set(k, project.KeyInUse)
		used = *k
		return k, nil
	})
	if err != nil {
		return Key{}, nil, err
	}
	if now, err = shown(used); err != nil || old.ID == "" {
		return now, nil, err
	}
	previous, err := shown(old)
	return now, &previous, err
}

// Revoke ends a key on standby or previously used, and forgets its private half. Revoking twice is the same as once.
func (s *Service) Revoke(ctx context.Context, id uuid.UUID, key string) (Key, error) {
	var revoked project.SigningKey
	err := s.change(ctx, id, "signing_key.revoke", func(secrets *project.Secrets) (*project.SigningKey, error) {
		k, err := find(secrets, key)
		if err != nil {
			return nil, err
		}
		switch k.Status {
		case project.KeyInUse:
			return nil, fault.New(fault.FailedPrecondition, "SIGNING_KEY_IN_USE", "The key signs new tokens. Put another in use first.")
		case project.KeyRevoked:
			revoked = *k
			return nil, nil
		}
		s.set(k, project.KeyRevoked)
		k.Private = nil
		revoked = *k
		return k, nil
	})
	if err != nil {
		return Key{}, err
	}
	return shown(revoked)
}

// Delete takes a revoked key off the list.
func (s *Service) Delete(ctx context.Context, id uuid.UUID, key string) error {
	return s.change(ctx, id, "signing_key.delete", func(secrets *project.Secrets) (*project.SigningKey, error) {
		k, err := find(secrets, key)
		if err != nil {
			return nil, err
		}
		if k.Status != project.KeyRevoked {
			return nil, fault.New(fault.FailedPrecondition, "SIGNING_KEY_NOT_REVOKED", "The key is %s: revoke it first.", words[k.Status])
		}
		gone := *k
		secrets.SigningKeys = slices.DeleteFunc(secrets.SigningKeys, func(k project.SigningKey) bool { return k.ID == key })
		return &gone, nil
	})
}

// words are the statuses as sentences say them.
var words = map[string]string{
	project.KeyStandby: "on standby", project.KeyInUse: "in use", project.KeyPreviouslyUsed: "previously used", project.KeyRevoked: "revoked",
}

func (s *Service) set(k *project.SigningKey, status string) {
	k.Status, k.ChangedAt = status, s.Now().UTC()
}

func find(secrets *project.Secrets, key string) (*project.SigningKey, error) {
	i := slices.IndexFunc(secrets.SigningKeys, func(k project.SigningKey) bool { return k.ID == key })
	if i < 0 {
		return nil, ErrNotFound
	}
	return &secrets.SigningKeys[i], nil
}

// change opens a project's secrets under its lock, lets fn change them, and saves and records what became of the key that it
// returns. It saves nothing when that is nil.
func (s *Service) change(ctx context.Context, id uuid.UUID, action string, fn func(*project.Secrets) (*project.SigningKey, error)) error {
	return store.InTx(ctx, s.Pool, func(ctx context.Context, tx pgx.Tx) error {
		q := store.New(tx)
		row, err := q.LockProjectSecrets(ctx, id)
		if errors.Is(err, pgx.ErrNoRows) {
			return project.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("lock project: %w", err)
		}
		secrets, err := project.OpenSecrets(s.Sealer, id, row.SecretsSealed)
		if err != nil {
			return err
		}
		changed, err := fn(&secrets)
		if err != nil || changed == nil {
			return err
		}
		sealed, err := secrets.Seal(s.Sealer, id)
		if err != nil {
			return err
		}
		if err := q.SetProjectSecrets(ctx, store.SetProjectSecretsParams{ID: id, SecretsSealed: sealed}); err != nil {
			return fmt.Errorf("save signing keys: %w", err)
		}
		return s.Audit.Record(ctx, tx, row.OrganizationID, action, "project/"+row.Ref,
			map[string]any{"signing_key_id": changed.ID, "algorithm": changed.Algorithm, "status": changed.Status})
	})
}

func shown(k project.SigningKey) (Key, error) {
	out := Key{ID: k.ID, Algorithm: k.Algorithm, Status: k.Status, CreatedAt: known(k.CreatedAt), ChangedAt: known(k.ChangedAt)}
	if k.Status == project.KeyRevoked {
		return out, nil
	}
	key, err := k.Parse()
	if err != nil {
		return Key{}, err
	}
	out.PublicJWK, err = token.PublicJWK(key)
	return out, err
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
