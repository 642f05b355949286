package signup_test

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
)

// plain are settings under which users confirm their address, and may be sent mails one after another.
func plain(more map[string]string) map[string]string {
	out := map[string]string{"auth.autoconfirm": "false", "auth.email.max_frequency": "0", "auth.phone.max_frequency": "0"}
	for key, value := range more {
		out[key] = value
	}
	return out
}

// message is what was sent, with its code and what its link carries.
func message(t *testing.T, sent map[string]any) (m, secret map[string]any) {
	t.Helper()
	m, _ = sent["message"].(map[string]any)
	secret, _ = sent["secret"].(map[string]any)
	require.NotNil(t, m)
	return m, secret
}

func TestSignUpSendsAConfirmation(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(plain(nil))
		out := b.Call("POST", "/signup?redirect_to=http://localhost:3000/welcome", "", `{"email":"ada@example.com","password":"correct horse","data":{"name":"Ada"}}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.NotContains(t, out.Body, "access_token")
		require.NotContains(t, out.Body, "email_confirmed_at")
		require.NotEmpty(t, out.Str("confirmation_sent_at"))
		require.Len(t, out.Body["identities"], 1)
		sent := b.Sent()
		require.Len(t, sent, 1)
		m, secret := message(t, sent[0])
		require.Equal(t, "confirmation", m["template"])
		require.Equal(t, "signup", m["kind"])
		require.Equal(t, "ada@example.com", m["to"])
		require.Equal(t, "http://localhost:3000/welcome", m["redirect_to"])
		require.Equal(t, "Ada", m["data"].(map[string]any)["name"])
		require.NotContains(t, m, "unsent")
		require.Regexp(t, `^[0-9]{6}$`, secret["token"])
		require.Equal(t, 1, b.Count("select count(*) from one_time_tokens where user_id = $1 and token_type = 'confirmation_token' and relates_to = 'ada@example.com'", out.Str("id")))
		require.Equal(t, 1, b.Count("select count(*) from audit_log_entries where payload->>'action' = 'user_confirmation_requested'"))
		b.InTx(findsCode(t, "ada@example.com", secret["token"], out.Str("id")))

		b.Refused(signIn(b, "ada@example.com", "correct horse"), 400, "email_not_confirmed")
		b.Refused(signIn(b, "ada@example.com", "passwore"), 400, "invalid_credentials")
		lenient := b.With(map[string]string{"auth.email.allow_unverified_sign_in": "true"})
		require.Equal(t, 200, signIn(lenient, "ada@example.com", "correct horse").Status)
	})
}

func TestSignUpWithPKCEBeginsAFlow(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(plain(nil))
		challenge := strings.Repeat("a", 43)
		out := b.Call("POST", "/signup?redirect_to="+url.QueryEscape("https://evil.example/"), "",
			`{"email":"ada@example.com","password":"correct horse","code_challenge":"`+challenge+`","code_challenge_method":"s256"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, 1, b.Count("select count(*) from flow_state where user_id = $1 and code_challenge = $2 and authentication_method = 'email/signup' and referrer = 'http://localhost:3000'",
			out.Str("id"), challenge))
		m, secret := message(t, b.Sent()[0])
		require.Equal(t, "http://localhost:3000", m["redirect_to"], "links lead nowhere that the project does not allow")
		require.True(t, strings.HasPrefix(secret["token_hash"].(string), "pkce_"))
	})
}

func TestSignUpByPhoneSendsACode(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(plain(map[string]string{"auth.phone.enabled": "true", "auth.sms.provider": `"twilio"`, "auth.phone.test_otps": `["31600000009=123456"]`}))
		out := b.Call("POST", "/signup", "", `{"phone":"+31600000001","password":"correct horse","channel":"whatsapp"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "31600000001", out.Str("phone"))
		require.NotContains(t, out.Body, "phone_confirmed_at")
		sent := b.Sent()
		require.Len(t, sent, 1)
		require.Equal(t, "sms", sent[0]["_kind"])
		m, secret := message(t, sent[0])
		require.Equal(t, "whatsapp", m["channel"])
		b.InTx(findsCode(t, "31600000001", secret["token"], out.Str("id")))
		require.Equal(t, 200, b.Call("POST", "/signup", "", `{"phone":"+31600000009","password":"correct horse"}`).Status)
		require.Empty(t, b.Sent(), "a number with a fixed code gets no message")
		silent := b.With(map[string]string{"auth.sms.provider": `"none"`})
		silent.Refused(silent.Call("POST", "/signup", "", `{"phone":"+31600000002","password":"correct horse"}`), 422, "sms_send_failed")
	})
}

var volatile = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z`)

// shape is a body without what is of chance and time.
func shape(out authtest.Answer) string { return volatile.ReplaceAllString(out.Text, "*") }

// work is what a request cost: statements and hashes.
type work struct{ statements, hashes int64 }

func measured(b *authtest.Bundle, wire *authtest.Wire, fn func() authtest.Answer) (out authtest.Answer, w work) {
	before := b.Hasher.Done()
	w.statements = wire.Statements(func() { out = fn() })
	w.hashes = b.Hasher.Done() - before
	return out, w
}

// once lets each recipient be written to once.
type once struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (o *once) Allow(_ context.Context, _, key string, _ guard.Rate) (bool, time.Duration) {
	if !strings.HasPrefix(key, "auth:again:") {
		return true, 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := o.seen[key]
	o.seen[key] = true
	return !seen, time.Minute
}

// counted adds the routes, with a limiter that remembers recipients.
func counted(b *authtest.Bundle) {
	b.Guard = guard.New(guard.Deps{Limiter: &once{seen: map[string]bool{}}})
	mount(b)
}

func TestSignUpTellsNothingOfWhoIsKnown(t *testing.T) {
	authtest.Both(t, counted, func(t *testing.T, b *authtest.Bundle) {
		id := b.User("known@example.com", "password")
		b, wire := b.With(map[string]string{"auth.autoconfirm": "false"}).Counted()
		body := `{"email":"%@example.com","password":"another","data":{"z":1.50,"name":"Ada","a":{"b":[null,"\u00e9"],"aa":1e3}}}`
		ask := func(who string) (authtest.Answer, work) {
			return measured(b, wire, func() authtest.Answer { return b.Call("POST", "/signup", "", strings.Replace(body, "%", who, 1)) })
		}
		b.Sent()

		fresh, ofFresh := ask("fresh")
		known, ofKnown := ask("known")
		require.Equal(t, 200, fresh.Status, fresh.Text)
		require.Equal(t, 200, known.Status, known.Text)
		require.Equal(t, strings.ReplaceAll(shape(fresh), "fresh@", "known@"), shape(known))
		require.NotZero(t, ofFresh.statements)
		require.Equal(t, ofFresh, ofKnown, "the same work")
		require.EqualValues(t, 1, ofKnown.hashes)
		require.NotEqual(t, id.String(), known.Str("id"))
		for name := range fresh.Header {
			require.Equal(t, fresh.Header.Get(name), known.Header.Get(name), name)
		}

		// At once again: alike too.
		again, ofAgain := ask("fresh")
		knownAgain, ofKnownAgain := ask("known")
		b.Refused(again, 429, "over_email_send_rate_limit")
		b.Refused(knownAgain, 429, "over_email_send_rate_limit")
		require.Equal(t, again.Text, knownAgain.Text)
		require.Equal(t, work{}, ofAgain, "refused before anyone is looked for")
		require.Equal(t, work{}, ofKnownAgain)
		require.Nil(t, authtest.One[*time.Time](b, "select confirmation_sent_at from users where id = $1", id), "a stranger changes nothing of a user")

		require.Equal(t, 2, b.Count("select count(*) from users"))
		require.Zero(t, b.Count("select count(*) from one_time_tokens where user_id = $1", id))
		require.Equal(t, 1, b.Count("select count(*) from audit_log_entries where payload->>'action' = 'user_repeated_signup' and payload->>'actor_id' = $1", id.String()))
		sent := b.Sent()
		require.Len(t, sent, 2, "both are written, so that writing takes its time")
		for _, s := range sent {
			m, _ := message(t, s)
			require.Equal(t, m["to"] == "known@example.com", m["unsent"] == true, "and one is sent")
		}
		require.Equal(t, 200, signIn(b, "known@example.com", "password").Status, "a stranger must not change the password")
		b.Refused(signIn(b, "known@example.com", "another"), 400, "invalid_credentials")
	})
}

func TestSignUpWithPKCETellsNothingOfWhoIsKnown(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b.User("known@example.com", "password")
		b, wire := b.With(map[string]string{"auth.autoconfirm": "false"}).Counted()
		ask := func(who string) (authtest.Answer, work) {
			body := `{"email":"` + who + `@example.com","password":"another","code_challenge":"` + strings.Repeat("a", 43) + `","code_challenge_method":"s256"}`
			return measured(b, wire, func() authtest.Answer { return b.Call("POST", "/signup", "", body) })
		}
		fresh, ofFresh := ask("fresh")
		known, ofKnown := ask("known")
		require.Equal(t, strings.ReplaceAll(shape(fresh), "fresh@", "known@"), shape(known))
		require.Equal(t, ofFresh, ofKnown)
	})
}

func TestPhoneSignUpTellsNothingOfWhoIsKnown(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(plain(map[string]string{"auth.phone.enabled": "true", "auth.sms.provider": `"twilio"`}))
		ask := func(number string) authtest.Answer {
			return b.Call("POST", "/signup", "", `{"phone":"`+number+`","password":"password"}`)
		}
		require.Equal(t, 200, ask("31600000001").Status)
		b.Exec("update users set phone_confirmed_at = now()")
		fresh, known := ask("31600000002"), ask("31600000001")
		require.Equal(t, strings.ReplaceAll(shape(fresh), "31600000002", "31600000001"), shape(known))
		require.Equal(t, 2, b.Count("select count(*) from users"))
		sent := b.Sent()
		require.Len(t, sent, 3)
		m, _ := message(t, sent[2])
		require.Equal(t, true, m["unsent"])
	})
}

func TestTheLatestSignUpCounts(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(plain(nil))
		first := b.Call("POST", "/signup", "", `{"email":"ada@example.com","password":"of a stranger","data":{"name":"Eve"}}`)
		old, _ := message(t, b.Sent()[0])
		require.NotEmpty(t, old)
		second := b.Call("POST", "/signup", "", `{"email":"ada@example.com","password":"of the owner","data":{"name":"Ada"}}`)
		require.Equal(t, 200, second.Status, second.Text)
		require.Equal(t, first.Str("id"), second.Str("id"))
		require.Equal(t, "Ada", second.Body["user_metadata"].(map[string]any)["name"])
		require.Len(t, b.Sent(), 1)
		b.Exec("update users set email_confirmed_at = now()")
		b.Refused(signIn(b, "ada@example.com", "of a stranger"), 400, "invalid_credentials")
		require.Equal(t, 200, signIn(b, "ada@example.com", "of the owner").Status)
	})
}

func TestASignUpRightAfterAnotherMessageChangesNothing(t *testing.T) {
	authtest.Both(t, counted, func(t *testing.T, b *authtest.Bundle) {
		b = b.With(map[string]string{"auth.autoconfirm": "false"})
		id := b.User("ada@example.com", "")
		b.Exec(`update users set email_confirmed_at = null, confirmation_sent_at = now(), raw_user_meta_data = jsonb_build_object('sub', id)`)
		out := b.Call("POST", "/signup", "", `{"email":"ada@example.com","password":"of a stranger"}`)
		require.Equal(t, 200, out.Status, out.Text)
		require.NotEqual(t, id.String(), out.Str("id"))
		m, _ := message(t, b.Sent()[0])
		require.Equal(t, true, m["unsent"])
		b.Exec("update users set email_confirmed_at = now()")
		b.Refused(signIn(b, "ada@example.com", "of a stranger"), 400, "invalid_credentials")
	})
}

func TestASignUpThatTheHookRefusedMayBeMendedAtOnce(t *testing.T) {
	authtest.Both(t, counted, func(t *testing.T, b *authtest.Bundle) {
		b.Exec(`create function gate(event jsonb) returns jsonb language sql as
			$$ select case when event->'user'->'user_metadata' ? 'code' then '{}'::jsonb else '{"error":{"http_code":403,"message":"A code, please."}}'::jsonb end $$`)
		b = b.With(map[string]string{"auth.autoconfirm": "false", "auth.hook.before_user_created.enabled": "true",
			"auth.hook.before_user_created.uri": `"pg-functions://postgres/auth/gate"`})
		require.Equal(t, 403, b.Call("POST", "/signup", "", `{"email":"ada@example.com","password":"correct horse"}`).Status)
		out := b.Call("POST", "/signup", "", `{"email":"ada@example.com","password":"correct horse","data":{"code":1}}`)
		require.Equal(t, 200, out.Status, out.Text)
	})
}

func TestAStrangersSignUpChangesNobodyElse(t *testing.T) {
	for name, change := range map[string]string{
		"who was invited":           "update users set invited_at = now()",
		"who has signed in":         "update users set last_sign_in_at = now()",
		"whose number is confirmed": "update users set phone = '31600000001', phone_confirmed_at = now()",
		"whom an admin made":        "update users set raw_user_meta_data = '{}'",
	} {
		t.Run(name, func(t *testing.T) {
			authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
				b = b.With(plain(nil))
				first := b.Call("POST", "/signup", "", `{"email":"ada@example.com","password":"correct horse"}`)
				b.Exec(change)
				out := b.Call("POST", "/signup", "", `{"email":"ada@example.com","password":"battery staple","data":{"x":1}}`)
				require.Equal(t, 200, out.Status, out.Text)
				require.NotEqual(t, first.Str("id"), out.Str("id"))
				require.Zero(t, b.Count("select count(*) from users where raw_user_meta_data ? 'x'"))
				b.Exec("update users set email_confirmed_at = now()")
				require.Equal(t, 200, signIn(b, "ada@example.com", "correct horse").Status)
			})
		})
	}
	t.Run("who may sign in unconfirmed", func(t *testing.T) {
		authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
			b = b.With(plain(map[string]string{"auth.email.allow_unverified_sign_in": "true"}))
			signUp(b, "ada@example.com", "correct horse")
			signUp(b, "ada@example.com", "battery staple")
			b.Refused(signIn(b, "ada@example.com", "battery staple"), 400, "invalid_credentials")
			require.Equal(t, 200, signIn(b, "ada@example.com", "correct horse").Status)
			certain := b.With(map[string]string{"auth.autoconfirm": "true"})
			certain.Refused(certain.Call("POST", "/signup", "", `{"email":"ada@example.com","password":"battery staple"}`), 422, "user_already_exists")
		})
	})
}

func TestSignInTellsNothingOfWhoIsKnown(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		for _, who := range []string{"ada", "banned", "unconfirmed", "other", "imported", "none"} {
			b.User(who+"@example.com", "correct horse")
		}
		b.Exec("update users set banned_until = now() + interval '1 day' where email = 'banned@example.com'")
		b.Exec("update users set email_confirmed_at = null where email = 'unconfirmed@example.com'")
		b.Exec("update users set encrypted_password = 'a hash of another make' where email = 'other@example.com'")
		b.Exec("update users set encrypted_password = $1 where email = 'imported@example.com'", fromFirebase)
		b.Exec("update users set encrypted_password = null where email = 'none@example.com'")
		b, wire := b.Counted()
		ask := func(who string) (authtest.Answer, work) {
			return measured(b, wire, func() authtest.Answer { return signIn(b, who+"@example.com", "wrong horse") })
		}
		unknown, ofUnknown := ask("nobody")
		b.Refused(unknown, 400, "invalid_credentials")
		require.EqualValues(t, 1, ofUnknown.hashes)
		for _, who := range []string{"ada", "banned", "unconfirmed", "other", "imported", "none"} {
			out, of := ask(who)
			require.Equal(t, unknown.Text, out.Text, who)
			require.Equal(t, unknown.Status, out.Status, who)
			require.Equal(t, ofUnknown, of, who)
		}
	})
}

func TestStrangersNamesCostWhatUsersDo(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b.Exec(`insert into users (id, email, encrypted_password, email_confirmed_at) values ('ffffffff-ffff-4fff-8fff-ffffffffffff', 'ada@example.com', $1, now())`, fromFirebase)
		for _, email := range []string{"nobody@example.com", "anyone@example.com"} {
			var found store.Credential
			b.InTx(func(tx *store.Tx) (err error) {
				found, err = store.FindCredential(t.Context(), tx, email, "")
				return err
			})
			require.Nil(t, found.UserID)
			require.Empty(t, found.PasswordHash)
			require.Equal(t, fromFirebase, found.Decoy, "where users' hashes are dear, so is the one that a stranger is compared with")
			b.Refused(signIn(b, email, "user1password"), 400, "invalid_credentials")
		}
	})
}

// findsCode requires a code to be kept for a user and where it was sent.
func findsCode(t *testing.T, recipient string, code any, user string) func(tx *store.Tx) error {
	t.Helper()
	return func(tx *store.Tx) error {
		found, err := onetime.FindCode(t.Context(), tx, recipient, code.(string), onetime.Confirmation)
		require.NoError(t, err)
		require.NotNil(t, found)
		require.Equal(t, user, found.User.ID.String())
		return nil
	}
}
