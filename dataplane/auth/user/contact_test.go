package user_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
)

func TestPutUserEmailAtOnce(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.email.notice.email_changed.enabled": "true"})
		signedIn(b, "eve@example.com", "")
		out := b.Call("POST", "/signup", "", `{"email":"ada@example.com","password":"correct horse"}`)
		ada := person{access: out.Str("access_token")}
		b.Refused(put(b, ada, `{"email":"EVE@example.com"}`), 422, "email_exists")
		b.Refused(put(b, ada, `{"email":"nonsense"}`), 400, "validation_failed")
		out = put(b, ada, `{"email":"Lovelace@example.com"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "lovelace@example.com", out.Str("email"))
		require.Equal(t, "lovelace@example.com", out.Body["user_metadata"].(map[string]any)["email"])
		require.Equal(t, "lovelace@example.com", out.Body["identities"].([]any)[0].(map[string]any)["email"])
		require.Equal(t, 200, signIn(b, "lovelace@example.com", "correct horse").Status)
		b.Refused(signIn(b, "ada@example.com", "correct horse"), 400, "invalid_credentials")
		sent := b.Sent()
		require.Len(t, sent, 1)
		require.Equal(t, "email_changed", field(sent[0], "template"))
		require.Equal(t, "ada@example.com", field(sent[0], "to"), "the old address is told")
	})
}

func TestPutUserEmailIsConfirmedAtBothAddresses(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.autoconfirm": "false"})
		ada := signedIn(b, "ada@example.com", "correct horse")
		out := put(b, ada, `{"email":"new@example.com"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "ada@example.com", out.Str("email"))
		require.Equal(t, "new@example.com", out.Str("new_email"))
		require.NotEmpty(t, out.Str("email_change_sent_at"))
		b.Refused(put(b, ada, `{"email":"other@example.com"}`), 429, "over_email_send_rate_limit")
		sent := map[string]map[string]any{}
		for _, s := range b.Sent() {
			require.Equal(t, "email_change", field(s, "template"))
			sent[field(s, "to")] = s
		}
		require.Len(t, sent, 2)
		verify := func(address string) authtest.Answer {
			return b.Call("POST", "/verify", "", map[string]any{"type": "email_change", "email": address, "token": codeOf(t, sent[address])})
		}
		require.Equal(t, 200, verify("new@example.com").Status)
		require.Equal(t, "ada@example.com", authtest.One[string](b, "select email from users"), "one confirmation is not enough")
		require.Equal(t, 200, verify("ada@example.com").Status)
		require.Equal(t, "new@example.com", authtest.One[string](b, "select email from users"))
		require.Equal(t, 200, signIn(b, "new@example.com", "correct horse").Status)
		require.Equal(t, 200, put(b, ada, `{"email":"new@example.com"}`).Status, "the address that one has is no change")
		require.Empty(t, b.Sent())
	})
}

func TestANewPasswordGivesUpWhatWasWanted(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.autoconfirm": "false", "auth.email.secure_change": "false", "auth.email.max_frequency": "0"})
		ada := signedIn(b, "ada@example.com", "")
		require.Equal(t, 200, put(b, ada, `{"email":"mine@evil.example"}`).Status)
		sent := b.Sent()
		out := put(b, ada, `{"password":"correct horse"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.NotContains(t, out.Body, "new_email")
		b.Refused(b.Call("POST", "/verify", "", map[string]any{"type": "email_change", "email": "mine@evil.example", "token": codeOf(t, sent[0])}), 403, "otp_expired")
		out = put(b, ada, `{"password":"battery staple","email":"new@example.com"}`)
		require.Equal(t, "new@example.com", out.Str("new_email"), "unless it is wanted with it")
		require.Equal(t, 200, b.Call("POST", "/verify", "", map[string]any{"type": "email_change", "email": "new@example.com", "token": codeOf(t, b.Sent()[0])}).Status)
	})
}

func TestAnAddressThatAnotherUserHasIsNotTold(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.autoconfirm": "false", "auth.email.secure_change": "false", "auth.email.max_frequency": "0"})
		signedIn(b, "eve@example.com", "")
		ada := signedIn(b, "ada@example.com", "")
		free, taken := put(b, ada, `{"email":"new@example.com"}`), put(b, ada, `{"email":"eve@example.com"}`)
		require.Equal(t, 200, free.Status, free.Text)
		require.Equal(t, 200, taken.Status, taken.Text)
		sent := b.Sent()
		require.Len(t, sent, 2)
		out := b.Call("POST", "/verify", "", map[string]any{"type": "email_change", "email": "eve@example.com", "token": codeOf(t, sent[1])})
		b.Refused(out, 422, "email_exists")
		require.Equal(t, 1, b.Count("select count(*) from users where email = 'eve@example.com'"))
	})
}

func TestPutUserPhone(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.phone.enabled": "true", "auth.sms.provider": `"twilio"`})
		ada := signedIn(b, "ada@example.com", "")
		out := put(b, ada, `{"phone":"+31600000001","channel":"sms"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.Empty(t, out.Str("phone"))
		require.Equal(t, "31600000001", out.Str("new_phone"))
		b.Refused(put(b, ada, `{"phone":"+31600000002"}`), 429, "over_sms_send_rate_limit")
		b.Refused(put(b, ada, `{"phone":"x"}`), 400, "validation_failed")
		out = b.Call("POST", "/verify", "", map[string]any{"type": "phone_change", "phone": "31600000001", "token": codeOf(t, b.Sent()[0])})
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "31600000001", out.User()["phone"])
		require.Equal(t, []any{"email", "phone"}, out.User()["app_metadata"].(map[string]any)["providers"])

		sure := b.With(map[string]string{"auth.phone.autoconfirm": "true"})
		eve := signedIn(b, "eve@example.com", "")
		sure.Refused(put(sure, eve, `{"phone":"31600000001"}`), 422, "phone_exists")
		out = put(sure, eve, `{"phone":"31600000003"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "31600000003", out.Str("phone"))
		require.NotEmpty(t, out.Str("phone_confirmed_at"))
		require.Len(t, out.Body["identities"], 2)
	})
}

func TestAnonymousUsersBecomePermanent(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.anonymous.enabled": "true", "auth.autoconfirm": "false"})
		made := b.Call("POST", "/signup", "", `{"data":{"theme":"dark"}}`)
		nobody := person{access: made.Str("access_token")}
		b.Refused(put(b, nobody, `{"password":"correct horse"}`), 422, "validation_failed")
		out := put(b, nobody, `{"email":"ada@example.com"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, true, out.Body["is_anonymous"], "not before the address is confirmed")
		sent := b.Sent()
		require.Len(t, sent, 1)
		out = b.Call("POST", "/verify", "", map[string]any{"type": "email_change", "email": "ada@example.com", "token": codeOf(t, sent[0])})
		require.Equal(t, 200, out.Status, out.Text)
		user := out.User()
		require.Equal(t, false, user["is_anonymous"])
		require.Equal(t, made.User()["id"], user["id"])
		require.Equal(t, "dark", user["user_metadata"].(map[string]any)["theme"])
		require.Equal(t, []any{"email"}, user["app_metadata"].(map[string]any)["providers"])
		require.Equal(t, 200, put(b, person{access: out.Str("access_token")}, `{"password":"correct horse"}`).Status)
		require.Equal(t, 200, signIn(b, "ada@example.com", "correct horse").Status)

		b = b.With(map[string]string{"auth.autoconfirm": "true"})
		nobody.access = b.Call("POST", "/signup", "", `{}`).Str("access_token")
		out = put(b, nobody, `{"email":"bob@example.com","password":"correct horse"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, false, out.Body["is_anonymous"])
		require.Equal(t, 200, signIn(b, "bob@example.com", "correct horse").Status)
	})
}
