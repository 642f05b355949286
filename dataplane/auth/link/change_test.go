package link_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
)

const bea = "bea@example.com"

// wants makes a user want another address, and has the messages sent.
func wants(b *authtest.Bundle, id uuid.UUID, email string, with func(body) body) map[string]mail {
	b.T.Helper()
	b.Exec("update users set email_change = $2, email_change_sent_at = null where id = $1", id, email)
	out := b.Call("POST", "/resend?redirect_to=https%3A%2F%2Fapp.example.com%2Fwelcome", "", with(body{"type": "email_change", "email": ann}))
	require.Equal(b.T, 200, out.Status, out.Text)
	return sent(b)
}

func TestChangeOfAddressTakesBothConfirmations(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		const half = "Confirmation link accepted. Please proceed to confirm link sent to the other email"
		id := b.User(ann, "")
		mails := wants(b, id, bea, plain)
		require.Len(t, mails, 2)
		require.Equal(t, "email_change", mails[ann].template)
		require.Equal(t, "email_change", mails[bea].kind)
		to, query, fragment := location(t, follow(b, "email_change", mails[bea].link, "https://app.example.com/welcome"))
		require.Equal(t, "https://app.example.com/welcome", to)
		require.Empty(t, query)
		require.Equal(t, half, fragment.Get("message"))
		require.Equal(t, ann, authtest.One[string](b, "select email from users where id = $1", id))
		_, _, fragment = location(t, follow(b, "email_change", mails[bea].link, ""))
		require.Equal(t, "otp_expired", fragment.Get("error_code"), "one address does not confirm twice")
		_, _, fragment = location(t, follow(b, "email_change", mails[ann].link, ""))
		require.NotEmpty(t, fragment.Get("access_token"), "%v", fragment)
		require.True(t, confirmed(b, bea))
		require.Empty(t, authtest.One[string](b, "select email_change from users where id = $1", id))

		b.Exec("update users set email = $2 where id = $1", id, ann)
		mails = wants(b, id, bea, challenge)
		_, query, fragment = location(t, follow(b, "email_change", mails[ann].link, ""))
		require.Equal(t, half, query.Get("message"))
		require.Equal(t, half, fragment.Get("message"))
		_, query, _ = location(t, follow(b, "email_change", mails[bea].link, ""))
		out := exchange(b, query.Get("code"))
		require.Equal(t, bea, out.User()["email"], out.Text)

		b.Exec("update users set email = $2 where id = $1", id, ann)
		mails = wants(b, id, bea, plain)
		first := b.Call("POST", "/verify", "", body{"type": "email_change", "email": ann, "token": mails[ann].code})
		require.Equal(t, 200, first.Status)
		require.JSONEq(t, `{"code":"200","msg":"`+half+`"}`, first.Text)
		b.Refused(b.Call("POST", "/verify", "", body{"type": "email_change", "email": ann, "token": mails[bea].code}), 403, "otp_expired")
		second := b.Call("POST", "/verify", "", body{"type": "email_change", "email": bea, "token": mails[bea].code})
		require.Equal(t, bea, second.User()["email"], second.Text)
	})
}

func TestConfirmationsOfAnotherChangeDoNotCount(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		id := b.User(ann, "")
		first := wants(b, id, "mine@example.com", plain)
		location(t, follow(b, "email_change", first["mine@example.com"].link, ""))
		second := wants(b, id, bea, plain)
		_, _, fragment := location(t, follow(b, "email_change", second[ann].link, ""))
		require.NotEmpty(t, fragment.Get("message"), "the first confirmation was for another address")
		require.Equal(t, ann, authtest.One[string](b, "select email from users where id = $1", id))

		b.Exec("update users set email_change = 'third@example.com' where id = $1", id)
		_, _, fragment = location(t, follow(b, "email_change", second[bea].link, ""))
		require.Equal(t, "otp_expired", fragment.Get("error_code"), "the address is not the one that is wanted now")
	})
}

func TestChangeOfAddressTakesOneConfirmationWhereTheProjectSaysSo(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, map[string]string{"auth.email.secure_change": "false", "auth.email.notice.email_changed.enabled": "true"})
		id := b.User(ann, "")
		b.User("taken@example.com", "")
		mails := wants(b, id, "taken@example.com", plain)
		require.Len(t, mails, 1)
		b.Refused(b.Call("POST", "/verify", "", body{"type": "email_change", "email": "taken@example.com", "token": mails["taken@example.com"].code}), 422, "email_exists")
		mails = wants(b, id, bea, plain)
		out := b.Call("POST", "/verify", "", body{"type": "email_change", "email": bea, "token": mails[bea].code})
		require.Equal(t, bea, out.User()["email"], out.Text)
		notice := one(b)
		require.Equal(t, "email_changed", notice.template)
		require.Equal(t, ann, notice.to, "the old address is told")
	})
}

// The old address says that the change is wanted, not whose the new one is.
func TestTheOldAddressAloneProvesNoNewOne(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		id := b.User(ann, "")
		mails := wants(b, id, bea, plain)
		b = b.With(map[string]string{"auth.email.secure_change": "false"})
		first := b.Call("POST", "/verify", "", body{"type": "email_change", "email": ann, "token": mails[ann].code})
		require.Equal(t, 200, first.Status, first.Text)
		require.Nil(t, first.User())
		require.Equal(t, ann, authtest.One[string](b, "select email from users where id = $1", id))
		second := b.Call("POST", "/verify", "", body{"type": "email_change", "email": bea, "token": mails[bea].code})
		require.Equal(t, bea, second.User()["email"], second.Text)
	})
}

func TestAnonymousUsersBecomePermanent(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		anonymous := func(change, number string) uuid.UUID {
			id := uuid.New()
			b.Exec(`insert into users (instance_id, id, aud, role, email_change, phone_change, is_anonymous, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
				values ('00000000-0000-0000-0000-000000000000', $1, 'authenticated', 'authenticated', $2, $3, true, '{}', '{"cart": 1}', now(), now())`, id, change, number)
			return id
		}
		issue := func(id uuid.UUID, kind onetime.Kind, to string) (issued onetime.Issued) {
			b.InTx(func(tx *store.Tx) (err error) {
				issued, err = onetime.Issue(t.Context(), tx, id, kind, to, 6, false)
				return err
			})
			return issued
		}
		byMail := anonymous(bea, "")
		token := issue(byMail, onetime.EmailChangeNew, bea)
		_, _, fragment := location(t, follow(b, "email_change", token.Link, ""))
		require.NotEmpty(t, fragment.Get("access_token"), "who had no address confirms one only")
		require.True(t, confirmed(b, bea))
		require.Equal(t, 1, b.Count(`select count(*) from users where id = $1 and not is_anonymous and raw_user_meta_data ->> 'cart' = '1'
			and raw_app_meta_data ->> 'provider' = 'email'`, byMail))

		byPhone := anonymous("", "15551234567")
		token = issue(byPhone, onetime.PhoneChange, "15551234567")
		out := b.Call("POST", "/verify", "", body{"type": "phone_change", "phone": "+15551234567", "token": token.Code})
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, byPhone.String(), out.User()["id"])
		require.Equal(t, false, out.User()["is_anonymous"])
		require.Equal(t, "15551234567", out.User()["phone"])
	})
}

// The names are as in https://supabase.com/docs/guides/auth/auth-hooks/send-email-hook.
func TestTheHookIsToldOfBothAddressesAtOnce(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, map[string]string{"auth.hook.send_email.enabled": "true", "auth.hook.send_email.uri": `"https://hooks.example.com/mail"`})
		id := b.User(ann, "")
		b.Exec("update users set email_change = $2 where id = $1", id, bea)
		require.Equal(t, 200, b.Call("POST", "/resend", "", body{"type": "email_change", "email": ann}).Status)
		items := b.Sent()
		require.Len(t, items, 1)
		m, _ := items[0]["message"].(map[string]any)
		user, _ := m["user"].(map[string]any)
		require.Equal(t, bea, user["new_email"])
		secret, _ := items[0]["secret"].(map[string]any)
		first := b.Call("POST", "/verify", "", body{"type": "email_change", "email": ann, "token": secret["token"]})
		require.Equal(t, "200", first.Str("code"), first.Text)
		b.Refused(b.Call("POST", "/verify", "", body{"type": "email_change", "token_hash": secret["token_hash_new"]}), 403, "otp_expired")
		second := b.Call("POST", "/verify", "", body{"type": "email_change", "email": bea, "token": secret["token_new"]})
		require.Equal(t, bea, second.User()["email"], second.Text)

		b.Exec("update users set email = $2, email_change = $3 where id = $1", id, ann, bea)
		require.Equal(t, 200, b.Call("POST", "/resend", "", body{"type": "email_change", "email": ann}).Status)
		secret, _ = b.Sent()[0]["secret"].(map[string]any)
		require.Equal(t, "200", b.Call("POST", "/verify", "", body{"type": "email_change", "token_hash": secret["token_hash_new"]}).Str("code"))
		require.Equal(t, bea, b.Call("POST", "/verify", "", body{"type": "email_change", "token_hash": secret["token_hash"]}).User()["email"])
	})
}

func TestBothConfirmationsAtOnceAreTwo(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		id := b.User(ann, "")
		for range 3 {
			b.Exec("update users set email = $2 where id = $1", id, ann)
			mails := wants(b, id, bea, plain)
			links := make(chan string, 6)
			for range 3 {
				links <- mails[ann].link
				links <- mails[bea].link
			}
			half, whole := 0, 0
			for _, out := range atOnce(6, func() authtest.Answer { return follow(b, "email_change", <-links, "") }) {
				_, _, fragment := location(t, out)
				switch {
				case fragment.Get("message") != "":
					half++
				case fragment.Get("access_token") != "":
					whole++
				default:
					require.Equal(t, "otp_expired", fragment.Get("error_code"))
				}
			}
			require.Equal(t, []int{1, 1}, []int{half, whole})
			require.Equal(t, bea, authtest.One[string](b, "select email from users where id = $1", id))
		}
	})
}
