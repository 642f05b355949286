package signup_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/signup"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// mount adds the routes under test.
func mount(b *authtest.Bundle) {
	s := signup.New(signup.Deps{Guard: b.Guard, Hooks: b.Hooks, Hasher: b.Hasher, Rules: b.Rules, Users: b.Users, Sessions: b.Sessions, Letters: b.Letters})
	s.Routes(b.Router)
	b.Router.Handle(http.MethodPost, "/token", func(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
		return s.Grants()["password"](w, r, bound)
	})
}

func signUp(b *authtest.Bundle, email, password string) authtest.Answer {
	b.T.Helper()
	out := b.Call("POST", "/signup", "", map[string]any{"email": email, "password": password})
	require.Equal(b.T, 200, out.Status, out.Text)
	return out
}

func signIn(b *authtest.Bundle, email, password string) authtest.Answer {
	b.T.Helper()
	return b.Call("POST", "/token?grant_type=password", "", map[string]any{"email": email, "password": password})
}

func TestSignUpSignsIn(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		out := b.Call("POST", "/signup", "", map[string]any{
			"email": " Ada@Example.com ", "password": "correct horse", "data": map[string]any{"name": "Ada", "gone": nil, "email": "x@evil"},
			"role": "service_role", "aud": "meta", "app_metadata": map[string]any{"admin": true}, "id": "00000000-0000-0000-0000-000000000001",
		})
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "bearer", out.Str("token_type"))
		require.InDelta(t, 3600, out.Body["expires_in"], 0)
		require.Equal(t, "no-store", out.Header.Get("Cache-Control"))

		user := out.User()
		require.Equal(t, "ada@example.com", user["email"])
		require.Equal(t, "authenticated", user["role"])
		require.Equal(t, "authenticated", user["aud"])
		require.NotEqual(t, "00000000-0000-0000-0000-000000000001", user["id"])
		require.Equal(t, map[string]any{"provider": "email", "providers": []any{"email"}}, user["app_metadata"])
		require.Equal(t, map[string]any{"name": "Ada", "sub": user["id"], "email": "ada@example.com", "email_verified": true, "phone_verified": false}, user["user_metadata"])
		for _, key := range []string{"email_confirmed_at", "confirmed_at", "last_sign_in_at", "created_at", "updated_at"} {
			at, err := time.Parse(time.RFC3339, user[key].(string))
			require.NoError(t, err, key)
			require.WithinDuration(t, time.Now(), at, time.Minute, key)
		}
		require.Equal(t, false, user["is_anonymous"])
		require.Empty(t, user["phone"])
		require.NotContains(t, out.Text, "encrypted_password")
		identities := user["identities"].([]any)
		require.Len(t, identities, 1)
		identity := identities[0].(map[string]any)
		require.Equal(t, "email", identity["provider"])
		require.Equal(t, user["id"], identity["id"])
		require.Equal(t, user["id"], identity["user_id"])
		require.Equal(t, "ada@example.com", identity["identity_data"].(map[string]any)["email"])

		verified, err := b.Project.Verifier.Verify(out.Str("access_token"), time.Now())
		require.NoError(t, err)
		require.Equal(t, b.Project.SigningKey.ID, verified.KeyID)
		require.Equal(t, user["id"], verified.Subject)
		require.Equal(t, "authenticated", verified.Role)
		require.Equal(t, []string{"authenticated"}, verified.Audience)
		require.Equal(t, b.Project.URL+"/auth/v1", verified.Claims["iss"])
		require.Equal(t, "aal1", verified.Claims["aal"])
		require.Equal(t, "password", verified.Claims["amr"].([]any)[0].(map[string]any)["method"])
		require.Equal(t, user["user_metadata"], verified.Claims["user_metadata"])
		require.Equal(t, out.Body["expires_at"], verified.Claims["exp"])
		require.NotEmpty(t, verified.SessionID)
		require.Equal(t, 1, b.Count("select count(*) from sessions where id = $1", verified.SessionID))
		require.Equal(t, 1, b.Count("select count(*) from users where encrypted_password like '$2a$10$%'"))
		require.Equal(t, 2, b.Count("select count(*) from audit_log_entries where payload->>'action' in ('user_signedup', 'login')"))
		require.Empty(t, b.Sent())
	})
}

func TestSignUpRefuses(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		signUp(b, "taken@example.com", "password")
		for name, c := range map[string]struct {
			body   any
			status int
			code   string
		}{
			"an address that is taken":                 {`{"email":"Taken@example.com","password":"password"}`, 422, "user_already_exists"},
			"no password":                              {`{"email":"a@example.com"}`, 400, "validation_failed"},
			"a short password":                         {`{"email":"a@example.com","password":"12345"}`, 422, "weak_password"},
			"a password that bcrypt would cut":         {`{"email":"a@example.com","password":"` + strings.Repeat("é", 37) + `"}`, 400, "validation_failed"},
			"what is no address":                       {`{"email":"a.example.com","password":"password"}`, 400, "validation_failed"},
			"what is no JSON":                          {`{"email":`, 400, "bad_json"},
			"nothing at all":                           {``, 400, "bad_json"},
			"an address of another type":               {`{"email":1,"password":"password"}`, 400, "bad_json"},
			"too much user data":                       {`{"email":"a@example.com","password":"password","data":{"x":"` + strings.Repeat("x", 20000) + `"}}`, 400, "validation_failed"},
			"a NUL that jsonb cannot hold":             {`{"email":"a@example.com","password":"password","data":{"x":"\u0000"}}`, 400, "validation_failed"},
			"a body beyond its bound":                  {strings.Repeat(" ", 70000), 400, "validation_failed"},
			"a phone, which this project does not use": {`{"phone":"+31600000000","password":"password"}`, 400, "phone_provider_disabled"},
			"a stranger without a name":                {`{}`, 422, "anonymous_provider_disabled"},
			"two names":                                {`{"email":"a@example.com","phone":"+31600000000","password":"password"}`, 400, "validation_failed"},
			"half of PKCE":                             {`{"email":"a@example.com","password":"password","code_challenge":"x"}`, 400, "validation_failed"},
		} {
			t.Run(name, func(t *testing.T) {
				inner := *b
				inner.T = t
				inner.Refused(inner.Call("POST", "/signup", "", c.body), c.status, c.code)
			})
		}
		require.Equal(t, 1, b.Count("select count(*) from users"))
		closed := b.With(map[string]string{"auth.disable_signup": "true", "auth.anonymous.enabled": "true"})
		closed.Refused(closed.Call("POST", "/signup", "", `{"email":"b@example.com","password":"password"}`), 422, "signup_disabled")
		closed.Refused(closed.Call("POST", "/signup", "", `{}`), 422, "signup_disabled")
		require.Equal(t, 200, signIn(closed, "taken@example.com", "password").Status)
		byPhone := b.With(map[string]string{"auth.email.enabled": "false"})
		byPhone.Refused(byPhone.Call("POST", "/signup", "", `{"email":"b@example.com","password":"password"}`), 400, "email_provider_disabled")
		byPhone.Refused(signIn(byPhone, "taken@example.com", "password"), 422, "email_provider_disabled")
		guarded := b.With(map[string]string{"auth.captcha.enabled": "true"})
		guarded.Refused(guarded.Call("POST", "/signup", "", `{"email":"b@example.com","password":"password"}`), 400, "captcha_failed")
		guarded.Refused(signIn(guarded, "taken@example.com", "password"), 400, "captcha_failed")
	})
}

func TestOneOfManySignUpsWins(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		var wait sync.WaitGroup
		statuses := make([]int, 6)
		for i := range statuses {
			wait.Go(func() {
				statuses[i] = b.Call("POST", "/signup", "", map[string]any{"email": "race@example.com", "password": "password"}).Status
			})
		}
		wait.Wait()
		won := 0
		for _, status := range statuses {
			if status == 200 {
				won++
			} else {
				require.Equal(t, 422, status)
			}
		}
		require.Equal(t, 1, won)
		require.Equal(t, 1, b.Count("select count(*) from identities"))
	})
}

func TestATriggerOfTheProjectCanRefuseAUser(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b.Exec(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'secret rule'; end $$`)
		b.Exec(`create trigger refuse before insert on users for each row execute function refuse()`)
		out := b.Call("POST", "/signup", "", map[string]any{"email": "a@example.com", "password": "password"})
		b.Refused(out, 500, "unexpected_failure")
		require.Equal(t, "Database error saving new user", out.Str("msg"))
		require.NotContains(t, out.Text, "secret rule")
	})
}

func TestHalvesOfSurrogatePairsAreReplaced(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		made := b.Call("POST", "/signup", "", `{"email":"ada@example.com","password":"correct horse","data":{"a":"x\ud800","n":{"\udfff":12345678901234567890},"ok":"\ud83d\ude00"}}`)
		require.Equal(t, 200, made.Status, made.Text)
		require.Contains(t, made.Text, "x\ufffd")
		require.Contains(t, made.Text, "12345678901234567890")
		require.Contains(t, made.Text, "\U0001f600")
	})
}

func TestAnonymousUsers(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.anonymous.enabled": "true"})
		out := b.Call("POST", "/signup", "", `{"data":{"theme":"dark"}}`)
		require.Equal(t, 200, out.Status, out.Text)
		user := out.User()
		require.Equal(t, true, user["is_anonymous"])
		require.Equal(t, map[string]any{"theme": "dark"}, user["user_metadata"])
		require.Equal(t, map[string]any{}, user["app_metadata"])
		require.Empty(t, user["identities"])
		require.Empty(t, user["email"])
		verified, err := b.Project.Verifier.Verify(out.Str("access_token"), time.Now())
		require.NoError(t, err)
		require.Equal(t, true, verified.Claims["is_anonymous"])
		require.Equal(t, "anonymous", verified.Claims["amr"].([]any)[0].(map[string]any)["method"])
		require.Equal(t, 200, b.Call("POST", "/signup", "", `{}`).Status, "each is a user of their own")
		require.Equal(t, 2, b.Count("select count(*) from users where is_anonymous and encrypted_password = ''"))
		b.Refused(b.Call("POST", "/token?grant_type=password", "", `{"email":"","password":""}`), 400, "validation_failed")
	})
}

func TestTheProjectsHookDecidesOnSignUps(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b.Exec(`create function gate(event jsonb) returns jsonb language sql as
			$$ select case when event->'user'->>'email' like '%@example.com' then '{}'::jsonb else '{"error":{"http_code":403,"message":"Members only."}}'::jsonb end $$`)
		b = b.With(map[string]string{"auth.hook.before_user_created.enabled": "true", "auth.hook.before_user_created.uri": `"pg-functions://postgres/auth/gate"`,
			"auth.anonymous.enabled": "true"})
		signUp(b, "ada@example.com", "password")
		out := b.Call("POST", "/signup", "", `{"email":"ada@example.org","password":"password"}`)
		require.Equal(t, 403, out.Status, out.Text)
		require.Equal(t, "Members only.", out.Str("msg"))
		require.Equal(t, 403, b.Call("POST", "/signup", "", `{}`).Status)
		require.Equal(t, 1, b.Count("select count(*) from users"))
	})
}
