package auth_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSignUpSignsIn(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		out := b.call("POST", "/signup", "", map[string]any{
			"email": " Ada@Example.com ", "password": "correct horse", "data": map[string]any{"name": "Ada", "gone": nil, "email": "x@evil"},
			"role": "service_role", "aud": "meta", "app_metadata": map[string]any{"admin": true}, "id": "00000000-0000-0000-0000-000000000001",
		})
		require.Equal(t, 200, out.status, out.text)
		require.Equal(t, "bearer", out.str("token_type"))
		require.InDelta(t, 3600, out.body["expires_in"], 0)
		require.Equal(t, "no-store", out.header.Get("Cache-Control"))

		user := out.user()
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
		require.NotContains(t, out.text, "encrypted_password")
		identities := user["identities"].([]any)
		require.Len(t, identities, 1)
		identity := identities[0].(map[string]any)
		require.Equal(t, "email", identity["provider"])
		require.Equal(t, user["id"], identity["id"])
		require.Equal(t, user["id"], identity["user_id"])
		require.Equal(t, "ada@example.com", identity["identity_data"].(map[string]any)["email"])

		verified, err := b.project.Verifier.Verify(out.str("access_token"), time.Now())
		require.NoError(t, err)
		require.Equal(t, b.project.SigningKey.ID, verified.KeyID)
		require.Equal(t, user["id"], verified.Subject)
		require.Equal(t, "authenticated", verified.Role)
		require.Equal(t, []string{"authenticated"}, verified.Audience)
		require.Equal(t, b.project.URL+"/auth/v1", verified.Claims["iss"])
		require.Equal(t, "aal1", verified.Claims["aal"])
		require.Equal(t, "password", verified.Claims["amr"].([]any)[0].(map[string]any)["method"])
		require.Equal(t, user["user_metadata"], verified.Claims["user_metadata"])
		require.Equal(t, out.body["expires_at"], verified.Claims["exp"])
		require.NotEmpty(t, verified.SessionID)
		require.Equal(t, 1, b.count("select count(*) from sessions where id = $1", verified.SessionID))
		require.Equal(t, 1, b.count("select count(*) from users where encrypted_password like '$2a$10$%'"))
	})
}

func TestSignUpRefuses(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.signUp("taken@example.com", "password")
		for name, c := range map[string]struct {
			body   any
			status int
			code   string
		}{
			"an address that is taken":                {`{"email":"Taken@example.com","password":"password"}`, 422, "user_already_exists"},
			"no password":                             {`{"email":"a@example.com"}`, 400, "validation_failed"},
			"a short password":                        {`{"email":"a@example.com","password":"12345"}`, 422, "weak_password"},
			"a password that bcrypt would cut":        {`{"email":"a@example.com","password":"` + strings.Repeat("é", 37) + `"}`, 400, "validation_failed"},
			"what is no address":                      {`{"email":"a.example.com","password":"password"}`, 400, "validation_failed"},
			"what is no JSON":                         {`{"email":`, 400, "bad_json"},
			"nothing at all":                          {``, 400, "bad_json"},
			"an address of another type":              {`{"email":1,"password":"password"}`, 400, "bad_json"},
			"too much user data":                      {`{"email":"a@example.com","password":"password","data":{"x":"` + strings.Repeat("x", 20000) + `"}}`, 400, "validation_failed"},
			"a NUL that jsonb cannot hold":            {`{"email":"a@example.com","password":"password","data":{"x":"\u0000"}}`, 400, "validation_failed"},
			"a body beyond its bound":                 {strings.Repeat(" ", 70000), 400, "validation_failed"},
			"a phone, which this server does not use": {`{"phone":"+31600000000","password":"password"}`, 400, "phone_provider_disabled"},
			"a stranger without a name":               {`{}`, 422, "anonymous_provider_disabled"},
		} {
			t.Run(name, func(t *testing.T) {
				inner := *b
				inner.t = t
				inner.refused(inner.call("POST", "/signup", "", c.body), c.status, c.code)
			})
		}
		require.Equal(t, 1, b.count("select count(*) from users"))
		closed := b.with(map[string]string{"auth.disable_signup": "true"})
		closed.refused(closed.call("POST", "/signup", "", `{"email":"b@example.com","password":"password"}`), 422, "signup_disabled")
		require.Equal(t, 200, closed.signIn("taken@example.com", "password").status)
	})
}

func TestSignUpWithConfirmationTellsNothing(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.signUp("known@example.com", "password")
		b = b.with(map[string]string{"auth.autoconfirm": "false"})
		fresh := b.signUp("new@example.com", "password")
		require.NotContains(t, fresh.body, "access_token")
		require.NotContains(t, fresh.body, "email_confirmed_at")
		require.Len(t, fresh.body["identities"], 1)
		b.refused(b.signIn("new@example.com", "password"), 400, "email_not_confirmed")
		b.refused(b.signIn("new@example.com", "passwore"), 400, "invalid_credentials")

		known := b.signUp("known@example.com", "another")
		require.Len(t, known.body, len(fresh.body))
		for key := range fresh.body {
			require.Contains(t, known.body, key)
		}
		require.Empty(t, known.body["identities"])
		require.Zero(t, b.count("select count(*) from users where id = $1", known.str("id")))
		require.Equal(t, 200, b.signIn("known@example.com", "password").status, "a stranger must not change the password")
	})
}

func TestOneOfManySignUpsWins(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		var wait sync.WaitGroup
		statuses := make([]int, 6)
		for i := range statuses {
			wait.Go(func() {
				statuses[i] = b.call("POST", "/signup", "", map[string]any{"email": "race@example.com", "password": "password"}).status
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
		require.Equal(t, 1, b.count("select count(*) from identities"))
	})
}

func TestATriggerOfTheProjectCanRefuseAUser(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		b.exec(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'secret rule'; end $$`)
		b.exec(`create trigger refuse before insert on users for each row execute function refuse()`)
		out := b.call("POST", "/signup", "", map[string]any{"email": "a@example.com", "password": "password"})
		b.refused(out, 500, "unexpected_failure")
		require.Equal(t, "Database error saving new user", out.str("msg"))
		require.NotContains(t, out.text, "secret rule")
	})
}
