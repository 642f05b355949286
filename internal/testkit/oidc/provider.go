// Package oidc is an identity provider for tests: an HTTP server that speaks OAuth 2.0 and OpenID Connect as those on the internet do, with discovery,
// keys, a login form, codes with PKCE, refresh tokens and profiles. It checks its clients strictly, and misbehaves when it is told to.
package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The client that every provider knows.
const (
	ClientID     = "fluxbase-tests"
	ClientSecret = "a-secret-of-the-client"
)

// User is a person with an account at the provider.
type User struct {
	Subject string
	// Claims are what the ID token and the profile say of them: email, email_verified, name, ….
	Claims map[string]any
}

// Behaviour is how the provider differs from a good one. The zero value is a good one.
type Behaviour struct {
	// Claims replace claims of ID tokens; nil takes one out.
	Claims map[string]any
	// Algorithm signs ID tokens: "ES256" when empty, or "none", or "HS256" with the client's secret or with the public key.
	Algorithm string
	// ForeignKey signs ID tokens with a key that is not published, under the published one's name.
	ForeignKey bool
	// NoIDToken leaves the ID token out of answers, ThinIDToken all but the claims that it must have.
	NoIDToken, ThinIDToken bool
	// Profile replaces claims of the profile; nil takes one out.
	Profile map[string]any
	// Padding adds so many bytes to profiles, discovery documents and keys.
	Padding int
	// Hold makes the token endpoint wait until the channel is closed, or the client leaves.
	Hold chan struct{}
	// Discovery replaces members of the discovery document.
	Discovery map[string]any
	// RedirectToken makes the token endpoint send its callers to another address.
	RedirectToken string
	// Callback replaces parameters of the answer to the browser.
	Callback map[string]string
	// Refuse answers browsers with an error, as when a person says no.
	Refuse string
	// Tokens replaces members of the token endpoint's answer.
	Tokens map[string]any
}

// Provider is a running identity provider.
type Provider struct {
	// URL is its address and its issuer.
	URL string

	server    *httptest.Server
	mu        sync.Mutex
	key       *ecdsa.PrivateKey
	keyID     string
	users     map[string]User
	redirects []string
	codes     map[string]*grant
	access    map[string]*grant
	refresh   map[string]*grant
	behaviour Behaviour
	aliases   map[string]Endpoint
	calls     map[string]int
}

// grant is what a person let a client do.
type grant struct {
	user                User
	issuer              string
	redirect, nonce     string
	challenge, clientID string
	scope               string
	expires             time.Time
}

// New starts a provider, which ends with the test.
func New(t testing.TB) *Provider {
	t.Helper()
	p, err := Start("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// Rotate replaces the key that signs, and publishes the new one only.
func (p *Provider) Rotate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil { // never
		panic(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key, p.keyID = key, random()
}

// Add gives people accounts.
func (p *Provider) Add(users ...User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range users {
		p.users[u.Subject] = u
	}
}

// Redirects sets where browsers may be sent back to; with none, anywhere.
func (p *Provider) Redirects(addresses ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.redirects = addresses
}

// Behave changes how the provider behaves from now on.
func (p *Provider) Behave(b Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behaviour = b
}

// Calls counts the requests to a path: "/token", "/userinfo", "/keys", "/.well-known/openid-configuration".
func (p *Provider) Calls(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[path]
}

// Host is the address without its scheme.
func (p *Provider) Host() string { return strings.TrimPrefix(p.URL, "http://") }

func (p *Provider) now() Behaviour {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.behaviour
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.calls[r.URL.Path]++
	p.mu.Unlock()
	if at, ok := p.alias(r); ok {
		at(w, r)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /.well-known/openid-configuration":
		p.discovery(w)
	case "GET /keys":
		p.keys(w)
	case "GET /authorize", "POST /authorize":
		p.authorize(w, r, p.URL)
	case "POST /token":
		p.token(w, r)
	case "GET /userinfo":
		p.Userinfo(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (p *Provider) discovery(w http.ResponseWriter) {
	b := p.now()
	doc := map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"userinfo_endpoint": p.URL + "/userinfo", "scopes_supported": []string{"openid", "email", "profile"}, "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"}, "code_challenge_methods_supported": []string{"S256"}}
	write(w, http.StatusOK, replace(doc, b.Discovery), b.Padding)
}

func (p *Provider) keys(w http.ResponseWriter) {
	p.mu.Lock()
	key, id, padding := p.key.Public().(*ecdsa.PublicKey), p.keyID, p.behaviour.Padding
	p.mu.Unlock()
	point, err := key.Bytes()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	write(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id,
		"x": encode(point[1:33]), "y": encode(point[33:65])}}}, padding)
}

// PublicKey is the key that is published, as attackers know it.
func (p *Provider) PublicKey() crypto.PublicKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.key.Public()
}

func (p *Provider) allowed(redirect string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	u, err := url.Parse(redirect)
	return err == nil && u.IsAbs() && (len(p.redirects) == 0 || slices.Contains(p.redirects, redirect))
}

func replace(in, by map[string]any) map[string]any {
	out := maps.Clone(in)
	for key, value := range by {
		if value == nil {
			delete(out, key)
		} else {
			out[key] = value
		}
	}
	return out
}

func random() string {
	var b [18]byte
	_, _ = rand.Read(b[:]) // never fails
	return encode(b[:])
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
