package project

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/seal"
	"github.com/wayli-app/fluxbase/internal/token"
)

// Secrets are what a project's placement and tokens need; they are sealed in project.secrets_sealed.
type Secrets struct {
	AuthenticatorPassword string       `json:"authenticator_password"`
	AdminPassword         string       `json:"admin_password"`
	OwnerPassword         string       `json:"owner_password"`
	SigningKeys           []SigningKey `json:"signing_keys"`
	LegacyJWTSecret       []byte       `json:"legacy_jwt_secret"`
}

// What a signing key does.
const (
	KeyStandby        = "standby"
	KeyInUse          = "in_use"
	KeyPreviouslyUsed = "previously_used"
	KeyRevoked        = "revoked"
)

// SigningKey is a key that signs or verifies users' tokens.
type SigningKey struct {
	ID        string `json:"id"`
	Algorithm string `json:"algorithm,omitempty"`
	// Private is as token.Key.MarshalPrivate writes it; a revoked key's is forgotten.
	Private []byte `json:"private,omitempty"`
	Status  string `json:"status,omitempty"`
	// Active is what keys had before they had a status.
	Active bool `json:"active"`
	// CreatedAt and ChangedAt, of the status, are zero for keys of that time.
	CreatedAt time.Time `json:"created_at,omitzero"`
	ChangedAt time.Time `json:"changed_at,omitzero"`
}

// Parse reads the key itself. A revoked key has none.
func (k SigningKey) Parse() (token.Key, error) { return token.ParseKey(k.ID, k.Algorithm, k.Private) }

// NewSigningKey makes a key of an algorithm.
func NewSigningKey(algorithm, status string, now time.Time) (SigningKey, error) {
	key, err := token.Generate(uuid.NewString(), algorithm)
	if err != nil {
		return SigningKey{}, err
	}
	private, err := key.MarshalPrivate()
	if err != nil {
		return SigningKey{}, fmt.Errorf("encode signing key: %w", err)
	}
	return SigningKey{ID: key.ID, Algorithm: algorithm, Private: private, Status: status, CreatedAt: now, ChangedAt: now}, nil
}

// NewSecrets makes a project's secrets.
func NewSecrets() (Secrets, error) {
	key, err := NewSigningKey(token.ES256, KeyInUse, time.Now().UTC())
	if err != nil {
		return Secrets{}, err
	}
	return Secrets{
		AuthenticatorPassword: id.NewPassword(), AdminPassword: id.NewPassword(), OwnerPassword: id.NewPassword(),
		SigningKeys:     []SigningKey{key},
		LegacyJWTSecret: []byte(id.NewSecret("")),
	}, nil
}

// StoragePassword is that of storage's login. It is made of the admin's, so that projects from before that login have one too.
func (s Secrets) StoragePassword() (string, error) {
	key, err := hkdf.Key(sha256.New, []byte(s.AdminPassword), nil, "storage", 24)
	if err != nil {
		return "", fmt.Errorf("derive storage's password: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(key), nil
}

// Seal encrypts the secrets for the row of one project.
func (s Secrets) Seal(sealer *seal.Sealer, project uuid.UUID) ([]byte, error) {
	s.SigningKeys = slices.Clone(s.SigningKeys)
	for i, k := range s.SigningKeys {
		s.SigningKeys[i].Active = k.Status == KeyInUse
	}
	plain, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode secrets: %w", err)
	}
	return sealer.Seal(plain, sealContext(project))
}

// OpenSecrets reads what Seal wrote.
func OpenSecrets(sealer *seal.Sealer, project uuid.UUID, sealed []byte) (Secrets, error) {
	var s Secrets
	plain, err := sealer.Open(sealed, sealContext(project))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(plain, &s); err != nil {
		return s, fmt.Errorf("decode secrets: %w", err)
	}
	for i, k := range s.SigningKeys {
		if k.Status != "" {
			continue
		}
		s.SigningKeys[i].Algorithm, s.SigningKeys[i].Status = token.ES256, KeyPreviouslyUsed
		if k.Active {
			s.SigningKeys[i].Status = KeyInUse
		}
	}
	return s, nil
}

func sealContext(project uuid.UUID) string { return "project/" + project.String() + "/secrets" }

// LiveKeys are the signing keys that are not revoked.
func (s Secrets) LiveKeys() []SigningKey {
	return slices.DeleteFunc(slices.Clone(s.SigningKeys), func(k SigningKey) bool { return k.Status == KeyRevoked })
}

// ActiveKey returns the key that signs new tokens.
func (s Secrets) ActiveKey() (token.Key, error) {
	for _, k := range s.SigningKeys {
		if k.Status == KeyInUse {
			return k.Parse()
		}
	}
	return token.Key{}, errors.New("the project has no signing key in use")
}

// Verifier verifies tokens that any of the project's own live keys signed. It accepts no legacy tokens.
func (s Secrets) Verifier() (*token.Verifier, error) {
	live := s.LiveKeys()
	keys := make([]token.Key, 0, len(live))
	for _, k := range live {
		key, err := k.Parse()
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return token.NewVerifier(keys, nil), nil
}
