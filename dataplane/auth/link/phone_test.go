package link_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
)

const number = "15551234567"

func TestNumbersProve(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		require.Equal(t, 200, b.Call("POST", "/otp", "", body{"phone": "+1 555-123-4567", "channel": "whatsapp", "data": body{"name": "Ann"}}).Status)
		m := one(b)
		require.Equal(t, number, m.to)
		require.Len(t, m.code, 6)
		b.Refused(b.Call("POST", "/verify", "", body{"type": "sms", "phone": number, "token": other(m.code)}), 403, "otp_expired")
		b.Refused(b.Call("POST", "/verify", "", body{"type": "phone_change", "phone": number, "token": m.code}), 403, "otp_expired")
		b.Refused(b.Call("POST", "/verify", "", body{"type": "sms", "phone": "15551234568", "token": m.code}), 403, "otp_expired")
		out := b.Call("POST", "/verify", "", body{"type": "sms", "phone": "+" + number, "token": m.code})
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, number, out.User()["phone"])
		require.NotEmpty(t, out.User()["phone_confirmed_at"])
		data, _ := out.User()["user_metadata"].(map[string]any)
		require.Equal(t, "Ann", data["name"])
		require.Equal(t, true, data["phone_verified"])
		b.Refused(b.Call("POST", "/verify", "", body{"type": "sms", "phone": number, "token": m.code}), 403, "otp_expired")

		require.Equal(t, 200, b.Call("POST", "/otp", "", body{"phone": number, "create_user": false}).Status, "a known number is sent the next")
		m = one(b)
		b.Exec("update one_time_tokens set created_at = created_at - interval '61 seconds'")
		b.Refused(b.Call("POST", "/verify", "", body{"type": "sms", "phone": number, "token": m.code}), 403, "otp_expired")
		b.Refused(b.Call("POST", "/otp", "", body{"phone": "15550000000", "create_user": false}), 422, "otp_disabled")

		require.Equal(t, 200, b.Call("POST", "/resend", "", body{"phone": number, "type": "sms"}).Status)
		require.Empty(t, sent(b), "a confirmed number is sent nothing")
		require.Equal(t, 200, b.Call("POST", "/otp", "", body{"phone": "15557654321"}).Status)
		old := one(b)
		require.Equal(t, 200, b.Call("POST", "/resend", "", body{"phone": "15557654321", "type": "sms"}).Status)
		next := one(b)
		if old.code != next.code {
			b.Refused(b.Call("POST", "/verify", "", body{"type": "sms", "phone": "15557654321", "token": old.code}), 403, "otp_expired")
		}
		require.Equal(t, 200, b.Call("POST", "/verify", "", body{"type": "sms", "phone": "15557654321", "token": next.code}).Status)

		slow := project(b, map[string]string{"auth.phone.max_frequency": "60"})
		slow.Refused(slow.Call("POST", "/otp", "", body{"phone": "15557654321"}), 429, "over_sms_send_rate_limit")
	})
}

func TestNumbersThatAreWanted(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		id := b.User(ann, "")
		b.Exec("update users set phone = '15550000001', phone_confirmed_at = now(), phone_change = $2 where id = $1", id, number)
		require.Equal(t, 200, b.Call("POST", "/resend", "", body{"phone": "15550000001", "type": "phone_change"}).Status)
		m := one(b)
		require.Equal(t, number, m.to)
		out := b.Call("POST", "/verify", "", body{"type": "phone_change", "phone": number, "token": m.code})
		require.Equal(t, number, out.User()["phone"], out.Text)
		require.Equal(t, 1, b.Count("select count(*) from identities where provider = 'phone' and identity_data ->> 'phone' = $1", number))

		b.Exec("update users set phone_change = '15550000002' where id = $1", id)
		b.Exec(`insert into users (id, phone, aud, role) values (gen_random_uuid(), '15550000002', 'authenticated', 'authenticated')`)
		require.Equal(t, 200, b.Call("POST", "/resend", "", body{"phone": number, "type": "phone_change"}).Status)
		m = one(b)
		b.Refused(b.Call("POST", "/verify", "", body{"type": "phone_change", "phone": "15550000002", "token": m.code}), 422, "phone_exists")
	})
}

func TestNumbersWithAFixedCode(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, map[string]string{"auth.phone.test_otps": `["15551234567=424242"]`, "auth.sms.provider": `"none"`})
		b.Refused(b.Call("POST", "/otp", "", body{"phone": "15550000000"}), 422, "sms_send_failed")
		b.Refused(b.Call("POST", "/verify", "", body{"type": "sms", "phone": number, "token": "424242"}), 403, "otp_expired")
		require.Equal(t, 200, b.Call("POST", "/otp", "", body{"phone": number}).Status)
		require.Empty(t, b.Sent())
		b.Refused(b.Call("POST", "/verify", "", body{"type": "sms", "phone": number, "token": "424243"}), 403, "otp_expired")
		out := b.Call("POST", "/verify", "", body{"type": "sms", "phone": number, "token": "424242"})
		require.Equal(t, number, out.User()["phone"], out.Text)
		b.Refused(b.Call("POST", "/verify", "", body{"type": "sms", "phone": number, "token": "424242"}), 403, "otp_expired")
	})
}

func TestCodesThatTheProviderKeeps(t *testing.T) {
	twilio := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, secret, _ := r.BasicAuth()
		if r.URL.Path != "/v2/Services/VA1/VerificationCheck" || user != "AC1" || secret != "hush" || r.PostFormValue("To") != "+"+number {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusCreated)
		if r.PostFormValue("Code") == "778899" {
			_, _ = w.Write([]byte(`{"status": "approved", "valid": true}`))
			return
		}
		_, _ = w.Write([]byte(`{"status": "pending", "valid": false}`))
	}))
	t.Cleanup(twilio.Close)
	authtest.Both(t, func(b *authtest.Bundle) {
		deps := b.Messages.Deps
		deps.HTTP, deps.Providers = twilio.Client(), message.Providers{TwilioVerify: twilio.URL}
		b.Messages = message.New(deps)
		mount(b)
	}, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, map[string]string{"auth.sms.provider": `"twilio_verify"`, "auth.sms.twilio.account_sid": `"AC1"`, "auth.sms.twilio.auth_token": `"hush"`,
			"auth.sms.twilio.message_service_sid": `"VA1"`})
		require.Equal(t, 200, b.Call("POST", "/otp", "", body{"phone": number}).Status)
		ours := one(b)
		b.Refused(b.Call("POST", "/verify", "", body{"type": "sms", "phone": number, "token": ours.code}), 403, "otp_expired")
		b.Refused(b.Call("POST", "/verify", "", body{"type": "sms", "phone": "15550000000", "token": "778899"}), 403, "otp_expired")
		out := b.Call("POST", "/verify", "", body{"type": "sms", "phone": number, "token": "778899"})
		require.Equal(t, number, out.User()["phone"], out.Text)
		b.Refused(b.Call("POST", "/verify", "", body{"type": "sms", "phone": number, "token": "778899"}), 403, "otp_expired")
	})
}
