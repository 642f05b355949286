package auth_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// evils are addresses that look like ones that the project allows, or are read as such by some.
var evils = []struct{ name, address string }{
	{"another site", "https://evil.example/"},
	{"the site's name as a subdomain of another", "https://app.example.com.evil.example/"},
	{"the site's name as the user of another", "https://app.example.com@evil.example/"},
	{"the site's name as user and password", "https://app.example.com:443@evil.example/"},
	{"a backslash before another host", "https://evil.example\\@app.example.com/"},
	{"backslashes for slashes", "https:\\\\evil.example"},
	{"no scheme", "//evil.example"},
	{"three slashes", "https:///evil.example"},
	{"one slash", "https:/evil.example"},
	{"a script", "javascript:alert(document.domain)//https://app.example.com"},
	{"a page in the address", "data:text/html,<script>1</script>"},
	{"another scheme of the same host", "http://app.example.com/"},
	{"another port of the same host", "https://app.example.com:8443/"},
	{"an allowed host's wildcard past its path", "https://other.example.com.evil.example/x"},
	{"dots that lead out of the path", "https://other.example.com/../../evil"},
	{"dots and slashes that are escaped", "https://other.example.com/%2e%2e%2fevil"},
	{"an encoded host", "https://app.example.com%2eevil.example/"},
	{"a host in full-width letters", "https://ａpp.example.com.evil.example/"},
	{"a line break in it", "https://app.example.com/\r\nLocation: https://evil.example"},
	{"a tab in the scheme", "java\tscript:alert(1)"},
}

func redirectAttacks() (out []attack) {
	for _, evil := range evils {
		out = append(out, attack{"open redirect", evil.name, func(s *scene) {
			to := url.QueryEscape(evil.address)
			safe := func(a ask) {
				out := s.do(a)
				address, _ := out.location(s)
				require.Contains(s, []string{site, site + "/"}, address, out.header.Get("Location"))
				require.NotContains(s, out.header.Get("Location"), "evil")
				require.Empty(s, out.header["Location"][1:])
				s.tell(a, "303 to site_url")
			}
			// With tokens in hand, without, and by way of a provider.
			p := s.mailed(s.newcomer(s.victim), "magiclink", nil)
			safe(ask{path: "/auth/v1/verify?type=magiclink&token=" + p.hash + "&redirect_to=" + to, noKey: true})
			safe(ask{path: "/auth/v1/verify?type=magiclink&token=" + p.hash, noKey: true, header: http.Header{"Redirect_to": {strings.NewReplacer("\r", "", "\n", "", "\t", "").Replace(evil.address)}}})
			back := s.idp.SignIn(s.T, s.beginAt(s.victim, "custom:acme", url.Values{"redirect_to": {evil.address}}), s.account(nil))
			safe(ask{path: "/auth/v1/callback?" + back.Fields.Encode() + "&redirect_to=" + to, noKey: true})
		}})
	}
	return append(out, attack{"open redirect", "an evil address asked for in a mail's link", func(s *scene) {
		for i, evil := range evils {
			u := s.newcomer(s.victim)
			a := s.post("/recover?redirect_to="+url.QueryEscape(evil.address), object{"email": u.email})
			s.must(200, a)
			mail := s.in.mailboxes.next(s.T, s.victim.Ref, u.email)
			require.NotContains(s, mail.HTML+mail.Text, "evil", i)
			s.tell(a, "the link leads to site_url")
		}
	}})
}

// poison is a set of headers that name another host.
func poison() http.Header {
	out := http.Header{}
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "X-Original-Host", "X-Original-Url", "X-Rewrite-Url", "X-Forwarded-Prefix", "Forwarded", "Origin", "Referer", "X-Forwarded-Proto"} {
		out.Set(name, "https://evil.example/")
	}
	out.Set("Forwarded", "host=evil.example;proto=https;for=192.0.2.9")
	out.Set("X-Forwarded-Host", "evil.example")
	return out
}

func headerAttacks() []attack {
	const group = "header poisoning"
	mails := map[string]func(u *person) ask{
		"recovery":   func(u *person) ask { return ask{path: "/auth/v1/recover", body: object{"email": u.email}} },
		"magic link": func(u *person) ask { return ask{path: "/auth/v1/otp", body: object{"email": u.email}} },
		"invitation": func(*person) ask { return ask{path: "/auth/v1/invite"} },
	}
	link := func(name string, from string) attack {
		return attack{group, name, func(s *scene) {
			for what, mail := range mails {
				u := s.newcomer(s.victim)
				a := mail(u)
				a.method, a.header, a.from = "POST", poison(), from
				if what == "invitation" {
					u.email = "i" + uuid.NewString()[:8] + "@example.com"
					a.key, a.body = s.victim.keys.Secret, object{"email": u.email}
				}
				s.must(200, a)
				mail := s.in.mailboxes.next(s.T, s.victim.Ref, u.email)
				require.NotContains(s, mail.HTML+mail.Text+mail.Subject, "evil", what)
				require.Contains(s, mail.HTML, s.victim.URL+"/auth/v1/verify?", what)
				s.tell(a, "the link is the project's own")
			}
		}}
	}
	return []attack{
		link("another host in headers, for the links in mails", ""),
		{group, "another host in Host", func(s *scene) {
			u := s.newcomer(s.victim)
			for _, host := range []string{"evil.example", s.victim.Ref + ".localhost.evil.example", "evil.example:80", s.victim.Ref + ".localhost@evil.example"} {
				a := s.post("/recover", object{"email": u.email})
				a.host = host
				s.unchanged(func() {
					out := s.do(a)
					require.Contains(s, []int{400, 404}, out.status, out.text)
					s.tell(a, fmt.Sprint(out.status, " ", or(out.code(), "bad request")))
				})
			}
		}},
		{group, "another host in headers, for a provider's callback", func(s *scene) {
			a := ask{path: "/auth/v1/authorize?provider=custom:acme", header: poison(), noKey: true}
			to := s.must(302, a).header.Get("Location")
			require.NotContains(s, to, "evil")
			u, err := url.Parse(to)
			require.NoError(s, err)
			require.Equal(s, s.victim.URL+"/auth/v1/callback", u.Query().Get("redirect_uri"))
			s.tell(a, "the callback is the project's own")
		}},
		{group, "another host in headers, for SAML's and OpenID Connect's descriptions", func(s *scene) {
			for _, path := range []string{"/auth/v1/sso/saml/metadata", "/auth/v1/.well-known/openid-configuration", "/auth/v1/.well-known/jwks.json"} {
				a := ask{path: path, header: poison(), noKey: true}
				out := s.must(200, a)
				require.NotContains(s, out.text, "evil")
				s.tell(a, "addresses are the project's own")
			}
		}},
		{group, "line breaks in an address, to add headers or recipients", func(s *scene) {
			for _, email := range []string{"a@example.com\r\nBcc: evil@evil.example", "a@example.com\nBcc: evil@evil.example", "a@example.com,evil@evil.example", "a@example.com evil@evil.example",
				"a@example.com>,<evil@evil.example", "\"a\r\nBcc: x\"@example.com", "a@example.com%0d%0aBcc:x@evil.example", "Evil <evil@evil.example>"} {
				for _, path := range []string{"/otp", "/recover", "/signup"} {
					s.refused(s.post(path, object{"email": email, "password": password}), 400, "validation_failed")
				}
			}
		}},
		{group, "a template in what a user says of themselves", func(s *scene) {
			p := s.project(map[string]string{"auth.email.template.confirmation.content": `"Dear {{ .Data.name }}, {{ .ConfirmationURL }}"`, "auth.email.template.confirmation.subject": `"Hello {{ .Data.name }}"`})
			email := "t" + uuid.NewString()[:8] + "@example.com"
			a := ask{at: p, method: "POST", path: "/auth/v1/signup", body: object{"email": email, "password": password,
				"data": object{"name": "{{ .TokenHash }}{{ .SiteURL }}<img src=https://evil.example/x>\r\nBcc: evil@evil.example"}}}
			s.must(200, a)
			mail := s.in.mailboxes.next(s.T, p.Ref, email)
			require.Contains(s, mail.HTML, "{{ .TokenHash }}", "what users write is shown as they wrote it")
			require.NotContains(s, mail.HTML, "<img")
			require.NotContains(s, mail.Subject, "\n")
			require.Equal(s, []string{email}, mail.To)
			s.tell(a, "escaped, one recipient, no header")
		}},
	}
}

func limitAttacks() []attack {
	const group = "limit bypass"
	few := map[string]string{"auth.rate_limit.otp": "5", "auth.rate_limit.sign_in_sign_ups": "5", "auth.rate_limit.verify": "5", "auth.rate_limit.token_refresh": "5", "auth.rate_limit.anonymous_users": "5"}
	doors := []ask{{path: "/auth/v1/recover", body: object{"email": "nobody@example.com"}}, {path: "/auth/v1/token?grant_type=password", body: object{"email": "nobody@example.com", "password": "x"}},
		{path: "/auth/v1/verify", body: object{"type": "magiclink", "token_hash": "x"}}, {path: "/auth/v1/token?grant_type=refresh_token", body: object{"refresh_token": "x"}},
		{path: "/auth/v1/signup", body: object{}}}
	// flood knocks at a door until it is shut, and requires that it is soon.
	flood := func(s *scene, door ask, change func(i int, a *ask)) {
		s.Helper()
		for i := range 9 {
			a := door
			a.method, a.header = "POST", http.Header{}
			change(i, &a)
			if out := s.do(a); out.status == 429 {
				require.Equal(s, "over_request_rate_limit", out.code(), out.text)
				require.NotEmpty(s, out.header.Get("Retry-After"))
				s.tell(a, "429 over_request_rate_limit")
				return
			}
		}
		require.Fail(s, "the limit was not reached", door.path)
	}
	spoof := func(name string, change func(i int, a *ask)) attack {
		return attack{group, name, func(s *scene) {
			p := s.project(few)
			for _, door := range doors {
				door.at = p
				flood(s, door, change)
			}
		}}
	}
	address := func(i int) string { return fmt.Sprintf("198.51.100.%d", i+1) }
	return []attack{
		spoof("a made-up X-Forwarded-For at each try", func(i int, a *ask) { a.header.Set("X-Forwarded-For", address(i)) }),
		spoof("other headers that name an address", func(i int, a *ask) {
			for _, name := range []string{"X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "Fastly-Client-Ip", "Sb-Forwarded-For"} {
				a.header.Set(name, address(i))
			}
			a.header.Set("Forwarded", "for="+address(i))
		}),
		spoof("a made-up X-Forwarded-For before that of the trusted proxy", func(i int, a *ask) {
			a.from = outsideAddress()
			a.header["X-Forwarded-For"] = []string{address(i), "203.0.113.7"}
		}),
		spoof("an unreadable X-Forwarded-For by way of the trusted proxy", func(i int, a *ask) {
			a.from = outsideAddress()
			a.header.Set("X-Forwarded-For", address(i)+", x, 203.0.113.8")
		}),
		spoof("addresses of one's own IPv6 network", func(i int, a *ask) {
			a.from = outsideAddress()
			a.header.Set("X-Forwarded-For", fmt.Sprintf("2001:db8:1:2::%x", i+1))
		}),
		spoof("another key, version, agent and cookie at each try", func(i int, a *ask) {
			a.header.Set("User-Agent", uuid.NewString())
			a.header.Set("X-Supabase-Api-Version", "2024-01-01")
			a.header.Set("X-Client-Info", uuid.NewString())
			a.header.Set("Cookie", "id="+uuid.NewString())
			if i%2 == 1 {
				a.key = a.at.keys.Anon
			}
		}),
	}
}

// guessAttacks go on where one address is stopped.
func guessAttacks() []attack {
	const group = "limit bypass"
	return []attack{
		{group, "guesses at one user's password, each from another address", func(s *scene) {
			u := s.newcomer(s.victim)
			refused := s.guess(60, func(i int) ask {
				return s.post("/token?grant_type=password", object{"email": u.email, "password": "guess"})
			})
			require.GreaterOrEqual(s, refused, 20)
			// In other letters it is the same user.
			a := s.post("/token?grant_type=password", object{"email": "  " + strings.ToUpper(u.email), "password": "guess"})
			s.refused(a, 429, "over_request_rate_limit")
		}},
		{group, "guesses at one user's code, each from another address", func(s *scene) {
			u := s.newcomer(s.victim)
			p := s.mailed(u, "recovery", nil)
			wrong := "000000"
			if p.code == wrong {
				wrong = "111111"
			}
			refused := s.guess(30, func(int) ask { return s.post("/verify", object{"type": "recovery", "email": u.email, "token": wrong}) })
			require.GreaterOrEqual(s, refused, 10)
			s.refused(s.post("/verify", object{"type": "recovery", "email": u.email, "token": p.code}), 429, "over_request_rate_limit")
		}},
		{group, "guesses at a second factor, with a new challenge each", func(s *scene) {
			u, factor, _ := s.withApp()
			thief := *u
			s.signIn(&thief)
			refused := 0
			for range 40 {
				out := s.do(s.answerFactor(&thief, factor, s.challenge(&thief, factor), "000000"))
				if out.status == 429 {
					refused++
					break
				}
				require.Equal(s, 422, out.status, out.text)
			}
			require.Positive(s, refused)
			s.refused(s.answerFactor(&thief, factor, s.challenge(&thief, factor), "000001"), 429, "over_request_rate_limit")
		}},
		{group, "mails to one address, again and again", func(s *scene) {
			p := s.project(map[string]string{"auth.email.max_frequency": "60"})
			u := s.newcomer(p)
			a := ask{at: p, method: "POST", path: "/auth/v1/recover", body: object{"email": u.email}}
			s.must(200, a)
			s.refused(a, 429, "over_email_send_rate_limit")
		}},
		{group, "mails of one project, to whomever", func(s *scene) {
			p := s.project(map[string]string{"auth.rate_limit.email_sent": "2"})
			var last ask
			for range 3 {
				last = ask{at: p, method: "POST", path: "/auth/v1/otp", body: object{"email": s.newcomer(p).email}}
				if out := s.do(last); out.status != 200 {
					break
				}
			}
			last.body = object{"email": s.newcomer(p).email}
			s.refused(last, 429, "over_email_send_rate_limit")
		}},
		{group, "no CAPTCHA where one is asked for", func(s *scene) {
			p := s.project(map[string]string{"auth.captcha.enabled": "true", "auth.captcha.secret": `"secret"`})
			u := s.newcomer(p)
			for _, a := range []ask{{path: "/auth/v1/token?grant_type=password", body: object{"email": u.email, "password": password}}, {path: "/auth/v1/recover", body: object{"email": u.email}},
				{path: "/auth/v1/otp", body: object{"email": u.email}}, {path: "/auth/v1/signup", body: object{"email": "x@example.com", "password": password}}} {
				a.at, a.method = p, "POST"
				s.refused(a, 400, "captcha_failed")
			}
		}},
	}
}

// guess tries from ever other addresses, through the trusted proxy, and returns how many tries were turned away without a look.
func (s *scene) guess(n int, next func(i int) ask) (refused int) {
	s.Helper()
	s.unchanged(func() {
		for i := range n {
			a := next(i)
			a.from, a.header = s.in.outside, http.Header{"X-Forwarded-For": {fmt.Sprintf("198.51.%d.%d", time.Now().Nanosecond()%200, i)}}
			if s.do(a).status == 429 {
				refused++
			}
		}
	})
	return refused
}
