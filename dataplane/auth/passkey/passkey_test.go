package passkey_test

import (
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/passkey"
	"github.com/wayli-app/fluxbase/dataplane/auth/webauthn/webauthntest"
)

const origin = "https://app.example.com"

func mount(b *authtest.Bundle) {
	passkey.New(passkey.Deps{Sessions: b.Sessions, Guard: b.Guard}).Routes(b.Router)
	*b = *b.With(map[string]string{"auth.passkey.enabled": "true", "auth.site_url": `"https://app.example.com/home"`})
}

func register(b *authtest.Bundle, access string, a *webauthntest.Authenticator) authtest.Answer {
	b.T.Helper()
	options := b.Call("POST", "/passkeys/registration/options", access, `{}`)
	require.Equal(b.T, 200, options.Status, options.Text)
	return b.Call("POST", "/passkeys/registration/verify", access, map[string]any{"challenge_id": options.Str("challenge_id"), "credential": a.Create(options.Body["options"])})
}

func options(b *authtest.Bundle) (challengeID string, given any) {
	b.T.Helper()
	out := b.Call("POST", "/passkeys/authentication/options", "", nil)
	require.Equal(b.T, 200, out.Status, out.Text)
	return out.Str("challenge_id"), out.Body["options"]
}

func signIn(b *authtest.Bundle, a *webauthntest.Authenticator) authtest.Answer {
	b.T.Helper()
	id, given := options(b)
	return b.Call("POST", "/passkeys/authentication/verify", "", map[string]any{"challenge_id": id, "credential": a.Get(given)})
}

// user makes a user who is signed in and has a passkey.
func user(b *authtest.Bundle, email string) (uuid.UUID, string, *webauthntest.Authenticator) {
	b.T.Helper()
	id := b.User(email, "")
	access := b.SignIn(id).AccessToken
	a := webauthntest.New(b.T, origin)
	made := register(b, access, a)
	require.Equal(b.T, 200, made.Status, made.Text)
	return id, access, a
}

func TestAPasskeySignsIn(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		ada := b.User("ada@example.com", "")
		access := b.SignIn(ada).AccessToken
		out := b.Call("POST", "/passkeys/registration/options", access, `{}`)
		given := out.Body["options"].(map[string]any)
		require.Equal(t, map[string]any{"id": "app.example.com", "name": "app.example.com"}, given["rp"])
		require.Equal(t, "ada@example.com", given["user"].(map[string]any)["name"])
		require.Equal(t, "required", given["authenticatorSelection"].(map[string]any)["userVerification"])
		require.Equal(t, "required", given["authenticatorSelection"].(map[string]any)["residentKey"])
		require.Equal(t, "none", given["attestation"])
		require.NotZero(t, out.Body["expires_at"])

		a := webauthntest.New(t, origin)
		made := b.Call("POST", "/passkeys/registration/verify", access, map[string]any{"challenge_id": out.Str("challenge_id"), "credential": a.Create(given)})
		require.Equal(t, 200, made.Status, made.Text)
		require.NotEmpty(t, made.Str("created_at"))

		in := signIn(b, a)
		require.Equal(t, 200, in.Status, in.Text)
		require.Equal(t, ada.String(), in.User()["id"])
		verified, err := b.Project.Verifier.Verify(in.Str("access_token"), time.Now())
		require.NoError(t, err)
		claims := verified.Claims
		require.Equal(t, "aal1", claims["aal"])
		require.Equal(t, "passkey", claims["amr"].([]any)[0].(map[string]any)["method"])
		require.Equal(t, 200, signIn(b, a).Status, "again, with the next count")
		require.Equal(t, 4, b.Count("select sign_count from webauthn_credentials")+1)
		require.Zero(t, b.Count("select count(*) from webauthn_challenges"))
		require.Equal(t, 2, b.Count("select count(*) from audit_log_entries where payload ->> 'action' = 'login'"))
		require.Equal(t, 1, b.Count("select count(*) from audit_log_entries where payload ->> 'action' = 'passkey_created'"))
	})
}

func TestAnswersThatAreRefused(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		_, _, ada := user(b, "ada@example.com")
		eve, eveAccess, evil := user(b, "eve@example.com")
		lie := func(a *webauthntest.Authenticator, change func(*webauthntest.Authenticator)) *webauthntest.Authenticator {
			c := a.Clone()
			change(c)
			return c
		}
		for name, a := range map[string]*webauthntest.Authenticator{
			"another origin":                 lie(ada, func(a *webauthntest.Authenticator) { a.Origin = "https://evil.example.com" }),
			"the origin's insecure twin":     lie(ada, func(a *webauthntest.Authenticator) { a.Origin = "http://app.example.com" }),
			"another port of the origin":     lie(ada, func(a *webauthntest.Authenticator) { a.Origin = origin + ":8443" }),
			"another relying party":          lie(ada, func(a *webauthntest.Authenticator) { a.RPID = "example.com" }),
			"a user who was not verified":    lie(ada, func(a *webauthntest.Authenticator) { a.Unverified = true }),
			"nobody there":                   lie(ada, func(a *webauthntest.Authenticator) { a.Absent = true }),
			"another challenge":              lie(ada, func(a *webauthntest.Authenticator) { a.Challenge = strings.Repeat("A", 43) }),
			"a page in another site's frame": lie(ada, func(a *webauthntest.Authenticator) { a.Framed = true }),
			"another ceremony":               lie(ada, func(a *webauthntest.Authenticator) { a.Ceremony = "webauthn.create" }),
			"a counter that did not go on":   lie(ada, func(a *webauthntest.Authenticator) { a.Counter = 1 }),
			"a counter that went back to 0":  lie(ada, func(a *webauthntest.Authenticator) { a.Counter = 0 }),
			"own passkey under another name": lie(ada, func(a *webauthntest.Authenticator) { a.UserHandle = []byte(eve.String()) }),
			"another's passkey, own key":     lie(evil, func(a *webauthntest.Authenticator) { a.ID = ada.ID }),
			"no user":                        lie(ada, func(a *webauthntest.Authenticator) { a.UserHandle = []byte{} }),
		} {
			out := signIn(b, a)
			require.Equal(t, "webauthn_verification_failed", out.Code(), name)
			require.Equal(t, 400, out.Status, name)
		}
		b.Refused(signIn(b, lie(ada, func(a *webauthntest.Authenticator) { a.ID = []byte("nobody's") })), 400, "webauthn_credential_not_found")
		require.Zero(t, b.Count("select count(*) from webauthn_challenges"), "a refused answer uses its challenge up")
		require.Equal(t, 200, signIn(b, ada).Status, "and harms nobody")
		require.Positive(t, b.Count("select count(*) from audit_log_entries where payload ->> 'action' = 'passkey_refused'"))

		for name, change := range map[string]func(*webauthntest.Authenticator){
			"another origin":              func(a *webauthntest.Authenticator) { a.Origin = "https://example.com" },
			"another relying party":       func(a *webauthntest.Authenticator) { a.RPID = "evil.example.com" },
			"a user who was not verified": func(a *webauthntest.Authenticator) { a.Unverified = true },
			"another challenge":           func(a *webauthntest.Authenticator) { a.Challenge = strings.Repeat("A", 43) },
			"another ceremony":            func(a *webauthntest.Authenticator) { a.Ceremony = "webauthn.get" },
		} {
			out := register(b, eveAccess, lie(webauthntest.New(t, origin), change))
			require.Equal(t, "webauthn_verification_failed", out.Code(), name)
		}
		taken := register(b, eveAccess, lie(webauthntest.New(t, origin), func(a *webauthntest.Authenticator) { a.ID = ada.ID }))
		b.Refused(taken, 422, "webauthn_credential_exists")
	})
}

func TestAChallengeIsAnsweredOnce(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		_, access, a := user(b, "ada@example.com")
		id, given := options(b)
		body := map[string]any{"challenge_id": id, "credential": a.Get(given)}
		var wait sync.WaitGroup
		var mu sync.Mutex
		statuses := map[int]int{}
		for range 6 {
			wait.Go(func() {
				out := b.Call("POST", "/passkeys/authentication/verify", "", body)
				mu.Lock()
				defer mu.Unlock()
				statuses[out.Status]++
			})
		}
		wait.Wait()
		require.Equal(t, map[int]int{200: 1, 400: 5}, statuses)
		b.Refused(b.Call("POST", "/passkeys/authentication/verify", "", body), 400, "webauthn_challenge_not_found")

		// Challenges are of one kind, and registrations of one user.
		out := b.Call("POST", "/passkeys/registration/options", access, nil)
		made := webauthntest.New(t, origin).Create(out.Body["options"])
		eve := b.SignIn(b.User("eve@example.com", "")).AccessToken
		b.Refused(b.Call("POST", "/passkeys/registration/verify", eve, map[string]any{"challenge_id": out.Str("challenge_id"), "credential": made}), 400, "webauthn_challenge_not_found")
		b.Refused(b.Call("POST", "/passkeys/authentication/verify", "", map[string]any{"challenge_id": out.Str("challenge_id"), "credential": made}), 400, "webauthn_challenge_not_found")
		require.Equal(t, 200, b.Call("POST", "/passkeys/registration/verify", access, map[string]any{"challenge_id": out.Str("challenge_id"), "credential": made}).Status)

		id, given = options(b)
		b.Exec("update webauthn_challenges set expires_at = now() - interval '1 second'")
		b.Refused(b.Call("POST", "/passkeys/authentication/verify", "", map[string]any{"challenge_id": id, "credential": a.Get(given)}), 400, "webauthn_challenge_expired")
		options(b)
		b.Exec("update webauthn_challenges set expires_at = now() - interval '2 hours'")
		options(b)
		require.Equal(t, 1, b.Count("select count(*) from webauthn_challenges"), "what is long over is cleared away")
	})
}

func TestAnswersThatLackSomething(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		access := b.SignIn(b.User("ada@example.com", "")).AccessToken
		for path, bearer := range map[string]string{"/passkeys/registration/verify": access, "/passkeys/authentication/verify": ""} {
			b.Refused(b.Call("POST", path, bearer, `{"credential":{}}`), 400, "validation_failed")
			b.Refused(b.Call("POST", path, bearer, `{"challenge_id":"x","credential":{}}`), 400, "validation_failed")
			b.Refused(b.Call("POST", path, bearer, `{"challenge_id":"`+uuid.NewString()+`"}`), 400, "validation_failed")
			b.Refused(b.Call("POST", path, bearer, `{"challenge_id":"`+uuid.NewString()+`","credential":null}`), 400, "validation_failed")
			b.Refused(b.Call("POST", path, bearer, `{"challenge_id":"`+uuid.NewString()+`","credential":{}}`), 400, "webauthn_challenge_not_found")
			b.Refused(b.Call("POST", path, bearer, `[]`), 400, "bad_json")
		}
		for _, garbage := range []string{`{}`, `[]`, `"x"`, `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`,
			`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AAAA","signature":"AA","userHandle":"AA"}}`} {
			id, _ := options(b)
			b.Refused(b.Call("POST", "/passkeys/authentication/verify", "", `{"challenge_id":"`+id+`","credential":`+garbage+`}`), 400, "webauthn_verification_failed")
			out := b.Call("POST", "/passkeys/registration/options", access, nil)
			b.Refused(b.Call("POST", "/passkeys/registration/verify", access, `{"challenge_id":"`+out.Str("challenge_id")+`","credential":`+garbage+`}`), 400, "webauthn_verification_failed")
		}
	})
}

func TestWhoMayRegister(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		ada := b.User("ada@example.com", "")
		access := b.SignIn(ada).AccessToken
		try := func() authtest.Answer { return b.Call("POST", "/passkeys/registration/options", access, `{}`) }
		b.Refused(b.Call("POST", "/passkeys/registration/options", "", `{}`), 401, "no_authorization")
		b.Refused(b.Call("GET", "/passkeys", "", nil), 401, "no_authorization")

		b.Exec("update users set is_sso_user = true")
		b.Refused(try(), 422, "validation_failed")
		b.Exec("update users set is_sso_user = false, is_anonymous = true")
		b.Refused(try(), 403, "no_authorization")
		b.Exec("update users set is_anonymous = false, email_confirmed_at = null")
		b.Refused(try(), 403, "email_not_confirmed")
		b.Exec("update users set email_confirmed_at = now()")
		b.Exec("update sessions set oauth_client_id = gen_random_uuid()")
		b.Refused(try(), 403, "insufficient_scope")
		b.Exec("update sessions set oauth_client_id = null")
		b.Exec("update mfa_amr_claims set authentication_method = 'impersonation'")
		b.Refused(try(), 403, "no_authorization")
		b.Refused(b.Call("GET", "/passkeys", access, nil), 403, "no_authorization")
		b.Exec("update mfa_amr_claims set authentication_method = 'password'")

		// Who has a second factor shows it before changing how they sign in; the challenge is not lost over it.
		begun := try()
		b.Exec("insert into mfa_factors (id, user_id, factor_type, status, created_at, updated_at) values (gen_random_uuid(), $1, 'totp', 'verified', now(), now())", ada)
		b.Refused(try(), 403, "insufficient_aal")
		body := map[string]any{"challenge_id": begun.Str("challenge_id"), "credential": webauthntest.New(t, origin).Create(begun.Body["options"])}
		b.Refused(b.Call("POST", "/passkeys/registration/verify", access, body), 403, "insufficient_aal")
		b.Exec("update sessions set aal = 'aal2'")
		made := b.Call("POST", "/passkeys/registration/verify", access, body)
		require.Equal(t, 200, made.Status, made.Text)
		b.Exec("update sessions set aal = 'aal1'")
		b.Refused(b.Call("PATCH", "/passkeys/"+made.Str("id"), access, `{"friendly_name":"x"}`), 403, "insufficient_aal")
		b.Refused(b.Call("DELETE", "/passkeys/"+made.Str("id"), access, nil), 403, "insufficient_aal")
		require.Equal(t, 200, b.Call("GET", "/passkeys", access, nil).Status)

		b = b.With(map[string]string{"auth.passkey.enabled": "false"})
		b.Refused(b.Call("POST", "/passkeys/registration/options", access, `{}`), 404, "passkey_disabled")
		b.Refused(b.Call("POST", "/passkeys/authentication/options", "", `{}`), 404, "passkey_disabled")
		b.Refused(b.Call("GET", "/admin/users/"+ada.String()+"/passkeys", authtest.Secret, nil), 404, "passkey_disabled")
	})
}

func TestWhoMaySignIn(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		_, _, a := user(b, "ada@example.com")
		b.Exec("update users set email_confirmed_at = null")
		b.Refused(signIn(b, a), 403, "email_not_confirmed")
		b.Exec("update users set email_confirmed_at = now(), phone = '31600000000'")
		b.Refused(signIn(b, a), 403, "phone_not_confirmed")
		b.Exec("update users set phone = null, banned_until = now() + interval '1 hour'")
		b.Refused(signIn(b, a), 403, "user_banned")
		b.Exec("update users set banned_until = null, deleted_at = now()")
		b.Refused(signIn(b, a), 403, "user_not_found")
		b.Exec("update users set deleted_at = null")
		require.Equal(t, 200, signIn(b, a).Status)

		b = b.With(map[string]string{"auth.captcha.enabled": "true", "auth.captcha.secret": `"x"`})
		b.Refused(b.Call("POST", "/passkeys/authentication/options", "", `{}`), 400, "captcha_failed")
	})
}

func TestPasskeysAreCounted(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		ada, access, _ := user(b, "ada@example.com")
		begun := b.Call("POST", "/passkeys/registration/options", access, nil)
		exclude := begun.Body["options"].(map[string]any)["excludeCredentials"].([]any)
		require.Len(t, exclude, 1, "what is registered already is not to be offered")
		b.Exec(`insert into webauthn_credentials (user_id, credential_id, public_key) select $1, ('x' || n)::bytea, '' from generate_series(1, 9) n`, ada)
		b.Refused(b.Call("POST", "/passkeys/registration/options", access, nil), 422, "too_many_passkeys")
		late := b.Call("POST", "/passkeys/registration/verify", access, map[string]any{"challenge_id": begun.Str("challenge_id"), "credential": webauthntest.New(t, origin).Create(begun.Body["options"])})
		b.Refused(late, 422, "too_many_passkeys")
	})
}

func TestManaging(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		ada, access, a := user(b, "ada@example.com")
		eve, evil, _ := user(b, "eve@example.com")
		require.Equal(t, 200, signIn(b, a).Status)
		list := func(path, bearer string) (out []map[string]any) {
			t.Helper()
			answer := b.Call("GET", path, bearer, nil)
			require.Equal(t, 200, answer.Status, answer.Text)
			require.NoError(t, json.Unmarshal([]byte(answer.Text), &out))
			return out
		}
		own := list("/passkeys", access)
		require.Len(t, own, 1)
		require.ElementsMatch(t, []string{"id", "created_at", "last_used_at"}, keys(own[0]))
		id := own[0]["id"].(string)

		renamed := b.Call("PATCH", "/passkeys/"+id, access, `{"friendly_name":" Work laptop "}`)
		require.Equal(t, 200, renamed.Status, renamed.Text)
		require.Equal(t, "Work laptop", renamed.Str("friendly_name"))
		require.NotEmpty(t, renamed.Str("last_used_at"))
		b.Refused(b.Call("PATCH", "/passkeys/"+id, access, `{"friendly_name":" "}`), 400, "validation_failed")
		b.Refused(b.Call("PATCH", "/passkeys/"+id, access, `{"friendly_name":"`+strings.Repeat("ä", 121)+`"}`), 400, "validation_failed")
		b.Refused(b.Call("PATCH", "/passkeys/"+id, access, `{"friendly_name":"a\u0000"}`), 400, "validation_failed")
		b.Refused(b.Call("PATCH", "/passkeys/x", access, `{"friendly_name":"a"}`), 400, "validation_failed")
		b.Refused(b.Call("PATCH", "/passkeys/"+id, evil, `{"friendly_name":"mine"}`), 404, "webauthn_credential_not_found")
		b.Refused(b.Call("DELETE", "/passkeys/"+id, evil, nil), 404, "webauthn_credential_not_found")
		b.Refused(b.Call("DELETE", "/passkeys/"+uuid.NewString(), access, nil), 404, "webauthn_credential_not_found")

		admin := "/admin/users/" + ada.String() + "/passkeys"
		require.Equal(t, id, list(admin, authtest.Secret)[0]["id"])
		b.Refused(b.Call("GET", admin, access, nil), 403, "not_admin")
		b.Refused(b.Call("DELETE", admin+"/"+id, access, nil), 403, "not_admin")
		b.Refused(b.Call("GET", "/admin/users/"+uuid.NewString()+"/passkeys", authtest.Secret, nil), 404, "user_not_found")
		b.Refused(b.Call("DELETE", "/admin/users/"+eve.String()+"/passkeys/"+id, authtest.Secret, nil), 404, "webauthn_credential_not_found")
		require.Equal(t, 200, b.Call("DELETE", admin+"/"+id, authtest.Secret, nil).Status)
		b.Refused(signIn(b, a), 400, "webauthn_credential_not_found")
		require.Empty(t, list("/passkeys", access))

		mine := list("/passkeys", evil)[0]["id"].(string)
		require.Equal(t, 200, b.Call("DELETE", "/passkeys/"+mine, evil, nil).Status)
		require.Equal(t, 2, b.Count("select count(*) from audit_log_entries where payload ->> 'action' = 'passkey_deleted'"))
	})
}

func keys(m map[string]any) (out []string) {
	for k := range maps.Keys(m) {
		out = append(out, k)
	}
	return out
}

func TestTheRelyingPartyIsTheProjects(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		_, _, a := user(b, "ada@example.com")
		wide := b.With(map[string]string{"auth.webauthn.rp_id": `"example.com"`, "auth.webauthn.rp_display_name": `"Example"`,
			"auth.webauthn.rp_origins": `["https://example.com","https://www.example.com"]`})
		access := wide.SignIn(wide.User("eve@example.com", "")).AccessToken
		for _, page := range []string{"https://example.com", "https://www.example.com"} {
			key := webauthntest.New(t, page)
			require.Equal(t, 200, register(wide, access, key).Status)
			require.Equal(t, 200, signIn(wide, key).Status)
		}
		wide.Refused(register(wide, access, webauthntest.New(t, origin)), 400, "webauthn_verification_failed")
		wide.Refused(signIn(wide, a), 400, "webauthn_verification_failed")

		other := authtest.New(t, false)
		mount(other)
		other.Refused(signIn(other, a), 400, "webauthn_credential_not_found")

		b.Refused(b.With(map[string]string{"auth.site_url": `"http://127.0.0.1:3000"`}).Call("POST", "/passkeys/authentication/options", "", nil), 422, "webauthn_not_configured")
	})
}

// What clients say of a passkey in words of their own is not kept.
func TestWordsOfClients(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		access := b.SignIn(b.User("ada@example.com", "")).AccessToken
		a := webauthntest.New(t, origin)
		a.Transports, a.Attachment = []string{"usb", "\x00", "carrier pigeon"}, "\x00"
		made := register(b, access, a)
		require.Equal(t, 200, made.Status, made.Text)
		require.Equal(t, `["usb"]`, authtest.One[string](b, "select transports::text from webauthn_credentials"))
		require.Equal(t, 200, signIn(b, a).Status)
	})
}

// GoTrue has told authenticators other handles than the text of the user's id.
func TestHandlesInAnotherForm(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		id, _, a := user(b, "ada@example.com")
		a.UserHandle = id[:]
		require.Equal(t, 200, signIn(b, a).Status)
		eve := b.User("eve@example.com", "")
		a.UserHandle = eve[:]
		b.Refused(signIn(b, a), 400, "webauthn_verification_failed")
	})
}
