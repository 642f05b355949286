package provider

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/wayli-app/fluxbase/dataplane/auth/provider/catalog"
	"github.com/wayli-app/fluxbase/dataplane/auth/provider/remote"
)

// algorithms sign ID tokens: those with a public key. An ID token without a signature, or with the client secret as its key, is refused.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}

// maxIDToken bounds an ID token.
const maxIDToken = 32 << 10

var (
	errAudience = errors.New("the ID token is for another client")
	errNonce    = errors.New("the ID token has another nonce")
)

// verified is an ID token whose signature, issuer, audience and times are right.
type verified struct {
	*oidc.IDToken
	claims catalog.Raw
}

// verify checks an ID token, but for its nonce.
func (s *Service) verify(ctx context.Context, ref string, p *configured, raw string) (*verified, error) {
	if len(raw) > maxIDToken {
		return nil, errors.New("the ID token is too large")
	}
	accepted, keys, ref, err := p.accepts(ref, raw)
	if err != nil {
		return nil, err
	}
	// The issuer is compared below, since some have two names.
	verifier := oidc.NewVerifier(accepted[0], s.issuers.KeySet(ref, keys),
		&oidc.Config{SkipClientIDCheck: true, SkipIssuerCheck: true, SupportedSigningAlgs: algorithms, Now: s.d.Now})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	out := &verified{IDToken: token}
	var payload json.RawMessage
	if err := token.Claims(&payload); err != nil {
		return nil, err
	}
	if out.claims, err = remote.Decode(payload); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(accepted, token.Issuer):
		return nil, fmt.Errorf("the ID token is of the issuer %q, not %q", remote.Printable(token.Issuer), accepted[0])
	case !p.ours(out):
		return nil, errAudience
	case !usable(token.Subject):
		return nil, errors.New("the ID token names no usable subject")
	}
	return out, nil
}

// accepts tells which issuers' tokens are taken, and where their keys are. What the unverified token says only chooses among tenants.
func (p *configured) accepts(ref, raw string) (issuers []string, keys, cachedFor string, err error) {
	if !p.OIDC.Tenants {
		return p.OIDC.Issuers, p.OIDC.Keys, p.ChosenBy, nil
	}
	tenant := p.tenant
	if tenant == "" {
		if tenant = catalog.Tenant(issuerOf(raw)); tenant == "" {
			return nil, "", "", errors.New("the ID token is of no tenant of Microsoft")
		}
	}
	return []string{catalog.TenantIssuer(tenant)}, catalog.TenantKeys(tenant), ref, nil
}

// ours tells whether a token is for one of the project's clients. A token for several must have been asked for by one of ours.
func (p *configured) ours(t *verified) bool {
	if !slices.ContainsFunc(t.Audience, func(a string) bool { return slices.Contains(p.ClientIDs, a) }) {
		return false
	}
	by := t.claims.String("azp")
	return len(t.Audience) == 1 || by == "" || slices.Contains(p.ClientIDs, by)
}

// issuerOf reads the claim iss of a token that was not verified.
func issuerOf(raw string) string {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.Issuer
}

// usable tells whether a subject can be kept.
func usable(subject string) bool {
	return subject != "" && len(subject) <= 255 && strings.IndexFunc(subject, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\uFFFD' }) < 0
}

// nonceOf is the nonce that goes with a code verifier, which browsers never see: an ID token with it was asked for by the same flow.
func nonceOf(verifier string) string {
	sum := sha256.Sum256([]byte("nonce " + verifier))
	return hex.EncodeToString(sum[:])
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
