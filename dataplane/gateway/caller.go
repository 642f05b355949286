package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/limit"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/scope"
	"github.com/wayli-app/fluxbase/internal/token"
)

// The request roles.
const (
	roleAnon          = "anon"
	roleAuthenticated = "authenticated"
	roleService       = "service_role"
)

var (
	claimsAnon    = json.RawMessage(`{"role":"anon"}`)
	claimsService = json.RawMessage(`{"role":"service_role"}`)
)

// credentials are what a request shows: an API key, a bearer token, both or neither.
type credentials struct{ key, bearer string }

const keyPrefix = "fbk_"

// readCredentials takes the key out of the query, where a service would take it for one of its own parameters. When
// header and query name a key, the header's counts.
func readCredentials(r *http.Request) credentials {
	var c credentials
	if strings.Contains(r.URL.RawQuery, "apikey=") {
		c.key, r.URL.RawQuery = cutParameter(r.URL.RawQuery, "apikey")
	}
	if header := r.Header.Get("Apikey"); header != "" {
		c.key = header
	}
	// Other schemes, as S3's signatures and OAuth's client secrets, are for the services themselves.
	const scheme = "bearer "
	if header := r.Header.Get("Authorization"); len(header) > len(scheme) && strings.EqualFold(header[:len(scheme)], scheme) {
		c.bearer = strings.TrimSpace(header[len(scheme):])
	}
	return c
}

// cutParameter returns the first value of a parameter, and the query without any.
func cutParameter(query, name string) (value, rest string) {
	found := false
	kept := make([]string, 0, 8)
	for part := range strings.SplitSeq(query, "&") {
		key, v, _ := strings.Cut(part, "=")
		if key != name {
			kept = append(kept, part)
			continue
		}
		if unescaped, err := url.QueryUnescape(v); err == nil && !found {
			value, found = unescaped, true
		}
	}
	return value, strings.Join(kept, "&")
}

// apiKey is a key that was found good. The zero key is none.
type apiKey struct {
	// id is that of a publishable or secret key, or "legacy/" and the role.
	id, role string
	claims   json.RawMessage
	legacy   bool
	scopes   scope.Set
	// perSecond is the key's own limit; zero is none.
	perSecond int
}

func (k apiKey) caller() projectdb.Caller { return projectdb.Caller{Role: k.role, Claims: k.claims} }

// runsSQL tells that the key was given the scope sql:run. A key without scopes was not: it does what secret keys always did.
func (k apiKey) runsSQL() bool {
	return k.role == roleService && k.scopes.Bounded() && k.scopes.Has(scope.SQLRun)
}

// rate is the tighter of the key's own limit and that of every key of the project.
func (k apiKey) rate(l directory.Limits) limit.Rate {
	most := l.RequestsPerSecondPerKey
	if k.perSecond > 0 && (most == 0 || k.perSecond < most) {
		most = k.perSecond
	}
	return limit.Rate{PerSecond: float64(most)}
}

// lookupKey finds a key of the project: a publishable or secret one by its hash, or one of the two legacy JWTs.
func (g *Gateway) lookupKey(p *directory.Project, value string, now time.Time) (apiKey, *refusal) {
	if strings.HasPrefix(value, keyPrefix) {
		var space [64]byte // a key fits, and no garbage is made
		k, ok := p.Keys[sha256.Sum256(append(space[:0], value...))]
		if !ok {
			return apiKey{}, &errKeyInvalid
		}
		if !k.Expires.IsZero() && !now.Before(k.Expires) {
			return apiKey{}, &errKeyExpired
		}
		found := apiKey{id: k.ID, role: k.Role, scopes: k.Scopes, perSecond: k.RequestsPerSecond}
		switch k.Role {
		case roleAnon:
			found.claims = claimsAnon
		case roleService:
			found.claims = claimsService
		default:
			return apiKey{}, &errKeyInvalid
		}
		return found, nil
	}
	v, err := g.tokens.verify(p, value, now)
	switch {
	case errors.Is(err, token.ErrExpired):
		return apiKey{}, &errKeyExpired
	case err != nil || !v.legacyKey():
		return apiKey{}, &errKeyInvalid
	}
	return legacyKey(v), nil
}

func legacyKey(v *verified) apiKey {
	return apiKey{id: "legacy/" + v.role, role: v.role, claims: v.claims, legacy: true}
}

// key finds the API key that a request shows, as such or as its bearer token. It is the zero key when there is none.
func (g *Gateway) key(p *directory.Project, c credentials, now time.Time) (apiKey, *refusal) {
	var shown apiKey
	if c.key != "" {
		var no *refusal
		if shown, no = g.lookupKey(p, c.key, now); no != nil {
			return apiKey{}, no
		}
	}
	if c.bearer != c.key && strings.HasPrefix(c.bearer, keyPrefix) { // a bearer that is a key counts as that key
		return g.lookupKey(p, c.bearer, now)
	}
	return shown, nil
}

// findKey is key for a request. When it shows a key that the project's snapshot does not know, the newest snapshot is
// looked at, because the key may just have been made, unless the client's address shows too many that nobody knows.
func (x *exchange) findKey(ctx context.Context, c credentials) (apiKey, *refusal) {
	key, no := x.g.key(x.project, c, x.began)
	if no != &errKeyInvalid || x.g.guessers.Wait(x.client) > 0 {
		return key, no
	}
	for _, value := range []string{c.key, c.bearer} {
		if !id.ValidKey(value) {
			continue
		}
		hash := sha256.Sum256([]byte(value))
		if _, known := x.project.Keys[hash]; known {
			continue
		}
		x.project = x.g.projects.WithKey(ctx, x.project, hash)
		if _, known := x.project.Keys[hash]; !known {
			x.g.guessers.Charge(x.client)
		}
	}
	return x.g.key(x.project, c, x.began)
}

// keepGood leaves of what is shown at an open path what is good there. Nothing is refused for a key or token that is not: it is not needed.
func (x *exchange) keepGood(c credentials, path string) credentials {
	key, no := x.g.key(x.project, c, x.began)
	if no != nil {
		return credentials{}
	}
	if _, key, no = x.g.identify(x.project, c, key, OpenAccess, x.began); no != nil {
		return credentials{}
	}
	if outOfScope(key, x.service, x.r.Method, path) != nil {
		return credentials{}
	}
	return c
}

// identify decides who calls: the bearer token says so, or without one the key. A bearer token that is not good is
// refused whatever the key.
func (g *Gateway) identify(p *directory.Project, c credentials, k apiKey, access Access, now time.Time) (projectdb.Caller, apiKey, *refusal) {
	var none projectdb.Caller
	if c.bearer == "" || c.bearer == c.key || strings.HasPrefix(c.bearer, keyPrefix) {
		switch {
		case access == DeveloperAccess && k.runsSQL():
			c := k.caller()
			c.Developer = "key/" + k.id
			return c, k, nil
		case access == DeveloperAccess:
			return none, k, &errDeveloperOnly
		case k.id != "":
			return k.caller(), k, nil
		case access.needsKey() || access == EitherAccess:
			return none, k, &errKeyMissing
		}
		return projectdb.Caller{Role: roleAnon, Claims: claimsAnon}, k, nil
	}
	v, err := g.tokens.verify(p, c.bearer, now)
	if err != nil {
		no := refuseToken(err, c.bearer)
		if k.id == "" && access.needsKey() && errors.Is(err, token.ErrMalformed) {
			no = errKeyMissing
		}
		return none, k, &no
	}
	if k.id == "" && v.legacyKey() {
		k = legacyKey(v)
	}
	switch {
	case access == DeveloperAccess && !v.developer:
		return none, k, &errDeveloperOnly
	case access == DeveloperAccess:
		return projectdb.Caller{Role: roleService, Claims: v.claims, Subject: v.subject, Developer: v.subject}, k, nil
	case access.developers() && v.developer: // an account of the console, and no user of the project
		return projectdb.Caller{Role: roleService, Claims: claimsService, Developer: v.subject}, k, nil
	}
	role := v.role
	if role == "" { // it says who, and claims no more than anyone may
		role = roleAnon
	}
	if role != roleAuthenticated && role != roleAnon && role != roleService {
		no := tokenRefused("TOKEN_ROLE", "JWT role is not accepted", restWords{code: "PGRST301", message: "JWT role is not accepted"})
		return none, k, &no
	}
	if k.id == "" && access.needsKey() {
		return none, k, &errKeyMissing
	}
	if g.revocations != nil && v.user() && g.revocations.Revoked(p.Ref, v.session, v.subject, v.issued) {
		return none, k, &errRevoked
	}
	return projectdb.Caller{Role: role, Claims: v.claims, Subject: v.subject, SessionID: v.session}, k, nil
}

// Caller is whose a JWT of the project is, for protocols that carry it in places of their own. It is judged as a bearer token is; API keys, which have
// scopes and limits, are none.
func (g *Gateway) Caller(_ context.Context, p *directory.Project, jwt string) (projectdb.Caller, error) {
	if jwt == "" || strings.HasPrefix(jwt, keyPrefix) {
		return projectdb.Caller{}, fault.New(fault.Denied, "INVALID_TOKEN", "The session token is no access token of a user.")
	}
	caller, _, no := g.identify(p, credentials{bearer: jwt}, apiKey{}, BearerAccess, g.now())
	if no != nil {
		return projectdb.Caller{}, fault.New(fault.Denied, "INVALID_TOKEN", "The session token is refused: %s", no.message)
	}
	return caller, nil
}
