package gateway

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/token"
)

// Bounds of the tokens that are remembered as good.
const (
	maxTokens     = 16_384
	maxTokenSize  = 16 << 10 // of any token
	maxKeptSize   = 4 << 10  // of a token that is remembered
	tokenShards   = 8
	audMeta       = "meta"
	roleDeveloper = "developer"
)

// verified is a bearer token that was found good.
type verified struct {
	role, subject, session string
	claims                 json.RawMessage
	// own says that it is signed with one of the project's own keys, not with the legacy secret.
	own       bool
	developer bool
	expires   time.Time
	issued    time.Time
}

// user reports whether the token is a user's, of whom a session can be ended.
func (v *verified) user() bool { return v.subject != "" || v.session != "" }

// legacyKey reports whether the token is one of the two that count as API keys.
func (v *verified) legacyKey() bool {
	return !v.own && v.subject == "" && (v.role == roleAnon || v.role == roleService)
}

// tokens remembers verified tokens by the hash of the token and the project's revision: a change of the project, of its
// keys too, forgets all of its tokens.
type tokens struct {
	shards [tokenShards]*lru.Cache[[sha256.Size]byte, *verified]
}

func newTokens() *tokens {
	t := &tokens{}
	for i := range t.shards {
		t.shards[i], _ = lru.New[[sha256.Size]byte, *verified](maxTokens / tokenShards)
	}
	return t
}

func (t *tokens) size() int {
	n := 0
	for _, s := range t.shards {
		n += s.Len()
	}
	return n
}

// verify finds a token good, or says why not with one of package token's errors.
func (t *tokens) verify(p *directory.Project, compact string, now time.Time) (*verified, error) {
	if len(compact) > maxTokenSize {
		return nil, token.ErrMalformed
	}
	var hash [sha256.Size]byte
	kept := len(compact) <= maxKeptSize
	if kept {
		hash = tokenHash(p, compact)
		shard := t.shards[hash[0]%tokenShards]
		if v, ok := shard.Get(hash); ok {
			if v.expires.IsZero() || now.Before(v.expires) {
				return v, nil
			}
			shard.Remove(hash)
			return nil, token.ErrExpired
		}
	}
	found, err := p.Verifier.Verify(compact, now)
	if err != nil {
		return nil, err
	}
	if isIDToken(found) {
		return nil, &token.ClaimError{Claim: "aud"}
	}
	v := &verified{
		role: found.Role, subject: found.Subject, session: found.SessionID, claims: found.JSON,
		own: found.KeyID != "", expires: found.Expires, issued: found.IssuedAt,
	}
	v.developer = v.own && v.role == roleDeveloper && v.subject != "" && slices.Contains(found.Audience, audMeta)
	if kept {
		t.shards[hash[0]%tokenShards].Add(hash, v)
	}
	return v, nil
}

// isIDToken tells a token that says to another app who signed in there: it opens nothing here. Access tokens have a role, or are for the project itself.
func isIDToken(t *token.Verified) bool {
	return t.KeyID != "" && t.Role == "" && len(t.Audience) > 0 && !slices.Contains(t.Audience, roleAuthenticated)
}

func tokenHash(p *directory.Project, compact string) [sha256.Size]byte {
	var space [maxKeptSize + 64]byte
	b := append(space[:0], p.Ref...)
	b = append(b, '/')
	b = strconv.AppendInt(b, p.Revision, 10)
	b = append(b, '/')
	b = append(b, compact...)
	return sha256.Sum256(b)
}

// refuseToken says in words why a bearer token is not accepted, for REST in PostgREST's.
func refuseToken(err error, bearer string) refusal {
	const noKey = "No suitable key or wrong key type"
	var claim *token.ClaimError
	switch {
	case errors.Is(err, token.ErrExpired):
		return tokenRefused("TOKEN_EXPIRED", "JWT expired", restWords{code: "PGRST303", message: "JWT expired"})
	case errors.Is(err, token.ErrNotYet):
		return tokenRefused("TOKEN_NOT_YET_VALID", "JWT not yet valid", restWords{code: "PGRST303", message: "JWT not yet valid"})
	case errors.Is(err, token.ErrFuture):
		return tokenRefused("TOKEN_NOT_YET_VALID", "JWT issued at future", restWords{code: "PGRST303", message: "JWT issued at future"})
	case errors.Is(err, token.ErrUnsigned):
		return tokenRefused("TOKEN_INVALID", noKey, restWords{"PGRST301", "Wrong or unsupported encoding algorithm", "JWT is unsecured but expected 'alg' was not 'none'"})
	case errors.Is(err, token.ErrSignature):
		return tokenRefused("TOKEN_INVALID", "JWT signature does not match", restWords{"PGRST301", noKey, "None of the keys was able to decode the JWT"})
	case errors.Is(err, token.ErrKey), errors.Is(err, token.ErrAlgorithm):
		return tokenRefused("TOKEN_INVALID", noKey, restWords{"PGRST301", noKey, "None of the keys was able to decode the JWT"})
	case errors.As(err, &claim) && (claim.Claim == "exp" || claim.Claim == "nbf" || claim.Claim == "iat"):
		return tokenRefused("TOKEN_INVALID", "JWT claims are malformed", restWords{code: "PGRST303", message: "The JWT '" + claim.Claim + "' claim must be a number"})
	case errors.Is(err, token.ErrClaims):
		return tokenRefused("TOKEN_INVALID", "JWT claims are malformed", restWords{code: "PGRST303", message: "Parsing claims failed"})
	}
	words := restWords{code: "PGRST301", message: "JWT couldn't be decoded"}
	if parts := strings.Count(bearer, ".") + 1; parts != 3 {
		words.message = "Expected 3 parts in JWT; got " + strconv.Itoa(parts)
	}
	return tokenRefused("TOKEN_INVALID", "JWT is malformed", words)
}
