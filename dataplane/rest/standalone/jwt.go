package standalone

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

const (
	// minSecret is the least length of a passphrase, in bytes.
	minSecret = 32
	// maxToken bounds what is looked at.
	maxToken = 32 << 10
	// leeway is how far clocks may differ, in seconds.
	leeway = 30
)

// verifier checks tokens and tells whose they are.
type verifier struct {
	keys     []verifyKey
	anon     string
	audience string
	path     *claimPath
	now      func() time.Time
	// verified remembers claims of tokens whose signature was right, by the token's hash; nil for no memory.
	verified *lru.Cache[[sha256.Size]byte, map[string]any]
}

// verifyKey is one key, and the algorithms that it may be used with.
type verifyKey struct {
	id         string
	algorithms []jwa.SignatureAlgorithm
	key        any
}

// identity is whom a request runs as.
type identity struct {
	role string
	// claims is a JSON object, the role included.
	claims []byte
}

// newVerifier makes a verifier. Its error completes a sentence that begins with the setting's name.
func newVerifier(c *Config, now func() time.Time) (*verifier, error) {
	if now == nil {
		now = time.Now
	}
	v := &verifier{anon: c.AnonRole, audience: c.Audience, path: c.RoleClaim, now: now}
	if c.TokenCache > 0 {
		v.verified, _ = lru.New[[sha256.Size]byte, map[string]any](c.TokenCache)
	}
	secret := c.JWTSecret.Reveal()
	if secret == "" {
		return v, nil
	}
	if strings.HasPrefix(strings.TrimSpace(secret), "{") && json.Valid([]byte(secret)) && !c.JWTBase64 {
		keys, err := parseKeys([]byte(secret))
		v.keys = keys
		return v, err
	}
	raw := []byte(secret)
	if c.JWTBase64 {
		var err error
		plain := strings.TrimRight(strings.NewReplacer("_", "/", "-", "+", ".", "=").Replace(secret), "=")
		if raw, err = base64.RawStdEncoding.DecodeString(plain); err != nil {
			return nil, errors.New("is not base64, as jwt-secret-is-base64 says")
		}
	}
	if len(raw) < minSecret {
		return nil, errors.New("is too short: The JWT secret must be at least 32 characters long")
	}
	v.keys = []verifyKey{{algorithms: []jwa.SignatureAlgorithm{jwa.HS256}, key: raw}}
	return v, nil
}

// parseKeys reads a JWK or a JWKS.
func parseKeys(text []byte) ([]verifyKey, error) {
	var known struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &known); err != nil || known.Keys == nil {
		known.Keys = []json.RawMessage{text}
	}
	var out []verifyKey
	for _, one := range known.Keys {
		key, err := jwk.ParseKey(one)
		if err != nil {
			return nil, errors.New("holds a key that cannot be read: it must be a JWK or a JWKS")
		}
		k := verifyKey{id: key.KeyID()}
		if public, err := key.PublicKey(); err == nil {
			key = public
		}
		if err := key.Raw(&k.key); err != nil {
			return nil, errors.New("holds a key that cannot be used: it must be a JWK or a JWKS")
		}
		k.algorithms = algorithmsOf(key)
		if len(k.algorithms) == 0 {
			return nil, fmt.Errorf("holds a key of the type %q, which cannot verify tokens", key.KeyType())
		}
		if named := key.Algorithm(); named != nil && named.String() != "" {
			k.algorithms = slices.DeleteFunc(k.algorithms, func(a jwa.SignatureAlgorithm) bool { return a.String() != named.String() })
		}
		out = append(out, k)
	}
	return out, nil
}

func algorithmsOf(key jwk.Key) []jwa.SignatureAlgorithm {
	switch key.KeyType() {
	case jwa.OctetSeq:
		return []jwa.SignatureAlgorithm{jwa.HS256, jwa.HS384, jwa.HS512}
	case jwa.RSA:
		return []jwa.SignatureAlgorithm{jwa.RS256, jwa.RS384, jwa.RS512, jwa.PS256, jwa.PS384, jwa.PS512}
	case jwa.EC:
		if curve, ok := key.Get("crv"); ok {
			switch curve {
			case jwa.P256:
				return []jwa.SignatureAlgorithm{jwa.ES256}
			case jwa.P384:
				return []jwa.SignatureAlgorithm{jwa.ES384}
			case jwa.P521:
				return []jwa.SignatureAlgorithm{jwa.ES512}
			}
		}
	case jwa.OKP:
		if curve, ok := key.Get("crv"); ok && curve == jwa.Ed25519 {
			return []jwa.SignatureAlgorithm{jwa.EdDSA}
		}
	}
	return nil
}

// refuse makes the answer to a token that does not do.
func refuse(code, message, details string) *query.Error {
	e := &query.Error{Status: http.StatusUnauthorized, Code: code, Message: message, Header: http.Header{}}
	if details != "" {
		e.Details = details
	}
	e.Header.Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="`+strings.ReplaceAll(message, `"`, `'`)+`"`)
	return e
}

// identify tells whom a request runs as by its header Authorization. Its errors are *query.Error.
func (v *verifier) identify(authorization string) (identity, error) {
	claims := map[string]any{}
	scheme, token, _ := strings.Cut(authorization, " ")
	if strings.EqualFold(scheme, "bearer") {
		var err error
		if claims, err = v.verify(strings.TrimSpace(token)); err != nil {
			return identity{}, err
		}
	}
	role, ok := v.path.find(claims)
	if !ok {
		role = v.anon
	}
	if role == "" {
		e := refuse("PGRST302", "Anonymous access is disabled", "")
		e.Header.Set("WWW-Authenticate", "Bearer")
		return identity{}, e
	}
	if role == "none" { // Postgres takes it for the login itself
		e := refuse("22023", `role "none" does not exist`, "")
		e.Header.Del("WWW-Authenticate")
		return identity{}, e
	}
	// The claims are the cache's too.
	own := make(map[string]any, len(claims)+1)
	for name, value := range claims {
		own[name] = value
	}
	own["role"] = role
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(own); err != nil {
		return identity{}, refuse("PGRST303", "Parsing claims failed", "")
	}
	return identity{role: role, claims: bytes.TrimRight(text.Bytes(), "\n")}, nil
}

// verify returns a token's claims when its signature and its times are right.
func (v *verifier) verify(token string) (map[string]any, error) {
	if len(v.keys) == 0 {
		return nil, &query.Error{Status: http.StatusInternalServerError, Code: "PGRST300", Message: "Server lacks JWT secret"}
	}
	if token == "" {
		return nil, refuse("PGRST301", "Empty JWT is sent in Authorization header", "")
	}
	if parts := strings.Count(token, ".") + 1; parts != 3 {
		return nil, refuse("PGRST301", fmt.Sprintf("Expected 3 parts in JWT; got %d", parts), "")
	}
	if len(token) > maxToken {
		return nil, refuse("PGRST301", "JWT couldn't be decoded", "")
	}
	var hash [sha256.Size]byte
	if v.verified != nil {
		hash = sha256.Sum256([]byte(token))
		if claims, ok := v.verified.Get(hash); ok {
			return claims, v.valid(claims)
		}
	}
	payload, err := v.open(token)
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	if err := d.Decode(&claims); err != nil || claims == nil || d.More() {
		return nil, refuse("PGRST303", "Parsing claims failed", "")
	}
	if v.verified != nil {
		v.verified.Add(hash, claims)
	}
	return claims, v.valid(claims)
}

// open returns a token's payload when one of the keys made its signature.
func (v *verifier) open(token string) ([]byte, error) {
	var header struct {
		Algorithm string          `json:"alg"`
		ID        string          `json:"kid"`
		Critical  json.RawMessage `json:"crit"`
	}
	encoded, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || json.Unmarshal(text, &header) != nil || header.Critical != nil {
		return nil, refuse("PGRST301", "JWT couldn't be decoded", "")
	}
	algorithm := jwa.SignatureAlgorithm(header.Algorithm)
	if algorithm == jwa.NoSignature {
		return nil, refuse("PGRST301", "Wrong or unsupported encoding algorithm", "JWT is unsecured but expected 'alg' was not 'none'")
	}
	details := "No suitable key was found to decode the JWT"
	for _, k := range v.keys {
		if header.ID != "" && header.ID != k.id || !slices.Contains(k.algorithms, algorithm) {
			continue
		}
		details = "None of the keys was able to decode the JWT"
		if payload, err := jws.Verify([]byte(token), jws.WithKey(algorithm, k.key)); err == nil {
			return payload, nil
		}
	}
	return nil, refuse("PGRST301", "No suitable key or wrong key type", details)
}

// valid judges the claims that say when and for whom a token is.
func (v *verifier) valid(claims map[string]any) error {
	now := float64(v.now().Unix())
	times := []struct {
		claim, message string
		wrong          func(at float64) bool
	}{
		{"exp", "JWT expired", func(at float64) bool { return now-leeway > at }},
		{"nbf", "JWT not yet valid", func(at float64) bool { return now+leeway < at }},
		{"iat", "JWT issued at future", func(at float64) bool { return now+leeway < at }},
	}
	for _, t := range times {
		value, ok := claims[t.claim]
		if !ok || value == nil {
			continue
		}
		number, ok := value.(json.Number)
		at, err := number.Float64()
		if !ok || err != nil {
			return refuse("PGRST303", "The JWT '"+t.claim+"' claim must be a number", "")
		}
		if t.wrong(at) {
			return refuse("PGRST303", t.message, "")
		}
	}
	return v.meant(claims["aud"])
}

// meant checks the claim aud against the configured audience, if there is one.
func (v *verifier) meant(aud any) error {
	const wrongType = "The JWT 'aud' claim must be a string or an array of strings"
	switch aud := aud.(type) {
	case nil:
		return nil
	case string:
		if v.audience == "" || aud == v.audience {
			return nil
		}
	case []any:
		found := len(aud) == 0 || v.audience == ""
		for _, one := range aud {
			s, ok := one.(string)
			if !ok {
				return refuse("PGRST303", wrongType, "")
			}
			found = found || s == v.audience
		}
		if found {
			return nil
		}
	default:
		return refuse("PGRST303", wrongType, "")
	}
	return refuse("PGRST303", "JWT not in audience", "")
}
