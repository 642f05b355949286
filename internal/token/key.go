package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// The algorithms that projects' keys sign with.
const (
	ES256 = "ES256"
	RS256 = "RS256"
	HS256 = "HS256"
	EdDSA = "EdDSA"
)

const (
	rsaBits    = 2048
	secretSize = 32
)

// Key is a key with an id, of one algorithm: it signs and verifies with no other.
type Key struct {
	ID        string
	Algorithm string
	// Private is an *ecdsa.PrivateKey on P-256, an *rsa.PrivateKey, an ed25519.PrivateKey, or the []byte of an HS256 secret.
	Private any
}

// String is the key's id, so that no key is printed by mistake.
func (k Key) String() string { return k.ID }

// GoString is String.
func (k Key) GoString() string { return k.ID }

// LogValue is String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.ID) }

// NewKey makes an ES256 key pair.
func NewKey(id string) (Key, error) { return Generate(id, ES256) }

// Generate makes a key of an algorithm.
func Generate(id, algorithm string) (Key, error) {
	k := Key{ID: id, Algorithm: algorithm}
	var err error
	switch algorithm {
	case ES256:
		k.Private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		k.Private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case EdDSA:
		_, k.Private, err = ed25519.GenerateKey(rand.Reader)
	case HS256:
		secret := make([]byte, secretSize)
		_, err = rand.Read(secret)
		k.Private = secret
	default:
		err = fmt.Errorf("there is no algorithm %q", algorithm)
	}
	if err != nil {
		return Key{}, fmt.Errorf("make signing key: %w", err)
	}
	return k, nil
}

// MarshalPrivate encodes the private key: as PKCS #8 DER, or as it is for an HS256 secret.
func (k Key) MarshalPrivate() ([]byte, error) {
	if secret, ok := k.Private.([]byte); ok {
		return secret, nil
	}
	return x509.MarshalPKCS8PrivateKey(k.Private)
}

// ParseKey reads what MarshalPrivate wrote. A key that is not of the algorithm is refused.
func ParseKey(id, algorithm string, private []byte) (Key, error) {
	k := Key{ID: id, Algorithm: algorithm}
	if id == "" {
		return Key{}, errors.New("a signing key has no id")
	}
	if algorithm == HS256 {
		if len(private) < secretSize {
			return Key{}, fmt.Errorf("signing key %s is shorter than %d bytes", id, secretSize)
		}
		k.Private = private
		return k, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return Key{}, fmt.Errorf("parse signing key %s: %w", id, err)
	}
	fits := false
	switch p := parsed.(type) {
	case *ecdsa.PrivateKey:
		fits = algorithm == ES256 && p.Curve == elliptic.P256()
	case *rsa.PrivateKey:
		fits = algorithm == RS256 && p.N.BitLen() >= rsaBits
	case ed25519.PrivateKey:
		fits = algorithm == EdDSA
	}
	if !fits {
		return Key{}, fmt.Errorf("signing key %s is no key of %s", id, algorithm)
	}
	k.Private = parsed
	return k, nil
}

// verifying is what the key verifies with: its public half, or the secret itself.
func (k Key) verifying() any {
	if pair, ok := k.Private.(crypto.Signer); ok {
		return pair.Public()
	}
	return k.Private
}

// Sign makes a token with the key's id in its header.
func (k Key) Sign(claims map[string]any) (string, error) {
	headers := jws.NewHeaders()
	if err := headers.Set(jws.KeyIDKey, k.ID); err != nil {
		return "", err
	}
	return sign(claims, headers, jws.WithKey(jwa.SignatureAlgorithm(k.Algorithm), k.Private, jws.WithProtectedHeaders(headers)))
}

// SignLegacy makes a token with the project's legacy HS256 secret, without a key's id.
func SignLegacy(secret []byte, claims map[string]any) (string, error) {
	headers := jws.NewHeaders()
	return sign(claims, headers, jws.WithKey(jwa.HS256, secret, jws.WithProtectedHeaders(headers)))
}

func sign(claims map[string]any, headers jws.Headers, key jws.SignOption) (string, error) {
	if err := headers.Set(jws.TypeKey, "JWT"); err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	signed, err := jws.Sign(payload, key)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return string(signed), nil
}

// JWKS encodes the public halves of keys as a JSON Web Key Set (RFC 7517). HS256 keys have none and are left out.
func JWKS(keys []Key) ([]byte, error) {
	set := jwk.NewSet()
	for _, k := range keys {
		public, err := publicJWK(k)
		if err != nil {
			return nil, err
		}
		if public == nil {
			continue
		}
		if err := set.AddKey(public); err != nil {
			return nil, err
		}
	}
	return json.Marshal(set)
}

// PublicJWK encodes a key's public half as a JSON Web Key, or as "" for HS256.
func PublicJWK(k Key) (string, error) {
	public, err := publicJWK(k)
	if err != nil || public == nil {
		return "", err
	}
	encoded, err := json.Marshal(public)
	return string(encoded), err
}

func publicJWK(k Key) (jwk.Key, error) {
	pair, ok := k.Private.(crypto.Signer)
	if !ok {
		return nil, nil
	}
	public, err := jwk.FromRaw(pair.Public())
	if err != nil {
		return nil, fmt.Errorf("make jwk: %w", err)
	}
	for name, value := range map[string]any{
		jwk.KeyIDKey: k.ID, jwk.AlgorithmKey: jwa.SignatureAlgorithm(k.Algorithm), jwk.KeyUsageKey: "sig",
		jwk.KeyOpsKey: jwk.KeyOperationList{jwk.KeyOpVerify},
	} {
		if err := public.Set(name, value); err != nil {
			return nil, fmt.Errorf("make jwk: %w", err)
		}
	}
	return public, nil
}
