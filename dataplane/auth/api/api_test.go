package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth"
	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// client asks /api/v1/auth of a project.
type client struct {
	*authtest.Bundle
	handler http.Handler
}

type body = map[string]any

type answer struct {
	status int
	header http.Header
	text   string
	body   body
}

func (a answer) at(path ...string) any {
	var v any = a.body
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func (a answer) str(path ...string) string { s, _ := a.at(path...).(string); return s }

func both(t *testing.T, settings map[string]string, test func(t *testing.T, c *client)) {
	authtest.Both(t, func(*authtest.Bundle) {}, func(t *testing.T, b *authtest.Bundle) {
		all := map[string]string{"auth.autoconfirm": "false", "auth.email.max_frequency": "0", "auth.site_url": `"https://app.example.com"`,
			"auth.redirect_urls": `["https://other.example.com/**"]`}
		for key, value := range settings {
			all[key] = value
		}
		c := &client{Bundle: b.With(all)}
		c.handler = auth.New(auth.Deps{Log: testkit.Logger(t), Messages: b.Messages, Egress: b.Egress, Hashes: 2, Revoker: b.Revoked}).API()
		test(t, c)
	})
}

func (c *client) call(method, path, bearer string, in any) answer {
	c.T.Helper()
	text := ""
	if in != nil {
		encoded, err := json.Marshal(in)
		require.NoError(c.T, err)
		text = string(encoded)
	}
	r := httptest.NewRequest(method, path, strings.NewReader(text))
	r.RemoteAddr = c.Address
	caller := projectdb.Caller{Role: "anon", Claims: json.RawMessage(`{"role":"anon"}`)}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
		verified, err := c.Project.Verifier.Verify(bearer, time.Now())
		require.NoError(c.T, err)
		caller = projectdb.Caller{Role: verified.Role, Claims: verified.JSON, Subject: verified.Subject, SessionID: verified.SessionID}
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r.WithContext(projectdb.NewContext(r.Context(), c.Door.Bind(c.Project, caller))))
	out := answer{status: w.Code, header: w.Header(), text: w.Body.String()}
	if strings.HasPrefix(out.text, "{") {
		require.NoError(c.T, json.Unmarshal(w.Body.Bytes(), &out.body))
	}
	return out
}

func (c *client) refused(out answer, status int, code string) {
	c.T.Helper()
	require.Equal(c.T, status, out.status, out.text)
	require.Equal(c.T, code, out.str("error", "code"), out.text)
	require.NotEmpty(c.T, out.str("error", "message"))
}

// secrets are the code and the link of the only mail.
func (c *client) secrets() (code, link string) {
	c.T.Helper()
	items := c.Sent()
	require.Len(c.T, items, 1)
	secret, _ := items[0]["secret"].(map[string]any)
	code, _ = secret["token"].(string)
	link, _ = secret["token_hash"].(string)
	return code, link
}

const (
	ann    = "ann@example.com"
	first  = "correct horse battery"
	second = "another horse battery"
)

func TestFromSignUpToSignOut(t *testing.T) {
	both(t, nil, func(t *testing.T, c *client) {
		out := c.call("POST", "/signup", "", body{"email": "Ann@example.com", "password": first, "data": body{"name": "Ann"}, "redirect_to": "https://evil.example"})
		require.Equal(t, 201, out.status, out.text)
		require.Equal(t, ann, out.str("user", "email"))
		require.Nil(t, out.at("session"))
		c.refused(c.call("POST", "/signin", "", body{"email": ann, "password": first}), 400, "EMAIL_NOT_CONFIRMED")
		code, _ := c.secrets()
		out = c.call("POST", "/verify", "", body{"type": "signup", "email": ann, "code": code})
		require.Equal(t, 200, out.status, out.text)
		require.NotEmpty(t, out.str("session", "access_token"))
		c.refused(c.call("POST", "/verify", "", body{"type": "signup", "email": ann, "code": code}), 403, "OTP_EXPIRED")

		out = c.call("POST", "/signin", "", body{"email": ann, "password": first})
		require.Equal(t, 200, out.status, out.text)
		require.Equal(t, "bearer", out.str("session", "token_type"))
		require.NotZero(t, out.at("session", "expires_at"))
		token, refresh := out.str("session", "access_token"), out.str("session", "refresh_token")
		c.refused(c.call("POST", "/signin", "", body{"email": ann, "password": second}), 400, "INVALID_CREDENTIALS")
		c.refused(c.call("POST", "/signin", "", body{"email": "nobody@example.com", "password": second}), 400, "INVALID_CREDENTIALS")

		require.Equal(t, ann, c.call("GET", "/user", token, nil).str("email"))
		c.refused(c.call("GET", "/user", "", nil), 401, "TOKEN_REQUIRED")
		out = c.call("PATCH", "/user", token, body{"data": body{"name": nil, "city": "Bern"}, "role": "service_role"})
		require.Equal(t, 200, out.status, out.text)
		require.Equal(t, "Bern", out.str("user_metadata", "city"))
		require.Equal(t, "authenticated", out.str("role"))

		out = c.call("POST", "/refresh", "", body{"refresh_token": refresh})
		require.Equal(t, 200, out.status, out.text)
		require.NotEqual(t, refresh, out.str("session", "refresh_token"))
		c.refused(c.call("POST", "/refresh", "", body{"refresh_token": "nonsense"}), 400, "REFRESH_TOKEN_NOT_FOUND")
		c.refused(c.call("POST", "/refresh", "", body{}), 400, "VALIDATION_FAILED")

		c.refused(c.call("POST", "/signout", token, body{"scope": "everyone"}), 400, "VALIDATION_FAILED")
		require.Equal(t, 204, c.call("POST", "/signout", token, body{"scope": "others"}).status)
		require.Equal(t, 1, c.Count("select count(*) from sessions"))
		require.Equal(t, 204, c.call("POST", "/signout", token, nil).status)
		require.Zero(t, c.Count("select count(*) from sessions"))
		c.refused(c.call("GET", "/user", token, nil), 403, "SESSION_NOT_FOUND")
	})
}

func TestSessions(t *testing.T) {
	both(t, nil, func(t *testing.T, c *client) {
		user, other := c.User(ann, ""), c.User("bob@example.com", "")
		here, there, foreign := c.SignIn(user), c.SignIn(user), c.SignIn(other)
		ended := c.SignIn(user)
		session := func(token string) string {
			verified, err := c.Project.Verifier.Verify(token, time.Now())
			require.NoError(t, err)
			return verified.SessionID
		}
		c.Exec("update sessions set not_after = now() - interval '1 second' where id = $1", session(ended.AccessToken))
		out := c.call("GET", "/sessions", here.AccessToken, nil)
		require.Equal(t, 200, out.status, out.text)
		var list []struct {
			ID      string   `json:"id"`
			Current bool     `json:"current"`
			AAL     string   `json:"aal"`
			Methods []string `json:"methods"`
		}
		require.NoError(t, json.Unmarshal([]byte(out.text), &list))
		require.Len(t, list, 2)
		require.Equal(t, session(there.AccessToken), list[0].ID)
		require.Equal(t, session(here.AccessToken), list[1].ID)
		require.True(t, list[1].Current)
		require.False(t, list[0].Current)
		require.Equal(t, []string{"password"}, list[0].Methods)
		require.Equal(t, "aal1", list[0].AAL)

		for _, id := range []string{session(foreign.AccessToken), uuid.NewString(), "x"} {
			c.refused(c.call("DELETE", "/sessions/"+id, here.AccessToken, nil), 404, "SESSION_NOT_FOUND")
		}
		require.Equal(t, 1, c.Count("select count(*) from sessions where user_id = $1", other))
		require.Equal(t, 204, c.call("DELETE", "/sessions/"+session(there.AccessToken), here.AccessToken, nil).status)
		require.True(t, c.Revoked.Session(uuid.MustParse(session(there.AccessToken))))
		c.refused(c.call("GET", "/user", there.AccessToken, nil), 403, "SESSION_NOT_FOUND")
		c.refused(c.call("GET", "/sessions", "", nil), 401, "TOKEN_REQUIRED")
		c.refused(c.call("DELETE", "/sessions/"+session(here.AccessToken), "", nil), 401, "TOKEN_REQUIRED")
	})
}

func TestMagicLinks(t *testing.T) {
	both(t, nil, func(t *testing.T, c *client) {
		out := c.call("POST", "/magiclink", "", body{"email": ann, "redirect_to": "https://other.example.com/in"})
		require.Equal(t, 202, out.status, out.text)
		require.JSONEq(t, `{}`, out.text)
		items := c.Sent()
		require.Len(t, items, 1)
		m, _ := items[0]["message"].(map[string]any)
		require.Equal(t, "https://other.example.com/in", m["redirect_to"])
		secret, _ := items[0]["secret"].(map[string]any)
		out = c.call("POST", "/verify", "", body{"type": "email", "token": secret["token_hash"]})
		require.Equal(t, ann, out.str("user", "email"), out.text)
		c.refused(c.call("POST", "/magiclink", "", body{"email": "nobody@example.com", "create_user": false}), 422, "OTP_DISABLED")
		for _, in := range []body{{}, {"email": "ann"}, {"email": ann, "phone": "15551234567"}, {"email": ann, "code_challenge": "x"}} {
			c.refused(c.call("POST", "/magiclink", "", in), 400, "VALIDATION_FAILED")
		}
		for _, in := range []body{{"type": "email"}, {"type": "email", "token": "a", "code": "1", "email": ann}, {"type": "wish", "token": "a"},
			{"type": "sms", "token": "a"}, {"type": "email", "code": "123456"}} {
			c.refused(c.call("POST", "/verify", "", in), 400, "VALIDATION_FAILED")
		}
		c.refused(c.call("POST", "/token", "", body{"code": uuid.NewString(), "code_verifier": strings.Repeat("a", 43)}), 404, "FLOW_STATE_NOT_FOUND")
	})
}

func TestPasswordsAreReset(t *testing.T) {
	both(t, nil, func(t *testing.T, c *client) {
		user := c.User(ann, first)
		before := c.SignIn(user)
		c.Exec("update users set email_change = 'stranger@example.com' where id = $1", user)
		known, unknown := c.call("POST", "/password/reset", "", body{"email": ann}), c.call("POST", "/password/reset", "", body{"email": "nobody@example.com"})
		require.Equal(t, 202, known.status, known.text)
		require.Equal(t, known, unknown)
		var code, link string
		for _, item := range c.Sent() {
			if m, _ := item["message"].(map[string]any); m["unsent"] == nil {
				secret, _ := item["secret"].(map[string]any)
				code, _ = secret["token"].(string)
				link, _ = secret["token_hash"].(string)
			}
		}
		weak := c.call("PUT", "/password/update", "", body{"token": link, "password": "short"})
		c.refused(weak, 422, "WEAK_PASSWORD")
		require.Equal(t, []any{"length"}, weak.at("error", "details", "reasons"))
		c.refused(c.call("PUT", "/password/update", "", body{"token": "wrong", "password": second}), 403, "OTP_EXPIRED")
		c.refused(c.call("PUT", "/password/update", "", body{"token": link}), 400, "VALIDATION_FAILED")

		factor := uuid.New()
		c.Exec(`insert into mfa_factors (id, user_id, factor_type, status, created_at, updated_at, secret) values ($1, $2, 'totp', 'verified', now(), now(), 'x')`, factor, user)
		c.refused(c.call("PUT", "/password/update", "", body{"token": link, "password": second}), 401, "INSUFFICIENT_AAL")
		c.Exec("delete from mfa_factors where id = $1", factor)

		out := c.call("PUT", "/password/update", "", body{"token": link, "password": second})
		require.Equal(t, 200, out.status, out.text)
		require.Equal(t, ann, out.str("user", "email"))
		token := out.str("session", "access_token")
		now := c.call("GET", "/user", token, nil)
		require.Equal(t, 200, now.status)
		require.Nil(t, now.at("new_email"), "what somebody wanted before is given up")
		c.refused(c.call("GET", "/user", before.AccessToken, nil), 403, "SESSION_NOT_FOUND")
		c.refused(c.call("PUT", "/password/update", "", body{"email": ann, "code": code, "password": first}), 403, "OTP_EXPIRED")
		c.refused(c.call("POST", "/signin", "", body{"email": ann, "password": first}), 400, "INVALID_CREDENTIALS")
		require.Equal(t, 200, c.call("POST", "/signin", "", body{"email": ann, "password": second}).status)

		c.refused(c.call("POST", "/password/update", token, body{"password": second}), 422, "SAME_PASSWORD")
		c.refused(c.call("POST", "/password/update", "", body{"password": first}), 401, "TOKEN_REQUIRED")
		require.Equal(t, 200, c.call("POST", "/password/update", token, body{"password": first}).status)
		require.Equal(t, 200, c.call("POST", "/signin", "", body{"email": ann, "password": first}).status)
	})
}

func TestSignInAtProviders(t *testing.T) {
	both(t, map[string]string{"auth.external.github.enabled": "true", "auth.external.github.client_id": `["app"]`, "auth.external.github.secret": `"hush"`},
		func(t *testing.T, c *client) {
			for _, out := range []answer{
				c.call("GET", "/oauth/github?scopes=repo&redirect_to=https%3A%2F%2Fother.example.com%2Fin", "", nil),
				c.call("POST", "/oauth/github", "", body{"scopes": "repo", "redirect_to": "https://other.example.com/in"}),
			} {
				require.Equal(t, 200, out.status, out.text)
				require.Equal(t, "github", out.str("provider"))
				to, err := url.Parse(out.str("url"))
				require.NoError(t, err)
				require.Equal(t, "github.com", to.Host)
				require.Equal(t, c.Project.URL+"/auth/v1/callback", to.Query().Get("redirect_uri"))
				require.Contains(t, to.Query().Get("scope"), "repo")
			}
			require.Equal(t, 2, c.Count("select count(*) from flow_state where referrer = 'https://other.example.com/in' and provider_type = 'github'"))
			require.Equal(t, 400, c.call("GET", "/oauth/nobody", "", nil).status)
			out := c.call("GET", "/oauth/google", "", nil)
			require.Equal(t, 400, out.status, out.text)
		})
}

func TestPathsAndMethods(t *testing.T) {
	both(t, nil, func(t *testing.T, c *client) {
		for _, path := range []string{"/", "/nothing", "/signup/x", "/sessions/a/b", "/admin/users"} {
			c.refused(c.call("GET", path, "", nil), 404, "ROUTE_NOT_FOUND")
		}
		out := c.call("DELETE", "/user", "", nil)
		c.refused(out, 405, "METHOD_NOT_ALLOWED")
		require.Equal(t, "GET, PATCH", out.header.Get("Allow"))
		c.refused(c.call("HEAD", "/signup", "", nil), 405, "METHOD_NOT_ALLOWED")
		c.refused(c.call("POST", "/signin", "", []int{1}), 400, "INVALID_BODY")
		out = c.call("POST", "/signup", "", body{})
		c.refused(out, 422, "ANONYMOUS_PROVIDER_DISABLED")
		require.Equal(t, "no-store", out.header.Get("Cache-Control"))
		require.Equal(t, "application/json", out.header.Get("Content-Type"))
		open := &client{Bundle: c.With(map[string]string{"auth.anonymous.enabled": "true"}), handler: c.handler}
		out = open.call("POST", "/signup", "", body{"data": body{"cart": 1}})
		require.Equal(t, 201, out.status, out.text)
		require.Equal(t, true, out.at("user", "is_anonymous"))
		require.NotEmpty(t, out.str("session", "refresh_token"))
	})
}
