package link_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
)

// atOnce runs requests at the same time, and returns their answers.
func atOnce(n int, request func() authtest.Answer) []authtest.Answer {
	out, begin := make([]authtest.Answer, n), make(chan struct{})
	var wait sync.WaitGroup
	for i := range out {
		wait.Go(func() {
			<-begin
			out[i] = request()
		})
	}
	close(begin)
	wait.Wait()
	return out
}

func TestOfRequestsAtOnceOneWins(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		wins := func(answers []authtest.Answer, won func(authtest.Answer) bool) (n int) {
			for _, a := range answers {
				if won(a) {
					n++
				}
			}
			return n
		}
		tokens := func(a authtest.Answer) bool { return a.Str("access_token") != "" }
		redirected := func(with string) func(authtest.Answer) bool {
			return func(a authtest.Answer) bool { return strings.Contains(a.Header.Get("Location"), with) }
		}
		for round := range 2 {
			each(b, plain, func(s scene, email string, m mail) {
				require.Equal(t, 1, wins(atOnce(6, func() authtest.Answer {
					return b.Call("POST", "/verify", "", body{"type": s.kind, "email": email, "token": m.code})
				}), tokens), "%s %d", s.name, round)
			})
			each(b, plain, func(s scene, _ string, m mail) {
				require.Equal(t, 1, wins(atOnce(6, func() authtest.Answer { return follow(b, s.kind, m.link, "") }), redirected("access_token=")), s.name)
			})
			each(b, challenge, func(s scene, _ string, m mail) {
				answers := atOnce(6, func() authtest.Answer { return follow(b, s.kind, m.link, "") })
				require.Equal(t, 1, wins(answers, redirected("?code=")), s.name)
				for _, a := range answers {
					if _, query, _ := location(t, a); query.Get("code") != "" {
						require.Equal(t, 1, wins(atOnce(6, func() authtest.Answer { return exchange(b, query.Get("code")) }), tokens), s.name)
					}
				}
			})
		}
	})
}

func TestProofsExpire(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, map[string]string{"auth.email.otp_expiry": "600"})
		each(b, plain, func(s scene, email string, m mail) {
			b.Exec("update one_time_tokens set created_at = created_at - interval '601 seconds' where relates_to = $1", email)
			b.Refused(b.Call("POST", "/verify", "", body{"type": s.kind, "email": email, "token": m.code}), 403, "otp_expired")
			b.Refused(b.Call("POST", "/verify", "", body{"type": s.kind, "token_hash": m.link}), 403, "otp_expired")
			_, _, fragment := location(t, follow(b, s.kind, m.link, ""))
			require.Equal(t, "otp_expired", fragment.Get("error_code"))
			b.Exec("update one_time_tokens set created_at = created_at + interval '60 seconds' where relates_to = $1", email)
			require.Equal(t, 200, b.Call("POST", "/verify", "", body{"type": s.kind, "token_hash": m.link}).Status)
		})
		m := scenes()[1].play(b, ann, challenge)
		_, query, _ := location(t, follow(b, "magiclink", m.link, ""))
		b.Exec("update flow_state set auth_code_issued_at = auth_code_issued_at - interval '1 hour'")
		b.Refused(exchange(b, query.Get("code")), 422, "flow_state_expired")
	})
}

func TestProofsAreRefused(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		t.Run("of what was the user's address", func(t *testing.T) {
			each(b, plain, func(s scene, email string, m mail) {
				b.Exec("update users set email = 'moved-' || email where email = $1", email)
				b.Refused(b.Call("POST", "/verify", "", body{"type": s.kind, "email": email, "token": m.code}), 403, "otp_expired")
				b.Refused(b.Call("POST", "/verify", "", body{"type": s.kind, "token_hash": m.link}), 403, "otp_expired")
			})
		})
		t.Run("of banned users, who have it still when the ban ends", func(t *testing.T) {
			each(b, plain, func(s scene, email string, m mail) {
				b.Exec("update users set banned_until = now() + interval '1 hour' where email = $1", email)
				b.Refused(b.Call("POST", "/verify", "", body{"type": s.kind, "email": email, "token": other(m.code)}), 403, "otp_expired")
				b.Refused(b.Call("POST", "/verify", "", body{"type": s.kind, "email": email, "token": m.code}), 403, "user_banned")
				_, query, _ := location(t, follow(b, s.kind, m.link, ""))
				require.Equal(t, "user_banned", query.Get("error_code"))
				b.Exec("update users set banned_until = null where email = $1", email)
				require.Equal(t, 200, b.Call("POST", "/verify", "", body{"type": s.kind, "token_hash": m.link}).Status)
			})
		})
		t.Run("of deleted users", func(t *testing.T) {
			each(b, plain, func(s scene, email string, m mail) {
				b.Exec("update users set deleted_at = now() where email = $1", email)
				b.Refused(b.Call("POST", "/verify", "", body{"type": s.kind, "token_hash": m.link}), 403, "otp_expired")
			})
		})
		t.Run("of another type", func(t *testing.T) {
			each(b, plain, func(s scene, email string, m mail) {
				kind := "recovery"
				if s.kind != "signup" {
					kind = "signup"
				}
				for _, kind := range []string{kind, "email_change"} {
					b.Refused(b.Call("POST", "/verify", "", body{"type": kind, "email": email, "token": m.code}), 403, "otp_expired")
					b.Refused(b.Call("POST", "/verify", "", body{"type": kind, "token_hash": m.link}), 403, "otp_expired")
				}
			})
		})
		t.Run("with a verifier that is not the challenge's, after which the code is gone", func(t *testing.T) {
			each(b, challenge, func(s scene, _ string, m mail) {
				_, query, _ := location(t, follow(b, s.kind, m.link, ""))
				wrong := b.Call("POST", "/token?grant_type=pkce", "", body{"auth_code": query.Get("code"), "code_verifier": strings.ToUpper(verifier)})
				b.Refused(wrong, 400, "bad_code_verifier")
				b.Refused(exchange(b, query.Get("code")), 404, "flow_state_not_found")
			})
		})
	})
}

func TestBodiesThatAreNone(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		for name, c := range map[string]struct {
			path string
			in   any
			code string
		}{
			"verify without a type":             {"/verify", body{"email": ann, "token": "123456"}, "validation_failed"},
			"verify with an unknown type":       {"/verify", body{"type": "wish", "email": ann, "token": "123456"}, "validation_failed"},
			"verify without a token":            {"/verify", body{"type": "email", "email": ann}, "validation_failed"},
			"verify with two tokens":            {"/verify", body{"type": "email", "email": ann, "token": "1", "token_hash": "2"}, "validation_failed"},
			"verify with two names":             {"/verify", body{"type": "email", "email": ann, "phone": "15551234567", "token": "1"}, "validation_failed"},
			"verify without a name":             {"/verify", body{"type": "email", "token": "1"}, "validation_failed"},
			"verify a number's type by address": {"/verify", body{"type": "sms", "email": ann, "token": "1"}, "validation_failed"},
			"verify an address's type by phone": {"/verify", body{"type": "email", "phone": "15551234567", "token": "1"}, "validation_failed"},
			"verify a number's type by a hash":  {"/verify", body{"type": "sms", "token_hash": "abc"}, "validation_failed"},
			"a hash with NUL is none":           {"/verify", `{"type": "email", "token_hash": "a\u0000b"}`, "otp_expired"},
			"otp for both":                      {"/otp", body{"email": ann, "phone": "15551234567"}, "validation_failed"},
			"otp for none":                      {"/otp", body{}, "validation_failed"},
			"otp with a channel by mail":        {"/otp", body{"email": ann, "channel": "sms"}, "validation_failed"},
			"otp with an unknown channel":       {"/otp", body{"phone": "15551234567", "channel": "owl"}, "validation_failed"},
			"otp for what is no address":        {"/otp", body{"email": "ann"}, "validation_failed"},
			"otp with half a challenge":         {"/otp", body{"email": ann, "code_challenge_method": "s256"}, "validation_failed"},
			"otp with a short challenge":        {"/otp", body{"email": ann, "code_challenge": "abc", "code_challenge_method": "s256"}, "validation_failed"},
			"otp with NUL in metadata":          {"/otp", `{"email": "ann@example.com", "data": {"a": "\u0000"}}`, "validation_failed"},
			"recover nobody":                    {"/recover", body{}, "validation_failed"},
			"resend nothing":                    {"/resend", body{"email": ann}, "validation_failed"},
			"resend a recovery":                 {"/resend", body{"email": ann, "type": "recovery"}, "validation_failed"},
			"resend a sign-up by phone":         {"/resend", body{"phone": "15551234567", "type": "signup"}, "validation_failed"},
			"resend sms by mail":                {"/resend", body{"email": ann, "type": "sms"}, "validation_failed"},
			"exchange nothing":                  {"/token?grant_type=pkce", body{}, "validation_failed"},
			"exchange without a verifier":       {"/token?grant_type=pkce", body{"auth_code": "abc"}, "validation_failed"},
			"no JSON":                           {"/otp", "email=ann", "bad_json"},
		} {
			out := b.Call("POST", c.path, "", c.in)
			require.Equal(t, c.code, out.Code(), "%s: %s", name, out.Text)
		}
		require.Empty(t, b.Sent())
		require.Zero(t, b.Count("select count(*) from users"))
		b.Refused(b.Call("GET", "/verify?type=signup", "", nil), 400, "validation_failed")
		b.Refused(b.Call("GET", "/verify?token=abc", "", nil), 400, "validation_failed")
		for _, kind := range []string{"sms", "phone_change", "wish"} {
			_, query, _ := location(t, follow(b, kind, "abc", ""))
			require.Equal(t, "validation_failed", query.Get("error_code"))
			require.Equal(t, "invalid_request", query.Get("error"))
		}
	})
}

// counts limits as the workers do, without time passing.
type counts struct {
	mu   sync.Mutex
	seen map[string]int
}

func (c *counts) Allow(_ context.Context, ref, key string, rate guard.Rate) (bool, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]int{}
	}
	if c.seen[ref+key] >= rate.Burst {
		return false, time.Duration(float64(time.Second) / rate.PerSecond)
	}
	c.seen[ref+key]++
	return true, 0
}

func mountLimited(b *authtest.Bundle) {
	b.Guard = guard.New(guard.Deps{Limiter: &counts{}, Client: b.Egress.Client(5 * time.Second)})
	mount(b)
}

func TestStrangersLearnNothing(t *testing.T) {
	authtest.Both(t, mountLimited, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, map[string]string{"auth.email.max_frequency": "60", "auth.phone.max_frequency": "60"})
		b.User(ann, "")
		b.User("sent@example.com", "")
		b.Exec("update users set recovery_sent_at = now(), confirmation_sent_at = now() where email = 'sent@example.com'")
		b.User("new@example.com", "")
		b.Exec("update users set email_confirmed_at = null where email = 'new@example.com'")
		addresses := []string{ann, "sent@example.com", "new@example.com", "nobody@example.com"}
		for _, path := range []string{"/recover", "/resend", "/otp"} {
			for try := range 2 {
				var first authtest.Answer
				for i, email := range addresses {
					out := b.Call("POST", path, "", body{"email": email, "type": "signup"})
					if i == 0 {
						first = out
					}
					require.Equal(t, first.Status, out.Status, "%s %s %d: %s", path, email, try, out.Text)
					require.Equal(t, first.Text, out.Text, "%s %s %d", path, email, try)
				}
				if path == "/recover" && try == 1 {
					require.Equal(t, 429, first.Status)
					require.Equal(t, "over_email_send_rate_limit", first.Code())
					require.Equal(t, "For security purposes, you can only request this after 60 seconds.", first.Str("msg"))
					require.Equal(t, "60", first.Header.Get("Retry-After"))
				}
			}
		}
	})
}

func TestWhatWasJustSentIsNotSentAgain(t *testing.T) {
	authtest.Both(t, mountLimited, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, map[string]string{"auth.email.max_frequency": "60", "auth.phone.max_frequency": "60"})
		b.User(ann, "")
		for _, email := range []string{ann, "new@example.com"} {
			require.Equal(t, 200, b.Call("POST", "/otp", "", body{"email": email}).Status)
			b.Refused(b.Call("POST", "/resend", "", body{"email": email, "type": "signup"}), 429, "over_email_send_rate_limit")
		}
		require.Equal(t, 200, b.Call("POST", "/otp", "", body{"phone": number}).Status)
		b.Refused(b.Call("POST", "/resend", "", body{"phone": number, "type": "sms"}), 429, "over_sms_send_rate_limit")
		require.Equal(t, 200, b.Call("POST", "/resend", "", body{"email": "victim@example.com", "type": "signup"}).Status)
		require.Equal(t, 200, b.Call("POST", "/otp", "", body{"email": "victim@example.com"}).Status, "who has things sent again keeps nobody from signing in")
	})
}

func TestTriesAreLimited(t *testing.T) {
	authtest.Both(t, mountLimited, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		m := scenes()[1].play(b, ann, plain)
		for _, email := range []string{ann, "nobody@example.com"} {
			refused := 0
			for i := range 30 {
				from := b.From("198.51.100." + string(rune('1'+i%9)))
				if from.Call("POST", "/verify", "", body{"type": "magiclink", "email": email, "token": other(m.code)}).Status == http.StatusTooManyRequests {
					refused++
				}
			}
			require.Equal(t, 15, refused, "for who exists and who does not, from wherever")
		}
		b.Refused(b.Call("POST", "/verify", "", body{"type": "magiclink", "email": ann, "token": m.code}), 429, "over_request_rate_limit")
		require.Equal(t, 200, b.Call("POST", "/verify", "", body{"type": "magiclink", "token_hash": m.link}).Status, "the link cannot be guessed, and goes on")
		few := project(b, map[string]string{"auth.rate_limit.verify": "3", "auth.rate_limit.otp": "2"}).From("203.0.113.9")
		for range 3 {
			location(t, follow(few, "signup", "abc", ""))
		}
		few.Refused(follow(few, "signup", "abc", ""), 429, "over_request_rate_limit")
		few.Refused(few.Call("POST", "/verify", "", body{"type": "magiclink", "token_hash": "abc"}), 429, "over_request_rate_limit")
		for range 2 {
			require.Equal(t, 200, few.Call("POST", "/recover", "", body{"email": "x@example.com"}).Status)
		}
		for _, path := range []string{"/otp", "/magiclink", "/recover", "/resend"} {
			few.Refused(few.Call("POST", path, "", body{"email": ann, "type": "signup"}), 429, "over_request_rate_limit")
		}
	})
}

func TestMailsRestBetween(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, map[string]string{"auth.email.max_frequency": "60"})
		for i, s := range scenes() {
			email := string(rune('a'+i)) + "@example.com"
			s.play(b, email, plain)
			path := map[string]string{"recovery": "/recover"}[s.kind]
			if path == "" {
				path = "/otp"
			}
			out := b.Call("POST", path, "", body{"email": email})
			b.Refused(out, 429, "over_email_send_rate_limit")
			require.Contains(t, out.Str("msg"), "For security purposes, you can only request this after ")
			require.Empty(t, b.Sent())
		}
		b.Refused(b.Call("POST", "/resend", "", body{"email": "a@example.com", "type": "signup"}), 429, "over_email_send_rate_limit")
		b.Exec("update users set confirmation_sent_at = now() - interval '61 seconds'")
		require.Equal(t, 200, b.Call("POST", "/resend", "", body{"email": "a@example.com", "type": "signup"}).Status)
		require.Equal(t, "confirmation", one(b).template)
		require.Equal(t, 200, b.Call("POST", "/resend", "", body{"email": "b@example.com", "type": "signup"}).Status)
		require.Empty(t, sent(b), "a confirmed address is sent nothing")
	})
}

func TestWhoMayNotSignUp(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		out := b.Call("POST", "/otp", "", body{"email": ann, "create_user": false})
		b.Refused(out, 422, "otp_disabled")
		require.Equal(t, "Signups not allowed for otp", out.Str("msg"))
		closed := project(b, map[string]string{"auth.disable_signup": "true"})
		closed.Refused(closed.Call("POST", "/otp", "", body{"email": ann}), 422, "signup_disabled")
		closed.Refused(closed.Call("POST", "/otp", "", body{"phone": "15551234567"}), 422, "signup_disabled")
		b.Refused(project(b, map[string]string{"auth.email.enabled": "false"}).Call("POST", "/otp", "", body{"email": ann}), 422, "email_provider_disabled")
		b.Refused(project(b, map[string]string{"auth.phone.enabled": "false"}).Call("POST", "/otp", "", body{"phone": "15551234567"}), 400, "phone_provider_disabled")
		b.Refused(project(b, map[string]string{"auth.phone.enabled": "false"}).Call("POST", "/resend", "", body{"phone": "15551234567", "type": "sms"}), 400, "phone_provider_disabled")
		require.Zero(t, b.Count("select count(*) from users"))
		require.Empty(t, b.Sent())
	})
}

func TestLinksAreNotMadeOfHeaders(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		b.User(ann, "")
		spoof := func(method, path, in string) authtest.Answer {
			r := httptest.NewRequest(method, path, strings.NewReader(in))
			r.Host = "evil.example"
			for _, name := range []string{"X-Forwarded-Host", "X-Original-Host", "X-Host", "Forwarded", "X-Forwarded-Server", "Origin", "Referer", "X-Forwarded-Prefix", "Redirect_to"} {
				r.Header.Set(name, "https://evil.example/")
			}
			return b.Do(r, "")
		}
		require.Equal(t, 200, spoof("POST", "/recover", `{"email": "ann@example.com"}`).Status)
		items := b.Sent()
		require.Len(t, items, 1)
		m, _ := items[0]["message"].(map[string]any)
		secret, _ := items[0]["secret"].(map[string]any)
		require.Equal(t, "https://app.example.com", m["redirect_to"])
		link, _ := secret["token_hash"].(string)
		_, html, text, err := message.Render(b.Project.Settings, b.Project.URL, message.Email{Template: "recovery", To: ann, Kind: "recovery", TokenHash: link, RedirectTo: "https://app.example.com"})
		require.NoError(t, err)
		require.Contains(t, html, b.Project.URL+"/auth/v1/verify?token="+link)
		require.NotContains(t, html+text, "evil")
		out := spoof("GET", "/verify?type=recovery&token="+link, "")
		to, _, _ := location(t, out)
		require.Equal(t, "https://app.example.com", to)
		out = spoof("GET", "/verify?type=recovery&token="+link+"&redirect_to=https%3A%2F%2Fevil.example", "")
		to, _, _ = location(t, out)
		require.Equal(t, "https://app.example.com", to)
		require.Equal(t, protocol.AllowedRedirect(b.Project.Settings, "https://evil.example"), to)
	})
}

func TestStrangersLearnNothingByTheWork(t *testing.T) {
	authtest.Both(t, mountLimited, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		n := 0
		user := func(confirmed string) string {
			n++
			email := fmt.Sprintf("known%d@example.com", n)
			b.User(email, "")
			b.Exec("update users set email_confirmed_at = "+confirmed+" where email = $1", email)
			return email
		}
		nobody := func() string { n++; return fmt.Sprintf("nobody%d@example.com", n) }
		counted, wire := b.Counted()
		ask := func(path string, in body) (statements int64) {
			counted.Address = fmt.Sprintf("192.0.2.%d:4000", n%200+1)
			statements = wire.Statements(func() {
				out := counted.Call("POST", path, "", in)
				require.Equal(t, 200, out.Status, out.Text)
			})
			return statements
		}
		for name, with := range map[string]func(body) body{"implicit": plain, "PKCE": challenge} {
			for _, path := range []string{"/recover", "/resend", "/otp"} {
				kinds := map[string]func() string{"confirmed": func() string { return user("now()") }, "unconfirmed": func() string { return user("null") }, "unknown": nobody}
				for _, who := range kinds { // the statements are prepared
					ask(path, with(body{"email": who(), "type": "signup"}))
				}
				var first int64
				for kind, who := range kinds {
					w := ask(path, with(body{"email": who(), "type": "signup"}))
					if first == 0 {
						first = w
					}
					require.Equal(t, first, w, "%s %s %s", name, path, kind)
					require.NotZero(t, w)
				}
			}
		}
		email := user("now()")
		pending := user("now()")
		b.Exec("update users set email_change = 'wanted@example.com' where email = $1", pending)
		for range 2 {
			of := ask("/resend", body{"email": email, "type": "email_change"})
			require.Equal(t, of, ask("/resend", body{"email": pending, "type": "email_change"}))
			require.Equal(t, of, ask("/resend", body{"email": nobody(), "type": "email_change"}))
		}
	})
}

func TestPasswordsOfStrangersGoWhenTheOwnerComes(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		hash := func(column, value string) string {
			return authtest.One[string](b, "select coalesce(encrypted_password, '') from users where "+column+" = $1", value)
		}
		squat := func() string {
			email := fmt.Sprintf("squatted%d@example.com", addresses.Add(1))
			b.User(email, "the stranger's")
			b.Exec("update users set email_confirmed_at = null where email = $1", email)
			return email
		}
		for _, path := range []string{"/otp", "/magiclink", "/recover"} {
			for _, byLink := range []bool{true, false} {
				email := squat()
				require.Equal(t, 200, b.Call("POST", path, "", body{"email": email}).Status)
				m := one(b)
				require.NotEmpty(t, hash("email", email), "asking alone changes nothing")
				in := body{"type": m.kind, "token_hash": m.link}
				if !byLink {
					in = body{"type": m.kind, "email": email, "token": m.code}
				}
				require.Equal(t, 200, b.Call("POST", "/verify", "", in).Status)
				require.True(t, confirmed(b, email))
				require.Empty(t, hash("email", email), path)
			}
		}
		email := squat()
		require.Equal(t, 200, b.Call("POST", "/resend", "", body{"email": email, "type": "signup"}).Status)
		require.Equal(t, 200, b.Call("POST", "/verify", "", body{"type": "signup", "token_hash": one(b).link}).Status)
		require.NotEmpty(t, hash("email", email), "who confirms the sign-up keeps its password")
		b.User(ann, "my own")
		require.Equal(t, 200, b.Call("POST", "/otp", "", body{"email": ann}).Status)
		require.Equal(t, 200, b.Call("POST", "/verify", "", body{"type": "email", "token_hash": one(b).link}).Status)
		require.NotEmpty(t, hash("email", ann), "who was confirmed keeps theirs")

		id := b.User("phoned@example.com", "the stranger's")
		b.Exec("update users set email = null, phone = $2 where id = $1", id, number)
		require.Equal(t, 200, b.Call("POST", "/otp", "", body{"phone": number}).Status)
		m := one(b)
		out := b.Call("POST", "/verify", "", body{"type": "sms", "phone": number, "token": m.code})
		require.Equal(t, 200, out.Status, out.Text)
		require.NotEmpty(t, out.User()["phone_confirmed_at"])
		require.Empty(t, hash("phone", number))
	})
}
