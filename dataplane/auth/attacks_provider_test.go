package auth_test

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

// back brings a browser from a provider back to the victim's project.
func (s *scene) back(from oidc.Back) ask {
	return ask{path: strings.TrimPrefix(from.Address, s.victim.URL) + "?" + from.Fields.Encode(), noKey: true}
}

// login signs somebody in at a provider that behaves in a way.
func (s *scene) login(name, subject string, b oidc.Behaviour) (out ask) {
	s.Helper()
	idp := s.idp
	if name == "custom:rogue" {
		idp = s.rogue
	}
	from := idp.SignIn(s.T, s.beginAt(s.victim, name, nil), subject)
	idp.Behave(b)
	return s.back(from)
}

func oidcAttacks() []attack {
	const group = "OIDC mix-ups"
	at := func(name, provider, code string, behave func(s *scene) oidc.Behaviour) attack {
		return attack{group, name, func(s *scene) {
			defer s.idp.Behave(oidc.Behaviour{})
			defer s.rogue.Behave(oidc.Behaviour{})
			u := s.newcomer(s.victim)
			a := s.login(provider, s.account(object{"email": u.email}), behave(s))
			s.turnedBack(a, landing, code)
		}}
	}
	claims := func(c object) func(*scene) oidc.Behaviour {
		return func(*scene) oidc.Behaviour { return oidc.Behaviour{Claims: c} }
	}
	const failure = "unexpected_failure"
	return []attack{
		at("an ID token of another issuer", "custom:rogue", failure, func(s *scene) oidc.Behaviour { return oidc.Behaviour{Claims: object{"iss": s.idp.URL}} }),
		at("an ID token for another client", "custom:acme", failure, claims(object{"aud": "another-projects-client"})),
		at("an ID token for two clients, asked for by the other", "custom:acme", failure, claims(object{"aud": []string{oidc.ClientID, "another"}, "azp": "another"})),
		at("an ID token that has expired", "custom:acme", failure, claims(object{"exp": time.Now().Add(-time.Minute).Unix()})),
		at("an ID token without the nonce", "custom:acme", failure, claims(object{"nonce": nil})),
		at("an ID token with the nonce of another sign-in", "custom:acme", failure, claims(object{"nonce": strings.Repeat("a", 64)})),
		at("an ID token for another access token", "custom:acme", failure, claims(object{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"})),
		at("an ID token without a signature", "custom:acme", failure, func(*scene) oidc.Behaviour { return oidc.Behaviour{Algorithm: "none"} }),
		at("an ID token signed with the client's secret", "custom:acme", failure, func(*scene) oidc.Behaviour { return oidc.Behaviour{Algorithm: "HS256"} }),
		at("an ID token signed with the public key as a secret", "custom:acme", failure, func(*scene) oidc.Behaviour { return oidc.Behaviour{Algorithm: "HS256 with the public key"} }),
		at("an ID token of another key under the published name", "custom:acme", failure, func(*scene) oidc.Behaviour { return oidc.Behaviour{ForeignKey: true} }),
		at("a profile of somebody else than the ID token's", "custom:acme", failure, func(*scene) oidc.Behaviour {
			return oidc.Behaviour{ThinIDToken: true, Profile: object{"sub": "somebody-else"}}
		}),
		{group, "a code of the honest provider brought to the rogue one (mix-up)", func(s *scene) {
			subject := s.account(nil)
			honest := s.idp.SignIn(s.T, s.beginAt(s.victim, "custom:acme", nil), subject)
			rogue := s.rogue.SignIn(s.T, s.beginAt(s.victim, "custom:rogue", nil), subject)
			rogue.Fields.Set("code", honest.Fields.Get("code"))
			s.turnedBack(s.back(rogue), landing, failure)
		}},
		{group, "an answer that names another issuer (RFC 9207)", func(s *scene) {
			from := s.idp.SignIn(s.T, s.beginAt(s.victim, "custom:acme", nil), s.account(nil))
			from.Fields.Set("iss", s.rogue.URL)
			s.turnedBack(s.back(from), landing, "bad_oauth_callback")
		}},
		{group, "a code of the attacker's sign-in under the state of the victim's", func(s *scene) {
			victim := s.idp.SignIn(s.T, s.beginAt(s.victim, "custom:acme", nil), s.account(nil))
			mallory := s.idp.SignIn(s.T, s.beginAt(s.victim, "custom:acme", nil), s.account(nil))
			victim.Fields.Set("code", mallory.Fields.Get("code"))
			s.turnedBack(s.back(victim), landing, failure)
		}},
		{group, "no state, one that is made up, and one that was used", func(s *scene) {
			s.turnedBack(ask{path: "/auth/v1/callback?code=abc", noKey: true}, site, "bad_oauth_callback")
			s.turnedBack(ask{path: "/auth/v1/callback?code=abc&state=" + uuid.NewString(), noKey: true}, site, "bad_oauth_state")
			s.turnedBack(ask{path: "/auth/v1/callback?code=abc&state='or%20true--", noKey: true}, site, "bad_oauth_state")
			a := s.back(s.idp.SignIn(s.T, s.beginAt(s.victim, "custom:acme", nil), s.account(nil)))
			require.Contains(s, s.do(a).header.Get("Location"), "access_token=")
			s.turnedBack(a, site, "bad_oauth_state")
		}},
	}
}

// idTokenAttacks are on the grant for apps that have an ID token already.
func idTokenAttacks() []attack {
	const group = "OIDC mix-ups"
	idToken := func(name, code string, body func(s *scene, sub object) object) attack {
		return attack{group, name, func(s *scene) {
			u := s.newcomer(s.victim)
			s.refused(s.post("/token?grant_type=id_token", body(s, object{"sub": uuid.NewString(), "email": u.email, "email_verified": true})), 400, code)
		}}
	}
	return []attack{
		idToken("an app's ID token of another issuer", "invalid_credentials", func(s *scene, c object) object {
			return object{"provider": "custom:acme", "id_token": s.rogue.IDToken(c)}
		}),
		idToken("an app's ID token of an issuer of the attacker's, named in the body", "validation_failed", func(s *scene, c object) object {
			c["iss"] = "https://evil.example"
			return object{"provider": "https://evil.example", "issuer": "https://evil.example", "id_token": s.rogue.IDToken(c)}
		}),
		idToken("an app's ID token for a client of another app", "unexpected_audience", func(s *scene, c object) object {
			c["aud"] = "another-app"
			return object{"provider": "custom:acme", "client_id": "another-app", "id_token": s.idp.IDToken(c)}
		}),
		idToken("an app's ID token that has expired", "invalid_credentials", func(s *scene, c object) object {
			c["exp"] = time.Now().Add(-time.Second).Unix()
			return object{"provider": "custom:acme", "id_token": s.idp.IDToken(c)}
		}),
		idToken("a stolen ID token with a nonce that the thief does not know", "invalid_credentials", func(s *scene, c object) object {
			c["nonce"] = strings.Repeat("a", 64)
			return object{"provider": "custom:acme", "id_token": s.idp.IDToken(c), "nonce": strings.Repeat("a", 64)}
		}),
		idToken("an access token of the project as an ID token", "invalid_credentials", func(s *scene, _ object) object {
			return object{"provider": "custom:acme", "id_token": s.person().access}
		}),
	}
}

func linkingAttacks() []attack {
	const group = "linking take-over"
	return []attack{
		{group, "an account elsewhere with the victim's address, not verified", func(s *scene) {
			u := s.newcomer(s.victim)
			for _, verified := range []any{false, nil, "false", 0, "yes"} {
				a := s.login("custom:acme", s.account(object{"email": u.email, "email_verified": verified}), oidc.Behaviour{})
				s.turnedBack(a, landing, "provider_email_needs_verification")
			}
		}},
		{group, "an app's ID token with the victim's address, not verified", func(s *scene) {
			u := s.newcomer(s.victim)
			token := s.idp.IDToken(object{"sub": uuid.NewString(), "email": u.email, "email_verified": false})
			s.refused(s.post("/token?grant_type=id_token", object{"provider": "custom:acme", "id_token": token}), 422, "provider_email_needs_verification")
		}},
		{group, "a verified address in letters that look like the victim's", func(s *scene) {
			u := s.newcomer(s.victim)
			for _, email := range []string{strings.Replace(u.email, "example", "exаmple", 1), strings.Replace(u.email, "@", "＠", 1), u.email + "\x00", strings.Replace(u.email, "com", "com.", 1)} {
				out := s.do(s.login("custom:acme", s.account(object{"email": email}), oidc.Behaviour{}))
				_, fields := out.location(s)
				if token := fields.Get("access_token"); token != "" {
					require.NotEqual(s, u.id, claimsOf(s, token)["sub"])
				}
				require.Equal(s, 1, one[int](s, s.victim, "select count(*) from identities where user_id = $1", u.id))
				s.tell(ask{path: "/auth/v1/callback"}, "nobody else's user is opened")
			}
		}},
		{group, "an account made before its owner comes: the attacker's password", func(s *scene) {
			email := "pre" + uuid.NewString()[:8] + "@example.com"
			s.must(200, s.post("/signup", object{"email": email, "password": "the attacker's own", "data": object{"role": "admin"}}))
			from := s.do(s.login("custom:acme", s.account(object{"email": email}), oidc.Behaviour{}))
			_, fields := from.location(s)
			require.NotEmpty(s, fields.Get("access_token"), from.header.Get("Location"))
			require.Nil(s, claimsOf(s, fields.Get("access_token"))["user_metadata"].(object)["role"])
			s.refused(s.post("/token?grant_type=password", object{"email": email, "password": "the attacker's own"}), 400, "invalid_credentials")
		}},
		{group, "an account made before its owner comes, whose owner follows a link", func(s *scene) {
			u := &person{at: s.victim, email: "pre" + uuid.NewString()[:8] + "@example.com"}
			s.must(200, s.post("/signup", object{"email": u.email, "password": "the attacker's own"}))
			s.signIn(u)
			s.refused(s.post("/token?grant_type=password", object{"email": u.email, "password": "the attacker's own"}), 400, "invalid_credentials")
		}},
		{group, "the victim's identity, linked to the attacker's account", func(s *scene) {
			subject := s.account(nil)
			s.must(303, s.login("custom:acme", subject, oidc.Behaviour{}))
			mallory := s.person()
			out := s.must(200, ask{path: "/auth/v1/user/identities/authorize?provider=custom:acme&skip_http_redirect=true&redirect_to=" + url.QueryEscape(landing), bearer: mallory.access})
			s.turnedBack(s.back(s.idp.SignIn(s.T, out.str("url"), subject)), landing, "identity_already_exists")
		}},
		{group, "linking without being signed in, or by a link for who signs in", func(s *scene) {
			s.refused(ask{path: "/auth/v1/user/identities/authorize?provider=custom:acme"}, 401, "no_authorization")
		}},
		{group, "another user's identity, to unlink it", func(s *scene) {
			u, mallory := s.person(), s.person()
			s.exec(s.victim, `insert into identities (provider_id, user_id, identity_data, provider, created_at, updated_at) values ($1, $2, '{}', 'custom:acme', now(), now())`, uuid.NewString(), mallory.id)
			identity := one[string](s, s.victim, "select id::text from identities where user_id = $1", u.id)
			s.refused(ask{method: "DELETE", path: "/auth/v1/user/identities/" + identity, bearer: mallory.access}, 422, "identity_not_found")
		}},
	}
}

// insideAttacks name addresses of the operator's network.
func insideAttacks() []attack {
	const group = "addresses that lead inside"
	issuer := func(name string, address func(s *scene) string) attack {
		return attack{group, name, func(s *scene) {
			asked := s.in.inside.hits.Load()
			a := s.admin("POST", "/custom-providers", acme(s.idp, object{"identifier": "custom:in" + uuid.NewString()[:6], "issuer": address(s)}))
			out := s.refused(a, 400, "validation_failed")
			require.NotContains(s, out.text, "of the operator")
			saml := s.admin("POST", "/sso/providers", object{"type": "saml", "metadata_url": address(s)})
			out = s.do(saml)
			s.refused(saml, out.status, out.code())
			require.Contains(s, []int{400, 422}, out.status, out.text)
			require.NotContains(s, out.text, "of the operator")
			require.Equal(s, asked, s.in.inside.hits.Load(), "it was asked")
		}}
	}
	fixed := func(address string) func(*scene) string { return func(*scene) string { return address } }
	return []attack{
		issuer("the loopback address", func(s *scene) string { return s.in.inside.url }),
		issuer("localhost by name", func(s *scene) string { return strings.Replace(s.in.inside.url, "127.0.0.1", "localhost", 1) }),
		issuer("the loopback address as one number", func(s *scene) string { return strings.Replace(s.in.inside.url, "127.0.0.1", "2130706433", 1) }),
		issuer("the loopback address in IPv6", func(s *scene) string { return strings.Replace(s.in.inside.url, "127.0.0.1", "[::ffff:127.0.0.1]", 1) }),
		issuer("a cloud's metadata", fixed("http://169.254.169.254")),
		issuer("a private network", fixed("https://10.0.0.1")),
		issuer("another scheme", fixed("file:///etc/passwd")),
		issuer("a server outside that sends on to one inside", func(s *scene) string { return s.in.leads(s.T, s.in.inside.url) }),
		{group, "a discovery document that names endpoints inside", func(s *scene) {
			defer s.rogue.Behave(oidc.Behaviour{})
			for _, key := range []string{"token_endpoint", "jwks_uri", "userinfo_endpoint"} {
				s.rogue.Behave(oidc.Behaviour{Discovery: object{key: s.in.inside.url + "/x"}})
				s.refused(s.admin("POST", "/custom-providers", acme(s.rogue, object{"identifier": "custom:in" + uuid.NewString()[:6],
					"discovery_url": s.rogue.URL + "/.well-known/openid-configuration?" + key + uuid.NewString()})), 400, "validation_failed")
			}
		}},
		{group, "a token endpoint that sends the secret on to one inside", func(s *scene) {
			defer s.rogue.Behave(oidc.Behaviour{})
			s.turnedBack(s.login("custom:rogue", s.account(nil), oidc.Behaviour{RedirectToken: s.in.inside.url + "/token"}), landing, "unexpected_failure")
		}},
		{group, "a hook at an address inside", func(s *scene) {
			asked := s.in.inside.hits.Load()
			for _, uri := range []string{s.in.inside.url, s.in.leads(s.T, s.in.inside.url)} {
				p := s.project(map[string]string{"auth.hook.before_user_created.enabled": "true", "auth.hook.before_user_created.uri": fmt.Sprintf("%q", uri),
					"auth.hook.before_user_created.secrets": `"v1,whsec_` + strings.Repeat("QUJD", 8) + `"`})
				a := ask{at: p, method: "POST", path: "/auth/v1/signup", body: object{"email": "h@example.com", "password": password}}
				out := s.do(a)
				require.GreaterOrEqual(s, out.status, 400, out.text)
				require.NotContains(s, out.text, "of the operator")
				require.Zero(s, one[int](s, p, "select count(*) from users"))
				s.tell(a, fmt.Sprint(out.status, " ", out.code()))
			}
			require.Equal(s, asked, s.in.inside.hits.Load())
		}},
	}
}
