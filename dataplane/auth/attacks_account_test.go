package auth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"sort"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/webauthn/webauthntest"
)

func factorAttacks() []attack {
	const group = "second factors"
	put := func(u *person, body object) ask {
		return ask{method: "PUT", path: "/auth/v1/user", bearer: u.access, body: body}
	}
	return []attack{
		{group, "a stolen password, to change password, address or factors of who has a second factor", func(s *scene) {
			u, factor, _ := s.withApp()
			thief := *u
			s.signIn(&thief)
			s.refused(put(&thief, object{"password": "the attacker's own"}), 401, "insufficient_aal")
			s.refused(put(&thief, object{"email": "evil@evil.example"}), 401, "insufficient_aal")
			for _, a := range []ask{{method: "DELETE", path: "/auth/v1/factors/" + factor}, {method: "POST", path: "/auth/v1/factors", body: object{"factor_type": "totp", "friendly_name": "Mine"}}} {
				a.bearer = thief.access
				out := s.do(a)
				s.refused(a, out.status, "insufficient_aal")
			}
		}},
		{group, "another user's factor", func(s *scene) {
			_, factor, secret := s.withApp()
			mallory := s.person()
			s.refused(ask{method: "POST", path: "/auth/v1/factors/" + factor + "/challenge", bearer: mallory.access, body: object{}}, 404, "mfa_factor_not_found")
			s.refused(s.answerFactor(mallory, factor, uuid.NewString(), s.appCode(secret, 0)), 404, "mfa_factor_not_found")
			s.refused(ask{method: "DELETE", path: "/auth/v1/factors/" + factor, bearer: mallory.access}, 404, "mfa_factor_not_found")
		}},
		{group, "the challenge of one factor, answered by another of the attacker's", func(s *scene) {
			u, factor, _ := s.withApp()
			mallory, own, secret := s.withApp()
			s.refused(s.answerFactor(mallory, own, s.challenge(u, factor), s.appCode(secret, 1)), 422, "mfa_factor_not_found")
		}},
		{group, "a code of ten minutes ago, and one of the future", func(s *scene) {
			u, factor, secret := s.withApp()
			thief := *u
			s.signIn(&thief)
			for _, steps := range []int{-20, -4, 4, 20} {
				s.refused(s.answerFactor(&thief, factor, s.challenge(&thief, factor), s.appCode(secret, steps)), 422, "mfa_verification_failed")
			}
		}},
		{group, "a level of the attacker's choice in the body", func(s *scene) {
			u, _, _ := s.withApp()
			thief := *u
			a := s.post("/token?grant_type=password", object{"email": u.email, "password": password, "aal": "aal2", "amr": []string{"totp"}, "data": object{"aal": "aal2"}})
			s.holds(&thief, s.must(200, a))
			require.Equal(s, "aal1", claimsOf(s, thief.access)["aal"])
			s.ignored(a, "aal1")
		}},
	}
}

func passkeyAttacks() (out []attack) {
	lies := []struct {
		name string
		lie  func(a *webauthntest.Authenticator)
	}{
		{"a page of another origin", func(a *webauthntest.Authenticator) { a.Origin = "https://evil.example" }},
		{"the site's insecure twin", func(a *webauthntest.Authenticator) { a.Origin = "http://app.example.com" }},
		{"the site's name as a subdomain of another", func(a *webauthntest.Authenticator) { a.Origin = "https://app.example.com.evil.example" }},
		{"another relying party", func(a *webauthntest.Authenticator) { a.RPID = "evil.example" }},
		{"a page in another site's frame", func(a *webauthntest.Authenticator) { a.Framed = true }},
		{"nobody verified", func(a *webauthntest.Authenticator) { a.Unverified = true }},
		{"another challenge", func(a *webauthntest.Authenticator) { a.Challenge = strings.Repeat("A", 43) }},
		{"the answer of a registration", func(a *webauthntest.Authenticator) { a.Ceremony = "webauthn.create" }},
		{"a clone, whose counter stands still", func(a *webauthntest.Authenticator) { a.Counter = 1 }},
	}
	for _, row := range lies {
		out = append(out, attack{"passkeys", row.name, func(s *scene) {
			_, a := s.withPasskey()
			liar := a.Clone()
			row.lie(liar)
			s.refused(s.post("/passkeys/authentication/verify", s.passkeyAnswer(liar)), 400, "webauthn_verification_failed")
			s.must(200, s.post("/passkeys/authentication/verify", s.passkeyAnswer(a)))
		}})
	}
	return append(out, attack{"passkeys", "one's own passkey under the victim's name, and the victim's id over one's own key", func(s *scene) {
		u, victim := s.withPasskey()
		_, own := s.withPasskey()
		other := own.Clone()
		other.UserHandle = []byte(u.id)
		s.refused(s.post("/passkeys/authentication/verify", s.passkeyAnswer(other)), 400, "webauthn_verification_failed")
		other = own.Clone()
		other.ID = victim.ID
		s.refused(s.post("/passkeys/authentication/verify", s.passkeyAnswer(other)), 400, "webauthn_verification_failed")
	}})
}

func accountAttacks() []attack {
	const group = "accounts"
	// privileges are what nobody may say of themselves.
	privileges := object{"role": "service_role", "aud": "admin", "id": "00000000-0000-0000-0000-000000000001", "app_metadata": object{"admin": true, "provider": "evil"},
		"raw_app_meta_data": object{"admin": true}, "is_super_admin": true, "is_sso_user": true, "email_confirm": true, "email_confirmed_at": "2020-01-01T00:00:00Z", "phone_confirm": true,
		"banned_until": nil, "confirmed_at": "2020-01-01T00:00:00Z", "encrypted_password": hashed, "password_hash": hashed, "ban_duration": "none", "instance_id": uuid.NewString()}
	with := func(more object) object {
		out := object{}
		for _, m := range []object{privileges, more} {
			for key, value := range m {
				out[key] = value
			}
		}
		return out
	}
	const plain = `select count(*) from users where email = $1 and role = 'authenticated' and aud = 'authenticated' and not coalesce(is_super_admin, false) and not is_sso_user
		and coalesce(raw_app_meta_data ->> 'admin', '') = '' and raw_app_meta_data ->> 'provider' = 'email' and id <> '00000000-0000-0000-0000-000000000001'`
	return []attack{
		{group, "roles, metadata of the app and a confirmation in one's own sign-up", func(s *scene) {
			email := "m" + uuid.NewString()[:8] + "@example.com"
			a := s.post("/signup", with(object{"email": email, "password": password, "data": privileges}))
			s.must(200, a)
			require.Equal(s, 1, one[int](s, s.victim, plain+" and email_confirmed_at is null", email))
			s.ignored(a, "an ordinary user, not confirmed")
			s.refused(s.post("/token?grant_type=password", object{"email": email, "password": password}), 400, "email_not_confirmed")
		}},
		{group, "roles, metadata of the app and an id in a change of oneself", func(s *scene) {
			u := s.person()
			a := ask{method: "PUT", path: "/auth/v1/user", bearer: u.access, body: with(object{"data": object{"name": "x"}})}
			s.must(200, a)
			require.Equal(s, 1, one[int](s, s.victim, plain+" and id = $2", u.email, u.id))
			s.refresh(u)
			require.Equal(s, "authenticated", claimsOf(s, u.access)["role"])
			s.ignored(a, "an ordinary user still")
		}},
		{group, "a permanent user, said to be by an anonymous one", func(s *scene) {
			out := s.must(200, s.post("/signup", object{"is_anonymous": false, "data": object{"is_anonymous": false}}))
			u := &person{at: s.victim}
			s.holds(u, out)
			a := ask{method: "PUT", path: "/auth/v1/user", bearer: u.access, body: object{"is_anonymous": false, "data": object{"is_anonymous": false}}}
			s.must(200, a)
			s.refresh(u)
			require.Equal(s, true, claimsOf(s, u.access)["is_anonymous"])
			s.ignored(a, "is_anonymous stays")
			s.refused(ask{method: "PUT", path: "/auth/v1/user", bearer: u.access, body: object{"password": password}}, 422, "validation_failed")
		}},
		{group, "a stolen session, to move the account to another address at once", func(s *scene) {
			u := s.person()
			evil := "evil" + uuid.NewString()[:8] + "@evil.example"
			s.must(200, ask{method: "PUT", path: "/auth/v1/user", bearer: u.access, body: object{"email": evil}})
			mail := s.in.mailboxes.next(s.T, s.victim.Ref, evil)
			a := ask{path: s.linkOf(mail.HTML), noKey: true}
			s.must(303, a)
			require.Equal(s, u.email, one[string](s, s.victim, "select email from users where id = $1", u.id))
			s.tell(a, "303, the old address must confirm too")
			s.refused(s.post("/recover", object{"email": "x"}), 400, "validation_failed")
		}},
	}
}

// credentialAttacks are on addresses and passwords.
func credentialAttacks() []attack {
	const group = "accounts"
	return []attack{
		{group, "another user's address, confirmed by the attacker's own mailbox", func(s *scene) {
			u, mallory := s.newcomer(s.victim), s.person()
			const row = "select to_jsonb(u)::text from users u where id = $1"
			before := one[string](s, s.victim, row, u.id)
			for _, email := range []string{u.email, strings.ToUpper(u.email), " " + u.email + " "} {
				a := ask{method: "PUT", path: "/auth/v1/user", bearer: mallory.access, body: object{"email": email}}
				s.must(200, a) // as for an address that nobody has
				mine := s.in.mailboxes.next(s.T, s.victim.Ref, mallory.email)
				require.NotContains(s, s.do(ask{path: s.linkOf(mine.HTML), noKey: true}).header.Get("Location"), "access_token")
				require.Equal(s, mallory.email, one[string](s, s.victim, "select email from users where id = $1", mallory.id))
				require.Equal(s, before, one[string](s, s.victim, row, u.id))
				s.tell(a, "200 as for a free one, and its owner keeps it")
			}
		}},
		{group, "a password that is weak, or longer than bcrypt looks at", func(s *scene) {
			u := s.person()
			s.refused(ask{method: "PUT", path: "/auth/v1/user", bearer: u.access, body: object{"password": "x"}}, 422, "weak_password")
			for _, path := range []string{"/signup"} {
				s.refused(s.post(path, object{"email": "long@example.com", "password": strings.Repeat("a", 73)}), 400, "validation_failed")
			}
			s.refused(s.post("/token?grant_type=password", object{"email": u.email, "password": password + strings.Repeat("x", 72)}), 400, "invalid_credentials")
			s.refused(s.post("/token?grant_type=password", object{"email": u.email, "password": password + "\x00x"}), 400, "invalid_credentials")
		}},
	}
}

func adminAttacks() []attack {
	const group = "admin API"
	u := uuid.NewString()
	doors := []ask{{path: "/users"}, {method: "POST", path: "/users", body: object{"email": "x@example.com"}}, {method: "PUT", path: "/users/" + u, body: object{"role": "service_role"}},
		{method: "DELETE", path: "/users/" + u}, {method: "POST", path: "/generate_link", body: object{"type": "magiclink", "email": "x@example.com"}}, {path: "/audit"},
		{path: "/sso/providers"}, {path: "/custom-providers"}, {path: "/oauth/clients"}, {method: "POST", path: "/users/" + u + "/impersonate", body: object{"reason": "x"}}}
	all := func(s *scene, status int, code string, change func(a *ask)) {
		s.Helper()
		for _, a := range doors {
			a.path = "/auth/v1/admin" + a.path
			change(&a)
			s.refused(a, status, code)
		}
	}
	return []attack{
		{group, "no key at all", func(s *scene) { all(s, 401, "API_KEY_MISSING", func(a *ask) { a.noKey = true }) }},
		{group, "the publishable key", func(s *scene) { all(s, 403, "not_admin", func(*ask) {}) }},
		{group, "the JWT anon", func(s *scene) {
			all(s, 403, "not_admin", func(a *ask) { a.key, a.bearer = s.victim.keys.Anon, s.victim.keys.Anon })
		}},
		{group, "a user's token", func(s *scene) {
			access := s.person().access
			all(s, 403, "not_admin", func(a *ask) { a.bearer = access })
		}},
		{group, "a user's token beside the secret key, as a confused server sends it", func(s *scene) {
			access := s.person().access
			all(s, 403, "not_admin", func(a *ask) { a.key, a.bearer = s.victim.keys.Secret, access })
		}},
		{group, "a secret key without the scope auth:admin", func(s *scene) { all(s, 403, "insufficient_scope", func(a *ask) { a.key = s.victim.readOnly }) }},
		{group, "a session of impersonation, to change the account", func(s *scene) {
			u := s.newcomer(s.victim)
			out := s.must(200, s.admin("POST", "/users/"+u.id+"/impersonate", object{"reason": "support"}))
			for _, a := range []ask{{method: "PUT", path: "/auth/v1/user", body: object{"password": "the helper's own"}}, {method: "POST", path: "/auth/v1/factors", body: object{"factor_type": "totp"}}} {
				a.bearer = out.str("access_token")
				s.refused(a, 403, "impersonated")
			}
		}},
	}
}

func inputAttacks() []attack {
	const group = "hostile input"
	return []attack{
		{group, "addresses in look-alike letters, with NUL, dots and no host", func(s *scene) {
			u := s.newcomer(s.victim)
			for _, email := range []string{strings.Replace(u.email, "u", "ｕ", 1), strings.Replace(u.email, "@", "＠", 1), "ad\u0131@example.com", u.email + "\x00", u.email + ".", "a@b@example.com", "@example.com",
				"a\u200b@example.com", strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("b", 250) + ".com", "a@[127.0.0.1]", "'or''='@", u.email + "\u202e"} {
				for _, path := range []string{"/signup", "/otp", "/recover"} {
					s.refused(s.post(path, object{"email": email, "password": password}), 400, "validation_failed")
				}
			}
		}},
		{group, "an address with the Kelvin sign, which is k in lower case", func(s *scene) {
			u := s.newcomer(s.victim)
			s.exec(s.victim, "update users set email = 'k' || email where id = $1", u.id)
			kelvin := "\u212a" + u.email
			out := s.do(s.post("/token?grant_type=password", object{"email": kelvin, "password": password}))
			require.NotEqual(s, 200, out.status)
			s.refused(s.post("/token?grant_type=password", object{"email": kelvin, "password": password}), out.status, out.code())
			s.refused(s.post("/otp", object{"email": kelvin}), 400, "validation_failed")
		}},
		{group, "bodies that are too large", func(s *scene) {
			huge := `{"email":"a@example.com","password":"` + strings.Repeat("a", 70<<10) + `"}`
			for _, path := range []string{"/signup", "/token?grant_type=password", "/otp", "/verify", "/recover"} {
				s.refused(s.post(path, huge), 400, "validation_failed")
			}
		}},
		{group, "more metadata than a token carries", func(s *scene) {
			u := s.person()
			data := object{"x": strings.Repeat("a", 17<<10)}
			s.refused(ask{method: "PUT", path: "/auth/v1/user", bearer: u.access, body: object{"data": data}}, 400, "validation_failed")
			s.refused(s.post("/signup", object{"email": "big@example.com", "password": password, "data": data}), 400, "validation_failed")
		}},
		{group, "NUL, broken UTF-8 and bodies that are no JSON", func(s *scene) {
			s.refused(s.post("/signup", `{"email":"nul@example.com","password":"correct horse","data":{"a":"\u0000"}}`), 400, "validation_failed")
			for _, body := range []string{"{\"email\":\"\xff\"}", "email=a@example.com", "[]", `{"email":{"$ne":""},"password":{"$ne":""}}`, strings.Repeat("[", 20000)} {
				s.refused(s.post("/token?grant_type=password", body), 400, "bad_json")
			}
		}},
		{group, "hashes of passwords that take a worker down", func(s *scene) {
			for _, hash := range []string{"$argon2id$v=19$m=4194304,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk",
				"$argon2id$v=19$m=32,t=2000000000,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk", "$2a$31$" + strings.Repeat("a", 53), "plain"} {
				out := s.do(s.admin("POST", "/users", object{"email": "hash@example.com", "password_hash": hash}))
				s.refused(s.admin("POST", "/users", object{"email": "hash@example.com", "password_hash": hash}), out.status, out.code())
				require.Contains(s, []int{400, 422}, out.status, out.text)
			}
		}},
	}
}

var fractions = regexp.MustCompile(`\.[0-9]+Z`)

// told is what a stranger sees of an answer: without what differs at each request.
func told(out answer) string {
	names := []string{fmt.Sprint(out.status)}
	for name, values := range out.header {
		if name == "Date" || name == "X-Request-Id" || name == "Sb-Request-Id" || name == "Retry-After" || name == "Content-Length" {
			continue
		}
		names = append(names, name+"="+strings.Join(values, ","))
	}
	sort.Strings(names)
	var body any
	_ = json.Unmarshal([]byte(out.text), &body)
	// A time's last digits are left out when they are zero; how exact it is must not tell more than that.
	text := fractions.ReplaceAllStringFunc(out.text, func(f string) string { return fmt.Sprint(".", len(f) > len(".123456Z")) })
	return fmt.Sprint(strings.Join(names, "\n"), shape(body), len(text))
}

// shape is a body with its values left out where they are ids, times and addresses.
func shape(v any) string {
	switch v := v.(type) {
	case object:
		var keys []string
		for key, value := range v {
			if text, ok := value.(string); ok && (key == "error_code" || key == "msg") {
				keys = append(keys, key+":"+text)
				continue
			}
			keys = append(keys, key+":"+shape(value))
		}
		sort.Strings(keys)
		return "{" + strings.Join(keys, ",") + "}"
	case []any:
		out := "["
		for _, value := range v {
			out += shape(value) + ","
		}
		return out + "]"
	default:
		return fmt.Sprintf("%T", v)
	}
}

// strangerAttacks ask for who has an account.
func strangerAttacks() (out []attack) {
	const group = "enumeration"
	same := func(name, path string, body func(email string) object) attack {
		return attack{group, name, func(s *scene) {
			var seen []string
			known, nobody := s.newcomer(s.victim), "x"+uuid.NewString()[:8]+"@example.com"
			fresh, banned := s.newcomer(s.victim), s.newcomer(s.victim)
			s.exec(s.victim, "update users set email_confirmed_at = null where id = $1", fresh.id)
			s.exec(s.victim, "update users set banned_until = now() + interval '1 day' where id = $1", banned.id)
			for _, email := range []string{known.email, nobody, fresh.email, banned.email} {
				a := s.post(path, body(email))
				a.header = http.Header{"X-Request-Id": {"same"}}
				answered := s.do(a)
				require.NotContains(s, answered.text, known.id)
				require.NotContains(s, answered.text, fresh.id)
				seen = append(seen, told(answered))
				s.tell(a, fmt.Sprint(answered.status, " for everyone"))
			}
			for i := range seen {
				require.Equal(s, seen[0], seen[i], "one can tell who has an account: %d", i)
			}
		}}
	}
	email := func(email string) object { return object{"email": email} }
	return []attack{
		same("a sign-in with a wrong password", "/token?grant_type=password", func(e string) object { return object{"email": e, "password": "wrong"} }),
		same("a password to be set anew", "/recover", email),
		same("a link to sign in or up", "/otp", email),
		same("a confirmation, sent again", "/resend", func(e string) object { return object{"email": e, "type": "signup"} }),
		same("a guess at a code", "/verify", func(e string) object { return object{"type": "recovery", "email": e, "token": "000000"} }),
		same("a sign-up with an address that is known", "/signup", func(e string) object { return object{"email": e, "password": "correct horse battery"} }),
		same("a sign-in at a company that has none", "/sso", func(e string) object { return object{"domain": strings.Split(e, "@")[1]} }),
		{group, "a table of users through REST", func(s *scene) {
			u := s.person()
			s.refused(ask{path: "/rest/v1/users", bearer: u.access}, 404, "PGRST205")
			s.refused(ask{path: "/rest/v1/users", bearer: u.access, header: http.Header{"Accept-Profile": {"auth"}}}, 406, "PGRST106")
		}},
		{group, "another user's account by their id", func(s *scene) {
			u, mallory := s.newcomer(s.victim), s.person()
			for _, path := range []string{"/auth/v1/user/" + u.id, "/auth/v1/users/" + u.id, "/auth/v1/user?id=" + u.id} {
				a := ask{path: path, bearer: mallory.access}
				got := s.do(a)
				require.NotContains(s, got.text, u.id)
				require.NotContains(s, got.text, u.email)
				s.tell(a, fmt.Sprint(got.status, ", nothing of the other"))
			}
		}},
	}
}
