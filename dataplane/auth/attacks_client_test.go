package auth_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

const clientCallback = "https://client.example/callback"

// otherApp is another app that signs the project's users in.
type otherApp struct{ id, secret string }

func (s *scene) newApp() otherApp {
	s.Helper()
	out := s.must(201, s.admin("POST", "/oauth/clients", object{"client_name": "Other", "redirect_uris": []string{clientCallback}}))
	return otherApp{out.str("client_id"), out.str("client_secret")}
}

func (o otherApp) token(_ *scene, form url.Values) ask {
	return ask{method: "POST", path: "/auth/v1/oauth/token", body: form, noKey: true,
		header: http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(o.id+":"+o.secret))}}}
}

func (o otherApp) refresh(s *scene, token string) ask {
	return o.token(s, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (o otherApp) exchange(s *scene, code, verifier string) ask {
	return o.token(s, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {clientCallback}})
}

// query is a right request for a code, with parameters changed.
func (o otherApp) query(challenge string, change map[string]string) string {
	out := url.Values{"client_id": {o.id}, "redirect_uri": {clientCallback}, "response_type": {"code"}, "scope": {"openid email"}, "state": {"s"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}}
	for key, value := range change {
		out.Set(key, value)
	}
	return out.Encode()
}

// asked is an authorization that waits for a user's consent.
func (o otherApp) asked(s *scene) (id, verifier string) {
	s.Helper()
	verifier, challenge := pkce()
	_, fields := s.must(302, ask{path: "/auth/v1/oauth/authorize?" + o.query(challenge, nil), noKey: true}).location(s)
	require.NotEmpty(s, fields.Get("authorization_id"))
	return fields.Get("authorization_id"), verifier
}

// code is what the app gets when a user consents.
func (o otherApp) code(s *scene, u *person) (code, verifier string) {
	s.Helper()
	id, verifier := o.asked(s)
	out := s.must(200, ask{path: "/auth/v1/oauth/authorizations/" + id, bearer: u.access})
	if out.str("redirect_url") == "" {
		out = s.must(200, ask{method: "POST", path: "/auth/v1/oauth/authorizations/" + id + "/consent", bearer: u.access, body: object{"action": "approve"}})
	}
	to, err := url.Parse(out.str("redirect_url"))
	require.NoError(s, err)
	return to.Query().Get("code"), verifier
}

func (o otherApp) grant(s *scene, u *person) answer {
	s.Helper()
	code, verifier := o.code(s, u)
	return s.must(200, o.exchange(s, code, verifier))
}

// account is somebody's at the honest provider.
func (s *scene) account(claims object) string {
	subject := uuid.NewString()
	all := object{"email": "p" + subject[:8] + "@example.com", "email_verified": true, "name": "Somebody"}
	for key, value := range claims {
		all[key] = value
	}
	s.idp.Add(oidc.User{Subject: subject, Claims: all})
	s.rogue.Add(oidc.User{Subject: subject, Claims: all})
	return subject
}

func clientAttacks() []attack {
	const group = "other apps (OAuth server)"
	return []attack{
		{group, "a redirect address that is not registered", func(s *scene) {
			app := s.newApp()
			_, challenge := pkce()
			for _, evil := range []string{"https://evil.example/", clientCallback + "/../evil", clientCallback + "?x=1", clientCallback + ".evil.example", "https://client.example@evil.example/callback"} {
				a := ask{path: "/auth/v1/oauth/authorize?" + app.query(challenge, map[string]string{"redirect_uri": evil}), noKey: true}
				s.unchanged(func() {
					out := s.do(a)
					require.Equal(s, 400, out.status, evil)
					require.Empty(s, out.header.Get("Location"))
					s.tell(a, "400 "+out.code())
				})
			}
		}},
		{group, "a code without PKCE, or with plain", func(s *scene) {
			app := s.newApp()
			for _, change := range []map[string]string{{"code_challenge": ""}, {"code_challenge_method": "plain"}} {
				_, challenge := pkce()
				a := ask{path: "/auth/v1/oauth/authorize?" + app.query(challenge, change), noKey: true}
				s.unchanged(func() {
					out := s.do(a)
					_, fields := out.location(s)
					require.Equal(s, "invalid_request", fields.Get("error"), out.header.Get("Location"))
					s.tell(a, "302 invalid_request")
				})
			}
		}},
		{group, "another app's code", func(s *scene) {
			app, evil, u := s.newApp(), s.newApp(), s.person()
			code, verifier := app.code(s, u)
			s.refused(evil.exchange(s, code, verifier), 400, "invalid_grant")
		}},
		{group, "an app's token, to change the account", func(s *scene) {
			app, u := s.newApp(), s.person()
			access := app.grant(s, u).str("access_token")
			for _, a := range []ask{{method: "PUT", path: "/auth/v1/user", body: object{"password": "the app's own"}}, {method: "POST", path: "/auth/v1/factors", body: object{"factor_type": "totp"}},
				{path: "/auth/v1/user/identities/authorize?provider=custom:acme"}, {path: "/auth/v1/reauthenticate"}} {
				a.bearer = access
				s.refused(a, 403, "insufficient_scope")
			}
		}},
		{group, "consent in the name of another user", func(s *scene) {
			app, u, mallory := s.newApp(), s.person(), s.person()
			id, _ := app.asked(s)
			s.must(200, ask{path: "/auth/v1/oauth/authorizations/" + id, bearer: u.access})
			s.refused(ask{method: "POST", path: "/auth/v1/oauth/authorizations/" + id + "/consent", bearer: mallory.access, body: object{"action": "approve"}}, 404, "oauth_authorization_not_found")
		}},
		{group, "a code of a flow twice: what it gave ends", func(s *scene) {
			app, u := s.newApp(), s.person()
			code, verifier := app.code(s, u)
			granted := s.must(200, app.exchange(s, code, verifier))
			s.refused(app.exchange(s, code, verifier), 400, "invalid_grant")
			s.refused(app.refresh(s, granted.str("refresh_token")), 400, "invalid_grant")
		}},
		{group, "an app's registration while that is off", func(s *scene) {
			out := s.do(s.post("/oauth/clients/register", object{"client_name": "x", "redirect_uris": []string{"https://evil.example"}}))
			s.refused(s.post("/oauth/clients/register", object{"client_name": strings.Repeat("x", 9), "redirect_uris": []string{"https://evil.example"}}), out.status, out.code())
			require.Contains(s, []int{403, 404}, out.status)
		}},
	}
}
