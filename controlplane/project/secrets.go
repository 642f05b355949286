package project

import (
	"encoding/json"
	"errors"
	"fmt"

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

// SigningKey is an ES256 key pair.
type SigningKey struct {
	ID string `json:"id"`
	// Private is PKCS #8 DER.
	Private []byte `json:"private"`
	Active  bool   `json:"active"`
}

// NewSecrets makes a project's secrets.
func NewSecrets() (Secrets, error) {
	key, err := token.NewKey(uuid.NewString())
	if err != nil {
		return Secrets{}, err
	}
	private, err := key.MarshalPrivate()
	if err != nil {
		return Secrets{}, fmt.Errorf("encode signing key: %w", err)
	}
	return Secrets{
		AuthenticatorPassword: id.NewPassword(), AdminPassword: id.NewPassword(), OwnerPassword: id.NewPassword(),
		SigningKeys:     []SigningKey{{ID: key.ID, Private: private, Active: true}},
		LegacyJWTSecret: []byte(id.NewSecret("")),
	}, nil
}

// Seal encrypts the secrets for the row of one project.
func (s Secrets) Seal(sealer *seal.Sealer, project uuid.UUID) ([]byte, error) {
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
	return s, nil
}

func sealContext(project uuid.UUID) string { return "project/" + project.String() + "/secrets" }

// ActiveKey returns the key that signs new tokens.
func (s Secrets) ActiveKey() (token.Key, error) {
	for _, k := range s.SigningKeys {
		if k.Active {
			return token.ParseKey(k.ID, token.ES256, k.Private)
		}
	}
	return token.Key{}, errors.New("the project has no active signing key")
}

// Verifier verifies tokens that any of the project's ES256 keys signed. It accepts no legacy tokens.
func (s Secrets) Verifier() (*token.Verifier, error) {
	keys := make([]token.Key, 0, len(s.SigningKeys))
	for _, k := range s.SigningKeys {
		key, err := token.ParseKey(k.ID, token.ES256, k.Private)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return token.NewVerifier(keys, nil), nil
}
