package oidc

import (
	"crypto/sha256"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const codeLife = time.Minute

// authorize shows a form to sign in, and sends the browser back with a code. With the parameter login_hint the person of that subject is signed in at
// once.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request, issuer string) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	f, b := r.Form, p.now()
	redirect := f.Get("redirect_uri")
	switch {
	case f.Get("client_id") != ClientID || !p.allowed(redirect):
		http.Error(w, "client_id or redirect_uri is not known", http.StatusBadRequest)
		return
	case f.Get("response_type") != "code":
		answerBrowser(w, f, map[string]string{"error": "unsupported_response_type"}, b)
		return
	case f.Get("code_challenge") != "" && f.Get("code_challenge_method") != "S256":
		answerBrowser(w, f, map[string]string{"error": "invalid_request"}, b)
		return
	case b.Refuse != "":
		answerBrowser(w, f, map[string]string{"error": b.Refuse, "error_description": "The person said no."}, b)
		return
	}
	who := f.Get("login_hint")
	if r.Method == http.MethodPost {
		who = r.PostForm.Get("subject")
	}
	p.mu.Lock()
	user, known := p.users[who]
	p.mu.Unlock()
	if !known {
		form(w, f)
		return
	}
	code := random()
	p.mu.Lock()
	p.codes[code] = &grant{user: user, issuer: issuer, redirect: redirect, nonce: f.Get("nonce"), challenge: f.Get("code_challenge"), clientID: ClientID,
		scope: f.Get("scope"), expires: time.Now().Add(codeLife)}
	p.mu.Unlock()
	answerBrowser(w, f, map[string]string{"code": code}, b)
}

func form(w http.ResponseWriter, f url.Values) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!doctype html><title>Sign in</title><form method=post><label>Account <input name=subject autofocus></label>")
	hidden(w, f)
	_, _ = io.WriteString(w, "<button>Sign in</button></form>")
}

func hidden(w io.Writer, f url.Values) {
	for key := range f {
		if key != "subject" {
			_, _ = io.WriteString(w, "<input type=hidden name=\""+html.EscapeString(key)+"\" value=\""+html.EscapeString(f.Get(key))+"\">")
		}
	}
}

// answerBrowser sends the browser back to the client: by a redirect, or by a form that posts itself.
func answerBrowser(w http.ResponseWriter, f url.Values, fields map[string]string, b Behaviour) {
	values := url.Values{"state": {f.Get("state")}}
	for _, m := range []map[string]string{fields, b.Callback} {
		for key, value := range m {
			values.Set(key, value)
		}
	}
	redirect := f.Get("redirect_uri")
	if f.Get("response_mode") == "form_post" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>Back</title><form method=post action=\""+html.EscapeString(redirect)+"\">")
		hidden(w, values)
		_, _ = io.WriteString(w, "</form><script>document.forms[0].submit()</script>")
		return
	}
	to, err := url.Parse(redirect)
	if err != nil { // was checked
		return
	}
	query := to.Query()
	for key := range values {
		query.Set(key, values.Get(key))
	}
	to.RawQuery = query.Encode()
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusFound)
}

// token exchanges a code, which is used once whatever comes of it, or a refresh token.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	b := p.now()
	if b.Hold != nil {
		select {
		case <-b.Hold:
		case <-r.Context().Done():
			return
		}
	}
	if b.RedirectToken != "" {
		w.Header().Set("Location", b.RedirectToken)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	if err := r.ParseForm(); err != nil {
		refuse(w, "invalid_request")
		return
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if id != ClientID || secret != ClientSecret {
		refuse(w, "invalid_client")
		return
	}
	p.mu.Lock()
	var g *grant
	if code := r.PostForm.Get("code"); r.PostForm.Get("grant_type") == "authorization_code" {
		g = p.codes[code]
		delete(p.codes, code)
	} else if token := r.PostForm.Get("refresh_token"); r.PostForm.Get("grant_type") == "refresh_token" {
		g = p.refresh[token]
		delete(p.refresh, token)
	}
	p.mu.Unlock()
	switch {
	case g == nil:
		refuse(w, "invalid_grant")
		return
	case r.PostForm.Get("grant_type") == "authorization_code" &&
		(time.Now().After(g.expires) || r.PostForm.Get("redirect_uri") != g.redirect || !proves(r.PostForm.Get("code_verifier"), g.challenge)):
		refuse(w, "invalid_grant")
		return
	}
	p.issue(w, g, b)
}

func proves(verifier, challenge string) bool {
	if challenge == "" {
		return true
	}
	sum := sha256.Sum256([]byte(verifier))
	return encode(sum[:]) == challenge
}

func (p *Provider) issue(w http.ResponseWriter, g *grant, b Behaviour) {
	access, refresh := random(), random()
	p.mu.Lock()
	p.access[access], p.refresh[refresh] = g, g
	p.mu.Unlock()
	out := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 3600, "refresh_token": refresh, "scope": g.scope}
	// Who the provider stands in for issues ID tokens whatever is asked for, as Apple does, or never.
	if g.issuer != "" && !b.NoIDToken && (g.issuer != p.URL || slices.Contains(strings.Fields(g.scope), "openid")) {
		out["id_token"] = p.sign(g, access, b)
	}
	write(w, http.StatusOK, replace(out, b.Tokens), 0)
}

func (p *Provider) sign(g *grant, access string, b Behaviour) string {
	half := sha256.Sum256([]byte(access))
	claims := map[string]any{"iss": g.issuer, "sub": g.user.Subject, "aud": g.clientID, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"at_hash": encode(half[:16])}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	if !b.ThinIDToken {
		for key, value := range g.user.Claims {
			claims[key] = value
		}
	}
	return p.IDToken(claims)
}

// Userinfo is the endpoint that tells who holds an access token.
func (p *Provider) Userinfo(w http.ResponseWriter, r *http.Request) {
	g := p.holder(r)
	if g == nil {
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	b := p.now()
	profile := map[string]any{"sub": g.user.Subject}
	for key, value := range g.user.Claims {
		profile[key] = value
	}
	write(w, http.StatusOK, replace(profile, b.Profile), b.Padding)
}

func (p *Provider) holder(r *http.Request) *grant {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.access[token]
}

func refuse(w http.ResponseWriter, code string) {
	write(w, http.StatusBadRequest, map[string]any{"error": code}, 0)
}

func write(w http.ResponseWriter, status int, body any, padding int) {
	if m, ok := body.(map[string]any); ok && padding > 0 {
		body = replace(m, map[string]any{"padding": strings.Repeat("x", padding)})
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(encoded)))
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}
