package oauthserver_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/oauthserver"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

func mount(b *authtest.Bundle) {
	oauthserver.New(oauthserver.Deps{Guard: b.Guard, Sessions: b.Sessions}).Routes(b.Router)
	// Stand for what other surfaces do for users who are signed in.
	probe := func(w http.ResponseWriter, r *http.Request, s *projectdb.Session) error {
		return store.InTx(r.Context(), s, func(tx *store.Tx) error {
			_, _, err := b.Sessions.SignedIn(r, tx, s)
			return err
		})
	}
	for _, route := range [][2]string{{"GET", "/user"}, {"PUT", "/user"}, {"POST", "/factors"}, {"GET", "/user/identities/authorize"}, {"GET", "/reauthenticate"}} {
		b.Router.Handle(route[0], route[1], probe)
	}
}

// bundle is a project that is a provider for other apps.
func bundle(b *authtest.Bundle) *authtest.Bundle {
	return b.With(map[string]string{"auth.oauth_server.enabled": "true", "auth.oauth_server.dynamic_registration": "true",
		"auth.site_url": `"https://app.example.com"`})
}

const (
	callback = "https://client.example/callback?tenant=1"
	verifier = "0123456789-0123456789-0123456789-0123456789"
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// app is another app.
type app struct {
	b          *authtest.Bundle
	id, secret string
}

func newApp(b *authtest.Bundle, more map[string]any) *app {
	b.T.Helper()
	body := map[string]any{"client_name": "Other", "redirect_uris": []string{callback}}
	for key, value := range more {
		body[key] = value
	}
	out := b.Call("POST", "/admin/oauth/clients", authtest.Secret, body)
	require.Equal(b.T, 201, out.Status, out.Text)
	return &app{b, out.Str("client_id"), out.Str("client_secret")}
}

// ask sends the browser to the project, with parameters changed; "" leaves one out.
func (a *app) ask(change map[string]string) authtest.Answer {
	a.b.T.Helper()
	params := map[string]string{"client_id": a.id, "redirect_uri": callback, "response_type": "code", "scope": "openid email profile", "state": "s 1&x", "nonce": "n-1",
		"code_challenge": challenge(), "code_challenge_method": "S256"}
	for key, value := range change {
		params[key] = value
	}
	query := url.Values{}
	for key, value := range params {
		if value != "" {
			query.Set(key, value)
		}
	}
	return a.b.Call("GET", "/oauth/authorize?"+query.Encode(), "", nil)
}

// begin returns the id of an authorization.
func (a *app) begin(change map[string]string) string {
	a.b.T.Helper()
	out := a.ask(change)
	require.Equal(a.b.T, 302, out.Status, out.Text)
	to, err := url.Parse(out.Header.Get("Location"))
	require.NoError(a.b.T, err)
	require.Equal(a.b.T, "https://app.example.com/oauth/consent", to.Scheme+"://"+to.Host+to.Path)
	require.NotEmpty(a.b.T, to.Query().Get("authorization_id"), to.String())
	return to.Query().Get("authorization_id")
}

// code lets a user consent, and returns the code that the app gets.
func (a *app) code(user string, change map[string]string) string {
	a.b.T.Helper()
	id := a.begin(change)
	out := a.b.Call("GET", "/oauth/authorizations/"+id, user, nil)
	require.Equal(a.b.T, 200, out.Status, out.Text)
	if out.Str("redirect_url") == "" {
		out = a.b.Call("POST", "/oauth/authorizations/"+id+"/consent", user, map[string]any{"action": "approve"})
		require.Equal(a.b.T, 200, out.Status, out.Text)
	}
	return a.parameter(out, "code")
}

func (a *app) parameter(out authtest.Answer, name string) string {
	a.b.T.Helper()
	to, err := url.Parse(out.Str("redirect_url"))
	require.NoError(a.b.T, err)
	require.True(a.b.T, strings.HasPrefix(to.String(), "https://client.example/callback?"), to.String())
	return to.Query().Get(name)
}

// token asks at the token endpoint; a form field "" is left out.
func (a *app) token(form map[string]string) authtest.Answer {
	a.b.T.Helper()
	values := url.Values{}
	for key, value := range form {
		if value != "" {
			values.Set(key, value)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a.secret != "" && form["client_secret"] == "" {
		r.SetBasicAuth(a.id, a.secret)
	}
	return a.b.Do(r, "")
}

func (a *app) exchange(code string) authtest.Answer {
	return a.token(map[string]string{"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": callback, "client_id": a.id})
}

func (a *app) refresh(token string) authtest.Answer {
	return a.token(map[string]string{"grant_type": "refresh_token", "refresh_token": token, "client_id": a.id})
}

// no requires an error of RFC 6749.
func no(t *testing.T, out authtest.Answer, status int, code string) {
	t.Helper()
	require.Equal(t, status, out.Status, out.Text)
	require.Equal(t, code, out.Str("error"), out.Text)
	require.Equal(t, "no-store", out.Header.Get("Cache-Control"))
}
