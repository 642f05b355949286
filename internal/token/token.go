// Package token signs and verifies the JWTs of projects: ES256, RS256, EdDSA and HS256 with the project's own keys, and HS256
// with its legacy secret.
package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
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
	ErrFuture    = errors.New("token was issued in the future")
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
	// KeyID is the id of the project's own key, or "" for the legacy secret.
	KeyID string
	// Expires and IssuedAt are zero when the token has no exp, or no iat.
	Expires, IssuedAt time.Time
}

// Verifier verifies the tokens of one project. It is safe for concurrent use.
type Verifier struct {
	keys   map[string]held
	legacy held
}

// held is a key that verifies one algorithm.
type held struct {
	algorithm string
	key       any
	verifier  jws.Verifier
}

func hold(algorithm string, key any) held {
	verifier, err := jws.NewVerifier(jwa.SignatureAlgorithm(algorithm))
	if err != nil { // Generate and ParseKey make no keys of other algorithms
		return held{}
	}
	return held{algorithm, key, verifier}
}

// NewVerifier makes a verifier of the given keys. An empty legacy secret accepts no token without a key's id.
func NewVerifier(keys []Key, legacy []byte) *Verifier {
	v := &Verifier{keys: make(map[string]held, len(keys))}
	for _, k := range keys {
		v.keys[k.ID] = hold(k.Algorithm, k.verifying())
	}
	if len(legacy) > 0 {
		v.legacy = hold(HS256, legacy)
	}
	return v
}

// Verify checks the signature, exp, nbf and iat. The header's kid names the project's own key, or without one the key is the
// legacy secret; the key alone decides the algorithm, and nothing else in the header brings a key.
func (v *Verifier) Verify(compact string, now time.Time) (*Verified, error) {
	cut := strings.LastIndexByte(compact, '.')
	if cut < 0 {
		return nil, ErrMalformed
	}
	first, payload, ok := strings.Cut(compact[:cut], ".")
	if !ok || strings.IndexByte(payload, '.') >= 0 {
		return nil, ErrMalformed
	}
	h, err := parseHeader(first)
	if err != nil {
		return nil, err
	}
	claims, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return nil, ErrMalformed
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(compact[cut+1:])
	if err != nil {
		return nil, ErrMalformed
	}
	key, err := v.find(h)
	if err != nil {
		return nil, err
	}
	if len(signature) == 0 || key.verifier.Verify([]byte(compact[:cut]), signature, key.key) != nil {
		return nil, ErrSignature
	}
	return decode(claims, h.KeyID, now)
}

// header is what counts of a token's header. Keys that it brings or links (jwk, jku, x5c, x5u) are not looked at.
type header struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	Critical  json.RawMessage `json:"crit"`
	Encoded   json.RawMessage `json:"b64"`
}

func parseHeader(encoded string) (header, error) {
	var h header
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || json.Unmarshal(raw, &h) != nil || h.Algorithm == "" {
		return h, ErrMalformed
	}
	if h.Critical != nil || h.Encoded != nil { // extensions that must be understood, and none is
		return h, ErrMalformed
	}
	return h, nil
}

// find returns the key that a header names, if it is of the header's algorithm.
func (v *Verifier) find(h header) (held, error) {
	switch h.Algorithm {
	case ES256, RS256, EdDSA, HS256:
	default:
		if strings.EqualFold(h.Algorithm, "none") {
			return held{}, ErrUnsigned
		}
		return held{}, ErrAlgorithm
	}
	key := v.legacy
	if h.KeyID != "" {
		key = v.keys[h.KeyID]
	}
	switch {
	case key.verifier == nil:
		return held{}, ErrKey
	case key.algorithm != h.Algorithm:
		return held{}, ErrAlgorithm
	}
	return key, nil
}

func decode(payload []byte, keyID string, now time.Time) (*Verified, error) {
	out := &Verified{JSON: payload, KeyID: keyID}
	if err := json.Unmarshal(payload, &out.Claims); err != nil || out.Claims == nil {
		return nil, ErrClaims
	}
	// By their exact names, as Postgres reads them.
	for claim, to := range map[string]*string{"role": &out.Role, "sub": &out.Subject, "session_id": &out.SessionID} {
		value, ok := out.Claims[claim]
		if !ok || value == nil {
			continue
		}
		if *to, ok = value.(string); !ok {
			return nil, &ClaimError{claim}
		}
	}
	var notBefore time.Time
	for claim, to := range map[string]*time.Time{"exp": &out.Expires, "nbf": &notBefore, "iat": &out.IssuedAt} {
		value, ok := out.Claims[claim]
		if !ok || value == nil {
			continue
		}
		seconds, ok := value.(float64)
		if !ok {
			return nil, &ClaimError{claim}
		}
		*to = instant(seconds)
	}
	switch latest := now.Add(Leeway); {
	case !out.Expires.IsZero() && !now.Before(out.Expires):
		return nil, ErrExpired
	case latest.Before(notBefore):
		return nil, ErrNotYet
	case latest.Before(out.IssuedAt):
		return nil, ErrFuture
	}
	if err := out.readAudience(); err != nil {
		return nil, err
	}
	return out, nil
}

// instant is a time in seconds since 1970, to the microsecond. What no time can be is as far away as times go.
func instant(seconds float64) time.Time {
	const most = 1 << 40 // the year 36812
	return time.UnixMicro(int64(min(max(seconds, -most), most) * 1e6))
}

func (v *Verified) readAudience() error {
	switch audience := v.Claims["aud"].(type) {
	case nil:
	case string:
		v.Audience = []string{audience}
	case []any:
		for _, one := range audience {
			text, ok := one.(string)
			if !ok {
				return &ClaimError{"aud"}
			}
			v.Audience = append(v.Audience, text)
		}
	default:
		return &ClaimError{"aud"}
	}
	return nil
}
