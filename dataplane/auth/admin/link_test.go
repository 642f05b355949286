package admin_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
)

func TestInvite(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.disable_signup": "true"})
		out := call(b, "POST", "/invite?redirect_to=http://localhost:3000/join", `{"email":"Ada@example.com","data":{"team":"a"}}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.NotEmpty(t, out.Str("invited_at"))
		require.NotEmpty(t, out.Str("confirmation_sent_at"))
		require.Equal(t, map[string]any{"team": "a"}, out.Body["user_metadata"])
		sent := b.Sent()
		require.Len(t, sent, 1)
		m := sent[0]["message"].(map[string]any)
		require.Equal(t, "invite", m["template"])
		require.Equal(t, "http://localhost:3000/join", m["redirect_to"])

		again := call(b, "POST", "/invite", `{"email":"ada@example.com","data":{"team":"b"}}`)
		require.Equal(t, out.Str("id"), again.Str("id"))
		require.Equal(t, map[string]any{"team": "b"}, again.Body["user_metadata"])
		secret := b.Sent()[0]["secret"].(map[string]any)
		accepted := b.Call("GET", "/verify?type=invite&token="+url.QueryEscape(secret["token_hash"].(string)), "", nil)
		require.Equal(t, 303, accepted.Status, accepted.Text)
		require.Contains(t, accepted.Header.Get("Location"), "access_token=")
		b.Refused(call(b, "POST", "/invite", `{"email":"ada@example.com"}`), 422, "email_exists")
		b.Refused(call(b, "POST", "/invite", `{"email":"x"}`), 400, "validation_failed")
		require.Equal(t, 2, b.Count("select count(*) from audit_log_entries where payload->>'action' = 'user_invited'"))
	})
}

// Somebody may have signed up with the address of a colleague before the colleague was invited, and know the password.
func TestWhoSignedUpBeforeIsShutOutByAnInvitation(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.autoconfirm": "false"})
		taken := func(email string) string {
			out := b.Call("POST", "/signup", "", map[string]any{"email": email, "password": "eve knows this"})
			require.Equal(t, 200, out.Status, out.Text)
			b.Sent()
			return out.Str("id")
		}
		follow := func(kind, link string) {
			out := b.Call("GET", "/verify?type="+kind+"&token="+url.QueryEscape(link), "", nil)
			require.Contains(t, out.Header.Get("Location"), "access_token=", out.Text)
		}

		taken("ada@example.com")
		require.Equal(t, 200, call(b, "POST", "/invite", `{"email":"ada@example.com"}`).Status)
		follow("invite", b.Sent()[0]["secret"].(map[string]any)["token_hash"].(string))
		b.Refused(signIn(b, "ada@example.com", "eve knows this"), 400, "invalid_credentials")

		taken("bob@example.com")
		out := call(b, "POST", "/admin/generate_link", `{"type":"invite","email":"bob@example.com"}`)
		follow("invite", out.Str("hashed_token"))
		b.Refused(signIn(b, "bob@example.com", "eve knows this"), 400, "invalid_credentials")

		taken("cyd@example.com")
		out = call(b, "POST", "/admin/generate_link", `{"type":"signup","email":"cyd@example.com","password":"correct horse"}`)
		follow("signup", out.Str("hashed_token"))
		b.Refused(signIn(b, "cyd@example.com", "eve knows this"), 400, "invalid_credentials")
		require.Equal(t, 200, signIn(b, "cyd@example.com", "correct horse").Status)

		made(b, `{"email":"dan@example.com","password":"of the admin"}`)
		require.Equal(t, 200, call(b, "POST", "/invite", `{"email":"dan@example.com"}`).Status)
		follow("invite", b.Sent()[0]["secret"].(map[string]any)["token_hash"].(string))
		require.Equal(t, 200, signIn(b, "dan@example.com", "of the admin").Status, "what an admin set stays")
	})
}

func TestGenerateLink(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.redirect_urls": `["https://app.example/**"]`, "auth.autoconfirm": "false"})
		generate := func(body string) authtest.Answer {
			out := call(b, "POST", "/admin/generate_link", body)
			require.Equal(t, 200, out.Status, out.Text)
			u, err := url.Parse(out.Str("action_link"))
			require.NoError(t, err)
			require.Equal(t, b.Project.URL, u.Scheme+"://"+u.Host)
			require.Equal(t, "/auth/v1/verify", u.Path)
			require.Equal(t, out.Str("hashed_token"), u.Query().Get("token"))
			require.Equal(t, out.Str("redirect_to"), u.Query().Get("redirect_to"))
			require.Regexp(t, `^[0-9]{6}$`, out.Str("email_otp"))
			require.NotEmpty(t, out.Str("id"))
			return out
		}
		follow := func(out authtest.Answer) string {
			u, err := url.Parse(out.Str("action_link"))
			require.NoError(t, err)
			followed := b.Call("GET", "/verify?"+u.RawQuery, "", nil)
			require.Equal(t, 303, followed.Status, followed.Text)
			return followed.Header.Get("Location")
		}

		out := generate(`{"type":"signup","email":"ada@example.com","password":"correct horse","data":{"name":"Ada"},"redirect_to":"https://app.example/in"}`)
		require.Equal(t, "signup", out.Str("verification_type"))
		require.Equal(t, "https://app.example/in", out.Str("redirect_to"))
		require.Equal(t, "Ada", out.Body["user_metadata"].(map[string]any)["name"])
		require.Contains(t, follow(out), "https://app.example/in#access_token=")
		require.Equal(t, 200, signIn(b, "ada@example.com", "correct horse").Status)
		b.Refused(call(b, "POST", "/admin/generate_link", `{"type":"signup","email":"ada@example.com","password":"correct horse"}`), 422, "email_exists")
		b.Refused(call(b, "POST", "/admin/generate_link", `{"type":"invite","email":"ada@example.com"}`), 422, "email_exists")

		out = generate(`{"type":"magiclink","email":"ada@example.com","redirect_to":"https://evil.example/"}`)
		require.Equal(t, "http://localhost:3000", out.Str("redirect_to"))
		require.Contains(t, follow(out), "http://localhost:3000#access_token=")
		require.Contains(t, follow(out), "error_code=otp_expired", "a link is good once")
		require.Contains(t, follow(generate(`{"type":"recovery","email":"ada@example.com"}`)), "type=recovery")
		out = generate(`{"type":"magiclink","email":"bob@example.com"}`)
		require.Equal(t, "signup", out.Str("verification_type"), "who is none yet is signed up")
		require.Contains(t, follow(out), "access_token=")
		out = generate(`{"type":"invite","email":"cat@example.com","data":{"team":"a"}}`)
		require.NotEmpty(t, out.Str("invited_at"))
		require.Contains(t, follow(out), "type=invite")

		current := generate(`{"type":"email_change_current","email":"ada@example.com","new_email":"new@example.com"}`)
		require.Equal(t, "email_change_current", current.Str("verification_type"))
		require.Equal(t, "new@example.com", current.Str("new_email"))
		next := generate(`{"type":"email_change_new","email":"ada@example.com","new_email":"new@example.com"}`)
		require.Contains(t, follow(current), "message=")
		require.Equal(t, 1, b.Count("select count(*) from users where email = 'ada@example.com'"))
		follow(next)
		require.Equal(t, 1, b.Count("select count(*) from users where email = 'new@example.com'"))

		for name, c := range map[string]struct {
			body   string
			status int
			code   string
		}{
			"an unknown type":             {`{"type":"phone_change","email":"ada@example.com"}`, 400, "validation_failed"},
			"a sign-up without password":  {`{"type":"signup","email":"d@example.com"}`, 400, "validation_failed"},
			"a sign-up of a weak one":     {`{"type":"signup","email":"d@example.com","password":"1"}`, 422, "weak_password"},
			"a recovery of nobody":        {`{"type":"recovery","email":"d@example.com"}`, 404, "user_not_found"},
			"a change of nobody":          {`{"type":"email_change_new","email":"d@example.com","new_email":"e@example.com"}`, 404, "user_not_found"},
			"a change to a taken address": {`{"type":"email_change_new","email":"new@example.com","new_email":"bob@example.com"}`, 422, "email_exists"},
			"a change to no address":      {`{"type":"email_change_new","email":"new@example.com"}`, 400, "validation_failed"},
			"no address":                  {`{"type":"magiclink"}`, 400, "validation_failed"},
		} {
			t.Run(name, func(t *testing.T) {
				inner := *b
				inner.T = t
				inner.Refused(call(&inner, "POST", "/admin/generate_link", c.body), c.status, c.code)
			})
		}
		lax := b.With(map[string]string{"auth.email.secure_change": "false"})
		lax.Refused(call(lax, "POST", "/admin/generate_link", `{"type":"email_change_current","email":"new@example.com","new_email":"e@example.com"}`), 400, "validation_failed")
		require.Empty(t, b.Sent(), "links are made, not sent")
	})
}
