package auth_test

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/stretchr/testify/require"
)

// neighbourAttacks bring what a project made to another one.
func neighbourAttacks() []attack {
	const group = "cross-project tokens"
	elsewhere := func(s *scene, a ask) ask { a.at = s.neighbour; return a }
	return []attack{
		{group, "an access token of the neighbour's user", func(s *scene) {
			u := s.personAt(s.neighbour)
			s.refused(ask{path: "/auth/v1/user", bearer: u.access}, 403, "bad_jwt")
			s.refused(ask{path: "/auth/v1/factors", method: "POST", bearer: u.access, body: object{"factor_type": "totp"}}, 403, "bad_jwt")
			s.refused(ask{path: "/rest/v1/", bearer: u.access}, 401, "PGRST301")
		}},
		{group, "a refresh token of the neighbour's user", func(s *scene) {
			u := s.personAt(s.neighbour)
			s.refused(s.renew(u.refresh), 400, "refresh_token_not_found")
			s.refresh(u)
		}},
		{group, "a password of the neighbour's user", func(s *scene) {
			u := s.newcomer(s.neighbour)
			s.refused(s.post("/token?grant_type=password", object{"email": u.email, "password": password}), 400, "invalid_credentials")
		}},
		{group, "a code and a link of the neighbour's mail", func(s *scene) {
			u := s.newcomer(s.neighbour)
			p := s.mailed(u, "recovery", nil)
			s.refused(s.post("/verify", object{"type": "recovery", "email": u.email, "token": p.code}), 403, "otp_expired")
			s.refused(s.post("/verify", object{"type": "recovery", "token_hash": p.hash}), 403, "otp_expired")
			s.turnedBack(ask{path: strings.TrimPrefix(p.link, s.neighbour.URL), noKey: true}, site, "otp_expired")
			s.must(200, elsewhere(s, s.post("/verify", object{"type": "recovery", "token_hash": p.hash})))
		}},
		{group, "the code of a flow at the neighbour", func(s *scene) {
			code, verifier := s.flowCode(s.newcomer(s.victim))
			s.refused(elsewhere(s, s.exchange(code, verifier)), 404, "flow_state_not_found")
			s.must(200, s.exchange(code, verifier))
		}},
		{group, "the state of a sign-in at a provider that the neighbour began", func(s *scene) {
			back := s.idp.SignIn(s.T, s.beginAt(s.neighbour, "custom:acme", nil), s.account(nil))
			s.turnedBack(ask{path: "/auth/v1/callback?" + back.Fields.Encode(), noKey: true}, site, "bad_oauth_state")
		}},
		{group, "keys of the neighbour's: publishable, secret and the JWTs", func(s *scene) {
			k := s.neighbour.keys
			for _, key := range []string{k.Publishable, k.Secret, k.Anon, k.ServiceRole} {
				s.refused(ask{path: "/auth/v1/admin/users", key: key}, 401, "API_KEY_INVALID")
			}
			s.refused(ask{path: "/auth/v1/admin/users", bearer: k.ServiceRole}, 403, "bad_jwt")
			s.refused(ask{path: "/auth/v1/admin/users", bearer: k.Secret}, 401, "API_KEY_INVALID")
		}},
		{group, "the id of a neighbour's user in the admin API", func(s *scene) {
			u := s.newcomer(s.neighbour)
			s.refused(s.admin("PUT", "/users/"+u.id, object{"password": "the attacker's own"}), 404, "user_not_found")
			s.refused(s.admin("DELETE", "/users/"+u.id, nil), 404, "user_not_found")
			s.refused(s.admin("GET", "/users/"+u.id, nil), 404, "user_not_found")
		}},
		{group, "the neighbour's passkey", func(s *scene) {
			_, a := s.withPasskey()
			out := s.must(200, ask{at: s.neighbour, method: "POST", path: "/auth/v1/passkeys/authentication/options", body: object{}})
			body := object{"challenge_id": out.str("challenge_id"), "credential": a.Get(out.body["options"])}
			s.refused(elsewhere(s, s.post("/passkeys/authentication/verify", body)), 400, "webauthn_credential_not_found")
		}},
		{group, "the neighbour's app, with its secret", func(s *scene) {
			app, u := s.newApp(), s.personAt(s.neighbour)
			a := elsewhere(s, app.token(s, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {u.refresh}}))
			s.refused(a, 401, "invalid_client")
		}},
		{group, "the neighbour's host in the path of the victim's, and the other way round", func(s *scene) {
			u := s.personAt(s.neighbour)
			s.refused(ask{host: "worker.localhost", path: "/p/" + s.victim.Ref + "/auth/v1/user", bearer: u.access}, 403, "bad_jwt")
			s.refused(ask{host: s.victim.Ref + ".localhost", path: "/p/" + s.neighbour.Ref + "/auth/v1/user", bearer: u.access}, 404, "ROUTE_NOT_FOUND")
			r := ask{path: "/auth/v1/user", bearer: u.access, header: http.Header{"X-Forwarded-Host": {s.neighbour.Ref + ".localhost"}}}
			s.refused(r, 403, "bad_jwt")
		}},
	}
}

// beginAt is the address of a provider that a project sends a browser to.
func (s *scene) beginAt(p *place, name string, more url.Values) string {
	s.Helper()
	query := url.Values{"provider": {name}, "redirect_to": {landing}}
	for key, values := range more {
		query[key] = values
	}
	out := s.must(302, ask{at: p, path: "/auth/v1/authorize?" + query.Encode(), noKey: true})
	to := out.header.Get("Location")
	require.NotEmpty(s, to)
	return to
}
