// Package token signs and verifies the JWTs of projects: ES256 with the project's own keys, HS256 with its legacy
// secret.
package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// Reasons for which Verify refuses.
var (
	ErrMalformed = errors.New("token is not a JWT")
	ErrAlgorithm = errors.New("token's algorithm is not accepted")
	ErrKey       = errors.New("token is signed with an unknown key")
	ErrSignature = errors.New("token's signature does not match")
	ErrExpired   = errors.New("token has expired")
	ErrNotYet    = errors.New("token is not valid yet")
	ErrClaims    = errors.New("token's claims are not of the right types")
	// ErrUnsigned is an ErrAlgorithm.
	ErrUnsigned = fmt.Errorf("%w: it has no signature", ErrAlgorithm)
)

// ClaimError is an ErrClaims that names the claim.
type ClaimError struct{ Claim string }

func (e *ClaimError) Error() string { return ErrClaims.Error() + ": " + e.Claim }

// Is makes it an ErrClaims.
func (*ClaimError) Is(target error) bool { return target == ErrClaims }

// Leeway is how far clocks may differ, for the claims nbf and iat.
const Leeway = 30 * time.Second

// Key is an ES256 key pair.
type Key struct {
	ID      string
	Private *ecdsa.PrivateKey
}

// NewKey makes an ES256 key pair.
func NewKey(id string) (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("make signing key: %w", err)
	}
	return Key{ID: id, Private: private}, nil
}

// MarshalPrivate encodes the private key as PKCS #8 DER.
func (k Key) MarshalPrivate() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.Private) }

// ParseKey reads what MarshalPrivate wrote.
func ParseKey(id string, der []byte) (Key, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return Key{}, fmt.Errorf("parse signing key %s: %w", id, err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return Key{}, fmt.Errorf("signing key %s is not on P-256", id)
	}
	return Key{ID: id, Private: private}, nil
}

// Sign makes a token with the key's id in its header.
func (k Key) Sign(claims map[string]any) (string, error) {
	headers := jws.NewHeaders()
	if err := headers.Set(jws.KeyIDKey, k.ID); err != nil {
		return "", err
	}
	return sign(claims, headers, jws.WithKey(jwa.ES256, k.Private, jws.WithProtectedHeaders(headers)))
}

// SignLegacy makes a token with the project's HS256 secret.
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

// JWKS encodes the public halves of keys as a JSON Web Key Set (RFC 7517).
func JWKS(keys []Key) ([]byte, error) {
	set := jwk.NewSet()
	for _, k := range keys {
		public, err := jwk.FromRaw(k.Private.Public())
		if err != nil {
			return nil, fmt.Errorf("make jwk: %w", err)
		}
		for name, value := range map[string]any{jwk.KeyIDKey: k.ID, jwk.AlgorithmKey: jwa.ES256, jwk.KeyUsageKey: "sig", jwk.KeyOpsKey: jwk.KeyOperationList{jwk.KeyOpVerify}} {
			if err := public.Set(name, value); err != nil {
				return nil, err
			}
		}
		if err := set.AddKey(public); err != nil {
			return nil, err
		}
	}
	return json.Marshal(set)
}

// Verified is a token whose signature and times were found good.
type Verified struct {
	// JSON is the claims as signed.
	JSON json.RawMessage
	// Claims is JSON decoded.
	Claims map[string]any
	// Role, Subject and SessionID are the claims role, sub and session_id, or "".
	Role, Subject, SessionID string
	// Audience is the claim aud; a single string is a list of one.
	Audience []string
	// KeyID is the id of the ES256 key, or "" for the legacy secret.
	KeyID string
	// Expires is zero when the token has no exp.
	Expires time.Time
}

// Verifier verifies the tokens of one project. It is safe for concurrent use.
type Verifier struct {
	keys   map[string]*ecdsa.PublicKey
	legacy []byte
}

// NewVerifier makes a verifier of the given keys. An empty legacy secret accepts no HS256 token.
func NewVerifier(keys []Key, legacy []byte) *Verifier {
	v := &Verifier{keys: make(map[string]*ecdsa.PublicKey, len(keys)), legacy: legacy}
	for _, k := range keys {
		v.keys[k.ID] = &k.Private.PublicKey
	}
	return v
}

// Verify checks the signature, exp and nbf. The algorithm decides the kind of key: an ES256 token must name a
// known kid, an HS256 token is checked with the legacy secret, anything else is refused.
func (v *Verifier) Verify(compact string, now time.Time) (*Verified, error) {
	message, err := jws.ParseString(compact)
	if err != nil || len(message.Signatures()) != 1 {
		return nil, ErrMalformed
	}
	header := message.Signatures()[0].ProtectedHeaders()
	var option jws.VerifyOption
	keyID := ""
	switch header.Algorithm() {
	case jwa.ES256:
		keyID = header.KeyID()
		public, ok := v.keys[keyID]
		if !ok {
			return nil, ErrKey
		}
		option = jws.WithKey(jwa.ES256, public)
	case jwa.HS256:
		if len(v.legacy) == 0 {
			return nil, ErrKey
		}
		option = jws.WithKey(jwa.HS256, v.legacy)
	case jwa.NoSignature:
		return nil, ErrUnsigned
	default:
		return nil, ErrAlgorithm
	}
	payload, err := jws.Verify([]byte(compact), option)
	if err != nil {
		return nil, ErrSignature
	}
	return decode(payload, keyID, now)
}

func decode(payload []byte, keyID string, now time.Time) (*Verified, error) {
	out := &Verified{JSON: payload, KeyID: keyID}
	if err := json.Unmarshal(payload, &out.Claims); err != nil || out.Claims == nil {
		return nil, ErrClaims
	}
	var typed struct {
		Role      *string         `json:"role"`
		Subject   *string         `json:"sub"`
		SessionID *string         `json:"session_id"`
		Expires   *float64        `json:"exp"`
		NotBefore *float64        `json:"nbf"`
		Audience  json.RawMessage `json:"aud"`
	}
	if err := json.Unmarshal(payload, &typed); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return nil, &ClaimError{wrong.Field}
		}
		return nil, ErrClaims
	}
	if typed.Expires != nil {
		out.Expires = time.Unix(int64(*typed.Expires), 0)
		if !now.Before(out.Expires) {
			return nil, ErrExpired
		}
	}
	if typed.NotBefore != nil && now.Add(Leeway).Before(time.Unix(int64(*typed.NotBefore), 0)) {
		return nil, ErrNotYet
	}
	for from, to := range map[*string]*string{typed.Role: &out.Role, typed.Subject: &out.Subject, typed.SessionID: &out.SessionID} {
		if from != nil {
			*to = *from
		}
	}
	if len(typed.Audience) > 0 {
		var one string
		if json.Unmarshal(typed.Audience, &one) == nil {
			out.Audience = []string{one}
		} else if json.Unmarshal(typed.Audience, &out.Audience) != nil {
			return nil, ErrClaims
		}
	}
	return out, nil
}
