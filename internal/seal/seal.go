// Package seal encrypts what is kept at rest with AES-256-GCM, through Tink.
package seal

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Sealer seals and opens with one keyset. It is safe for concurrent use.
type Sealer struct{ aead tink.AEAD }

// NewKey makes a master key: a Tink keyset in base64, for FLUXBASE_MASTER_KEY.
func NewKey() (string, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return "", fmt.Errorf("make keyset: %w", err)
	}
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&buf)); err != nil {
		return "", fmt.Errorf("write keyset: %w", err)
	}
	return base64.StdEncoding.EncodeToString(buf.Bytes()), nil
}

// New reads a master key made by NewKey.
func New(key string) (*Sealer, error) {
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return nil, fmt.Errorf("master key is not base64: make one with `fluxbase config new-master-key`")
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("master key is not a keyset: make one with `fluxbase config new-master-key`")
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("use master key: %w", err)
	}
	return &Sealer{primitive}, nil
}

// Seal encrypts plain. The context (for example "project/<id>") must be given again to open, so that a sealed value
// cannot be moved to another row.
func (s *Sealer) Seal(plain []byte, context string) ([]byte, error) {
	return s.aead.Encrypt(plain, []byte(context))
}

// Open decrypts what Seal made with the same context.
func (s *Sealer) Open(sealed []byte, context string) ([]byte, error) {
	plain, err := s.aead.Decrypt(sealed, []byte(context))
	if err != nil {
		return nil, fmt.Errorf("open sealed %s (is the master key the one it was sealed with?): %w", context, err)
	}
	return plain, nil
}
