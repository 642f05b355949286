package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
)

func TestCreateUser(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.autoconfirm": "false", "auth.disable_signup": "true"})
		out := made(b, `{"id":"`+nobody+`","email":"Ada@Example.com","phone":"+31 600000001","password":"correct horse","email_confirm":true,"phone_confirm":false,
			"user_metadata":{"name":"Ada"},"app_metadata":{"plan":"pro"},"role":"authenticated"}`)
		require.Equal(t, nobody, out.Str("id"))
		require.Equal(t, "ada@example.com", out.Str("email"))
		require.NotEmpty(t, out.Str("email_confirmed_at"))
		require.NotContains(t, out.Body, "phone_confirmed_at")
		require.Equal(t, map[string]any{"name": "Ada", "email_verified": true}, out.Body["user_metadata"])
		require.Equal(t, map[string]any{"plan": "pro", "provider": "email", "providers": []any{"email", "phone"}}, out.Body["app_metadata"])
		require.Len(t, out.Body["identities"], 2)
		require.Equal(t, 200, signIn(b, "ada@example.com", "correct horse").Status)
		require.Empty(t, b.Sent())

		out = made(b, `{"email":"bob@example.com","ban_duration":"24h"}`)
		until, err := time.Parse(time.RFC3339, out.Str("banned_until"))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(24*time.Hour), until, time.Minute)
		require.NotContains(t, out.Body, "email_confirmed_at")
		b.Refused(signIn(b, "bob@example.com", ""), 400, "invalid_credentials")

		hash := `$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk`
		made(b, `{"email":"cat@example.com","email_confirm":true,"password_hash":"`+hash+`"}`)
		require.Equal(t, 200, signIn(b, "cat@example.com", "test").Status)

		for name, c := range map[string]struct {
			body   string
			status int
			code   string
		}{
			"neither address nor number":    {`{"password":"x"}`, 400, "validation_failed"},
			"an address that is taken":      {`{"email":"ADA@example.com"}`, 422, "email_exists"},
			"a number that is taken":        {`{"phone":"31600000001"}`, 422, "phone_exists"},
			"an id that is taken":           {`{"id":"` + nobody + `","email":"d@example.com"}`, 422, "user_already_exists"},
			"an id that is none":            {`{"id":"7","email":"d@example.com"}`, 400, "validation_failed"},
			"the nil id":                    {`{"id":"` + uuid.Nil.String() + `","email":"d@example.com"}`, 400, "validation_failed"},
			"password and hash":             {`{"email":"d@example.com","password":"x","password_hash":"` + hash + `"}`, 400, "validation_failed"},
			"a hash of no make":             {`{"email":"d@example.com","password_hash":"plain"}`, 400, "validation_failed"},
			"a hash that takes all day":     {`{"email":"d@example.com","password_hash":"$2a$31$` + strings.Repeat("a", 53) + `"}`, 400, "validation_failed"},
			"a hash that takes all memory":  {`{"email":"d@example.com","password_hash":"` + strings.Replace(hash, "m=32", "m=4194304", 1) + `"}`, 400, "validation_failed"},
			"a ban that is no duration":     {`{"email":"d@example.com","ban_duration":"soon"}`, 400, "validation_failed"},
			"a ban of the past":             {`{"email":"d@example.com","ban_duration":"-1h"}`, 400, "validation_failed"},
			"a password that is too long":   {`{"email":"d@example.com","password":"` + strings.Repeat("x", 73) + `"}`, 400, "validation_failed"},
			"app metadata that is no JSONB": {`{"email":"d@example.com","app_metadata":{"x":"\u0000"}}`, 400, "validation_failed"},
		} {
			t.Run(name, func(t *testing.T) {
				inner := *b
				inner.T = t
				inner.Refused(call(&inner, "POST", "/admin/users", c.body), c.status, c.code)
			})
		}
		require.Equal(t, 3, b.Count("select count(*) from users"))
		require.Equal(t, 3, b.Count("select count(*) from audit_log_entries where payload->>'action' = 'user_signedup' and payload->>'actor_username' = 'service_role'"))
	})
}

func TestListUsers(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		for i := range 7 {
			made(b, fmt.Sprintf(`{"email":"user%d@example.com","user_metadata":{"full_name":"Person 10%d%%"}}`, i, i))
		}
		emails := func(out authtest.Answer) (list []string) {
			require.Equal(t, 200, out.Status, out.Text)
			for _, u := range out.Body["users"].([]any) {
				list = append(list, strings.TrimSuffix(u.(map[string]any)["email"].(string), "@example.com"))
			}
			return list
		}
		out := call(b, "GET", "/admin/users?page=&per_page=", nil)
		require.Equal(t, "authenticated", out.Str("aud"))
		require.Equal(t, []string{"user6", "user5", "user4", "user3", "user2", "user1", "user0"}, emails(out))
		require.Equal(t, "7", out.Header.Get("X-Total-Count"))

		out = call(b, "GET", "/admin/users?page=2&per_page=3", nil)
		require.Equal(t, []string{"user3", "user2", "user1"}, emails(out))
		require.Equal(t, `<`+b.Project.URL+`/auth/v1/admin/users?page=3&per_page=3>; rel="next", <`+b.Project.URL+`/auth/v1/admin/users?page=3&per_page=3>; rel="last"`, out.Header.Get("Link"))
		out = call(b, "GET", "/admin/users?page=3&per_page=3", nil)
		require.Equal(t, []string{"user0"}, emails(out))
		require.NotContains(t, out.Header.Get("Link"), "next")
		out = call(b, "GET", "/admin/users?page=9&per_page=3", nil)
		require.Empty(t, emails(out))
		require.JSONEq(t, `[]`, strings.TrimSuffix(strings.TrimPrefix(out.Text, `{"aud":"authenticated","users":`), "}"))

		require.Equal(t, []string{"user4"}, emails(call(b, "GET", "/admin/users?filter=USER4", nil)))
		require.Equal(t, []string{"user2"}, emails(call(b, "GET", "/admin/users?filter=person%20102%25", nil)))
		require.Empty(t, emails(call(b, "GET", "/admin/users?filter=user%25", nil)), "a percent sign is no wildcard")
		require.Empty(t, emails(call(b, "GET", "/admin/users?filter=user_", nil)))
		require.Equal(t, "user0", emails(call(b, "GET", "/admin/users?sort=email%20asc", nil))[0])
		require.Equal(t, "user6", emails(call(b, "GET", "/admin/users?sort=email+desc", nil))[0])
		for _, query := range []string{"page=0", "page=x", "per_page=-1", "page=99999999999999999999", "sort=encrypted_password", "sort=email%3Bdrop+table+users", "filter=%00"} {
			b.Refused(call(b, "GET", "/admin/users?"+query, nil), 400, "validation_failed")
		}
		require.Equal(t, 200, call(b, "GET", "/admin/users?per_page=5000", nil).Status)
		require.Contains(t, call(b, "GET", "/admin/users?per_page=5000", nil).Header.Get("Link"), "per_page=1000")
	})
}

func TestGetAndUpdateUser(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		id := made(b, `{"email":"ada@example.com","email_confirm":true,"password":"correct horse","app_metadata":{"plan":"pro"}}`).Str("id")
		path := "/admin/users/" + id
		require.Equal(t, "ada@example.com", call(b, "GET", path, nil).Str("email"))
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			b.Refused(call(b, method, "/admin/users/"+nobody, `{}`), 404, "user_not_found")
			b.Refused(call(b, method, "/admin/users/7", `{}`), 404, "validation_failed")
		}
		session := b.SignIn(uuid.MustParse(id))

		out := call(b, "PUT", path, `{"email":"lovelace@example.com","phone":"31600000001","phone_confirm":true,"user_metadata":{"a":1},"app_metadata":{"plan":null,"seat":4},"role":"anon"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "lovelace@example.com", out.Str("email"))
		require.Equal(t, "anon", out.Str("role"))
		require.NotEmpty(t, out.Str("phone_confirmed_at"))
		app := out.Body["app_metadata"].(map[string]any)
		require.NotContains(t, app, "plan")
		require.InDelta(t, 4, app["seat"], 0)
		require.Equal(t, []any{"email", "phone"}, app["providers"])
		require.Len(t, out.Body["identities"], 2)
		require.Equal(t, 200, b.Call("GET", "/user", session.AccessToken, nil).Status)
		out = call(b, "PUT", path, `{"email_confirm":false}`)
		require.NotContains(t, out.Body, "email_confirmed_at")
		out = call(b, "PUT", path, `{"email_confirm":true}`)
		require.NotEmpty(t, out.Str("email_confirmed_at"))

		b.Refused(call(b, "PUT", path, `{"password":"short"}`), 422, "weak_password")
		require.Equal(t, 200, call(b, "PUT", path, `{"password":"battery staple"}`).Status)
		b.Refused(b.Call("GET", "/user", session.AccessToken, nil), 403, "session_not_found")
		require.Equal(t, 200, signIn(b, "lovelace@example.com", "battery staple").Status)

		made(b, `{"email":"eve@example.com","phone":"31600000002"}`)
		b.Refused(call(b, "PUT", path, `{"email":"eve@example.com"}`), 422, "email_exists")
		b.Refused(call(b, "PUT", path, `{"phone":"31600000002"}`), 422, "phone_exists")
		require.Equal(t, "lovelace@example.com", call(b, "GET", path, nil).Str("email"))
	})
}

func TestBansStopTokensAtOnce(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		id := b.User("ada@example.com", "correct horse")
		session := b.SignIn(id)
		require.Equal(t, 200, call(b, "PUT", "/admin/users/"+id.String(), `{"ban_duration":"1h"}`).Status)
		require.True(t, b.Revoked.OfUser(id))
		b.Refused(b.Call("GET", "/user", session.AccessToken, nil), 403, "user_banned")
		b.Refused(signIn(b, "ada@example.com", "correct horse"), 400, "user_banned")
		out := call(b, "PUT", "/admin/users/"+id.String(), `{"ban_duration":"none"}`)
		require.NotContains(t, out.Body, "banned_until")
		require.Equal(t, 200, b.Call("POST", "/refresh", "", map[string]any{"refresh_token": session.RefreshToken}).Status, "the session is still there")
	})
}

func TestDeleteUser(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		hard, soft := b.User("hard@example.com", "correct horse"), b.User("soft@example.com", "correct horse")
		ofHard, ofSoft := b.SignIn(hard), b.SignIn(soft)
		b.Exec(`update users set phone = '31600000001', raw_user_meta_data = '{"name":"Soft"}' where id = $1`, soft)
		out := call(b, "DELETE", "/admin/users/"+hard.String(), nil)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "{}", out.Text)
		b.Refused(call(b, "GET", "/admin/users/"+hard.String(), nil), 404, "user_not_found")
		require.True(t, b.Revoked.OfUser(hard))
		b.Refused(b.Call("GET", "/user", ofHard.AccessToken, nil), 403, "user_not_found")

		for range 2 {
			require.Equal(t, 200, call(b, "DELETE", "/admin/users/"+soft.String(), `{"should_soft_delete":true}`).Status)
		}
		require.True(t, b.Revoked.OfUser(soft))
		b.Refused(b.Call("GET", "/user", ofSoft.AccessToken, nil), 403, "user_not_found")
		b.Refused(b.Call("POST", "/refresh", "", map[string]any{"refresh_token": ofSoft.RefreshToken}), 400, "refresh_token_not_found")
		b.Refused(signIn(b, "soft@example.com", "correct horse"), 400, "invalid_credentials")
		out = call(b, "GET", "/admin/users/"+soft.String(), nil)
		require.Equal(t, 200, out.Status, out.Text)
		require.NotEmpty(t, out.Str("deleted_at"))
		require.NotContains(t, out.Text, "soft@")
		require.NotContains(t, out.Text, "31600000001")
		require.NotContains(t, out.Text, "Soft")
		b.Refused(call(b, "PUT", "/admin/users/"+soft.String(), `{}`), 404, "user_not_found")
		made(b, `{"email":"soft@example.com"}`) // the address is free again
		require.Equal(t, 200, call(b, "DELETE", "/admin/users/"+soft.String(), `{}`).Status, "what is left goes too")
		require.Equal(t, 1, b.Count("select count(*) from users"))
		require.Equal(t, 3, b.Count("select count(*) from audit_log_entries where payload->>'action' = 'user_deleted'"))
	})
}

func TestAUserWhomTheProjectRefersToIsNotDeleted(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		id := b.User("ada@example.com", "")
		b.Exec(`create table notes (author uuid references users)`)
		b.Exec(`insert into notes values ($1)`, id)
		out := call(b, "DELETE", "/admin/users/"+id.String(), nil)
		b.Refused(out, 500, "unexpected_failure")
		require.Equal(t, "Database error deleting user", out.Str("msg"))
		require.False(t, b.Revoked.OfUser(id), "nothing happened")
		require.Equal(t, 200, call(b, "DELETE", "/admin/users/"+id.String(), `{"should_soft_delete":true}`).Status)
	})
}
