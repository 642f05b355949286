package auth_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"crypto/sha256"
	"encoding/base64"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/webauthn/webauthntest"
)

// pkce is a verifier with its challenge.
func pkce() (verifier, challenge string) {
	verifier = strings.Repeat("v", 20) + uuid.NewString()
	sum := sha256.Sum256([]byte(verifier))
	return verifier, base64.RawURLEncoding.EncodeToString(sum[:])
}

// flowCode is the code that a browser gets, of a flow by mail with a challenge of the app's.
func (s *scene) flowCode(u *person) (code, verifier string) {
	s.Helper()
	verifier, challenge := pkce()
	s.must(200, s.post("/otp?redirect_to="+url.QueryEscape(landing), object{"email": u.email, "code_challenge": challenge, "code_challenge_method": "s256"}))
	out := s.do(ask{path: s.linkOf(s.in.mailboxes.next(s.T, s.victim.Ref, u.email).HTML), noKey: true})
	_, fields := out.location(s)
	require.NotEmpty(s, fields.Get("code"), out.header.Get("Location"))
	return fields.Get("code"), verifier
}

// linkOf is the path of the link in a mail.
func (s *scene) linkOf(html string) string {
	s.Helper()
	_, rest, found := strings.Cut(html, s.victim.URL)
	require.True(s, found, html)
	link, _, _ := strings.Cut(rest, `"`)
	return strings.ReplaceAll(link, "&amp;", "&")
}

func (s *scene) exchange(code, verifier string) ask {
	return s.post("/token?grant_type=pkce", object{"auth_code": code, "code_verifier": verifier})
}

func (s *scene) renew(token string) ask {
	return s.post("/token?grant_type=refresh_token", object{"refresh_token": token})
}

// ignored records an attack whose request is answered as if the hostile part were not in it, once the row has shown that it was not looked at.
func (s *scene) ignored(a ask, how string) { s.Helper(); s.tell(a, "ignored: "+how) }

func fixationAttacks() []attack {
	const group = "fixation"
	return []attack{
		{group, "a session and tokens of the attacker's choice in the victim's sign-in", func(s *scene) {
			u, mallory := s.newcomer(s.victim), s.person()
			a := s.post("/token?grant_type=password", object{"email": u.email, "password": password, "session_id": mallory.session, "refresh_token": mallory.refresh,
				"access_token": mallory.access, "user_id": mallory.id})
			a.header = http.Header{"Cookie": {"sb-access-token=" + mallory.access + "; sb-refresh-token=" + mallory.refresh}}
			s.holds(u, s.must(200, a))
			require.NotEqual(s, mallory.session, u.session)
			require.NotEqual(s, mallory.refresh, u.refresh)
			require.Equal(s, u.id, claimsOf(s, u.access)["sub"])
			s.ignored(a, "a new session, with new tokens")
			s.refresh(mallory)
			require.Equal(s, mallory.id, claimsOf(s, mallory.access)["sub"], "the attacker's session is theirs still")
		}},
		{group, "a session that goes on after the password was set anew", func(s *scene) {
			u := s.person()
			thief := *u
			p := s.mailed(u, "recovery", nil)
			s.holds(u, s.must(200, s.post("/verify", object{"type": "recovery", "token_hash": p.hash})))
			s.must(200, ask{method: "PUT", path: "/auth/v1/user", bearer: u.access, body: object{"password": "a new and better one"}})
			s.ends(&thief)
			s.works(u)
		}},
		{group, "a cookie in place of a bearer token", func(s *scene) {
			u := s.person()
			s.refused(ask{path: "/auth/v1/user", header: http.Header{"Cookie": {"sb-access-token=" + u.access + "; access_token=" + u.access}}}, 401, "no_authorization")
		}},
		{group, "a token in the query in place of a header", func(s *scene) {
			u := s.person()
			s.refused(ask{path: "/auth/v1/user?access_token=" + u.access + "&token=" + u.access}, 401, "no_authorization")
		}},
		{group, "the code of the attacker's flow in the victim's browser, which has another verifier", func(s *scene) {
			code, _ := s.flowCode(s.newcomer(s.victim))
			other, _ := pkce()
			s.refused(s.exchange(code, other), 400, "bad_code_verifier")
			s.refused(s.exchange(code, other), 404, "flow_state_not_found")
		}},
		{group, "the victim's code, without its verifier", func(s *scene) {
			code, verifier := s.flowCode(s.newcomer(s.victim))
			s.refused(s.exchange(code, ""), 400, "validation_failed")
			s.refused(s.post("/token?grant_type=pkce", object{"auth_code": code}), 400, "validation_failed")
			s.must(200, s.exchange(code, verifier))
		}},
		{group, "the victim's code with the challenge as its verifier (plain in place of s256)", func(s *scene) {
			code, verifier := s.flowCode(s.newcomer(s.victim))
			sum := sha256.Sum256([]byte(verifier))
			a := s.exchange(code, base64.RawURLEncoding.EncodeToString(sum[:]))
			a.body.(object)["code_challenge_method"] = "plain"
			s.refused(a, 400, "bad_code_verifier")
		}},
		{group, "the victim's code at another grant", func(s *scene) {
			code, verifier := s.flowCode(s.newcomer(s.victim))
			s.refused(s.renew(code), 400, "refresh_token_not_found")
			s.refused(s.post("/verify", object{"type": "magiclink", "token_hash": code}), 403, "otp_expired")
			s.must(200, s.exchange(code, verifier))
		}},
	}
}

func replayAttacks() []attack {
	const group = "replay"
	return []attack{
		{group, "a code from a mail, a second time", func(s *scene) {
			u := s.newcomer(s.victim)
			a := s.post("/verify", object{"type": "magiclink", "email": u.email, "token": s.mailed(u, "magiclink", nil).code})
			s.must(200, a)
			s.refused(a, 403, "otp_expired")
		}},
		{group, "a link from a mail, a second time", func(s *scene) {
			u := s.newcomer(s.victim)
			path := strings.TrimPrefix(s.mailed(u, "magiclink", nil).link, s.victim.URL)
			out := s.do(ask{path: path, noKey: true})
			require.Contains(s, out.header.Get("Location"), "access_token=")
			s.turnedBack(ask{path: path, noKey: true}, site, "otp_expired")
		}},
		{group, "the code, after the link of the same mail was followed", func(s *scene) {
			u := s.newcomer(s.victim)
			p := s.mailed(u, "recovery", nil)
			s.must(200, s.post("/verify", object{"type": "recovery", "token_hash": p.hash}))
			s.refused(s.post("/verify", object{"type": "recovery", "email": u.email, "token": p.code}), 403, "otp_expired")
		}},
		{group, "the code of a mail that a newer one replaced", func(s *scene) {
			u := s.newcomer(s.victim)
			old := s.mailed(u, "recovery", nil)
			s.mailed(u, "recovery", nil)
			s.refused(s.post("/verify", object{"type": "recovery", "email": u.email, "token": old.code}), 403, "otp_expired")
			s.refused(s.post("/verify", object{"type": "recovery", "token_hash": old.hash}), 403, "otp_expired")
		}},
		{group, "a code from a mail that is old", func(s *scene) {
			u := s.newcomer(s.victim)
			p := s.mailed(u, "recovery", nil)
			s.exec(s.victim, "update one_time_tokens set created_at = now() - interval '3601 seconds' where user_id = $1", u.id)
			s.refused(s.post("/verify", object{"type": "recovery", "email": u.email, "token": p.code}), 403, "otp_expired")
			s.refused(s.post("/verify", object{"type": "recovery", "token_hash": p.hash}), 403, "otp_expired")
		}},
		{group, "the hash of a code, as a leaked dump has it", func(s *scene) {
			u := s.newcomer(s.victim)
			s.mailed(u, "recovery", nil)
			for _, kept := range one[[]string](s, s.victim, "select array_agg(token_hash) from one_time_tokens where user_id = $1", u.id) {
				s.refused(s.post("/verify", object{"type": "recovery", "email": u.email, "token": kept}), 403, "otp_expired")
			}
		}},
		{group, "a code for one thing, to do another", func(s *scene) {
			u := s.newcomer(s.victim)
			p := s.mailed(u, "recovery", nil)
			for _, kind := range []string{"email_change", "signup", "invite"} {
				s.refused(s.post("/verify", object{"type": kind, "email": u.email, "token": p.code}), 403, "otp_expired")
				s.refused(s.post("/verify", object{"type": kind, "token_hash": p.hash}), 403, "otp_expired")
			}
		}},
		{group, "one user's code for another user's address", func(s *scene) {
			mallory, u := s.newcomer(s.victim), s.newcomer(s.victim)
			s.mailed(u, "magiclink", nil)
			s.refused(s.post("/verify", object{"type": "magiclink", "email": u.email, "token": s.mailed(mallory, "magiclink", nil).code}), 403, "otp_expired")
		}},
		{group, "a link that a mail scanner looks at first (HEAD)", func(s *scene) {
			u := s.newcomer(s.victim)
			p := s.mailed(u, "magiclink", nil)
			a := ask{method: "HEAD", path: strings.TrimPrefix(p.link, s.victim.URL), noKey: true}
			s.unchanged(func() {
				out := s.do(a)
				require.NotContains(s, out.header.Get("Location"), "access_token")
				s.tell(a, fmt.Sprintf("%d, nothing used", out.status))
			})
			s.must(200, s.post("/verify", object{"type": "magiclink", "token_hash": p.hash}))
		}},
	}
}

// proofReplays bring what proved somebody once before.
func proofReplays() []attack {
	const group = "replay"
	return []attack{
		{group, "the code of a flow, a second time", func(s *scene) {
			code, verifier := s.flowCode(s.newcomer(s.victim))
			s.must(200, s.exchange(code, verifier))
			s.refused(s.exchange(code, verifier), 404, "flow_state_not_found")
		}},
		{group, "the code of an authenticator app, a second time", func(s *scene) {
			u, factor, secret := s.withApp()
			code := s.appCode(secret, 1)
			other := *u
			s.signIn(&other)
			s.must(200, s.answerFactor(&other, factor, s.challenge(&other, factor), code))
			thief := *u
			s.signIn(&thief)
			s.refused(s.answerFactor(&thief, factor, s.challenge(&thief, factor), code), 422, "mfa_verification_failed")
		}},
		{group, "the answer of a passkey, a second time", func(s *scene) {
			_, a := s.withPasskey()
			body := s.passkeyAnswer(a)
			s.must(200, s.post("/passkeys/authentication/verify", body))
			s.refused(s.post("/passkeys/authentication/verify", body), 400, "webauthn_challenge_not_found")
		}},
		{group, "a password that was changed", func(s *scene) {
			u := s.person()
			s.must(200, ask{method: "PUT", path: "/auth/v1/user", bearer: u.access, body: object{"password": "a new and better one"}})
			s.refused(s.post("/token?grant_type=password", object{"email": u.email, "password": password}), 400, "invalid_credentials")
		}},
	}
}

func refreshAttacks() []attack {
	const group = "reuse of refresh tokens"
	return []attack{
		{group, "a stolen token, after its owner went on: all of the family ends", func(s *scene) {
			u := s.person()
			stolen := u.refresh
			s.refresh(u)
			s.refresh(u)
			s.refused(s.renew(stolen), 400, "refresh_token_already_used")
			s.refused(s.renew(u.refresh), 400, "refresh_token_already_used")
		}},
		{group, "a stolen token that the thief used first: its owner ends it", func(s *scene) {
			u := s.person()
			thief := *u
			s.refresh(&thief)
			s.refresh(&thief)
			s.refused(s.renew(u.refresh), 400, "refresh_token_already_used")
			s.refused(s.renew(thief.refresh), 400, "refresh_token_already_used")
		}},
		{group, "the token of a session that was ended", func(s *scene) {
			u := s.person()
			s.must(204, ask{method: "POST", path: "/auth/v1/logout", bearer: u.access})
			s.refused(s.renew(u.refresh), 400, "refresh_token_not_found")
		}},
		{group, "the token of a user who was banned", func(s *scene) {
			u := s.person()
			s.must(200, s.admin("PUT", "/users/"+u.id, object{"ban_duration": "24h"}))
			s.refused(s.renew(u.refresh), 400, "user_banned")
		}},
		{group, "an access token as a refresh token", func(s *scene) {
			u := s.person()
			s.refused(s.renew(u.access), 400, "refresh_token_not_found")
		}},
		{group, "a refresh token as a bearer token and as a key", func(s *scene) {
			u := s.person()
			s.refused(ask{path: "/auth/v1/user", bearer: u.refresh}, 403, "bad_jwt")
			s.refused(ask{path: "/auth/v1/settings", key: u.refresh}, 401, "API_KEY_INVALID")
		}},
		{group, "made-up tokens: SQL, NUL, patterns, very long ones", func(s *scene) {
			u := s.person()
			for _, made := range []string{"' or 1=1--", "%", "_", "a\x00b", u.refresh + " ", u.refresh + "\x00", strings.ToUpper(u.refresh), strings.Repeat("a", 60000), "ﬀ"} {
				s.refused(s.renew(made), 400, "refresh_token_not_found")
			}
			s.refused(s.post("/token?grant_type=refresh_token", object{"refresh_token": []string{u.refresh}}), 400, "bad_json")
			s.refresh(u)
		}},
		{group, "the token of another app's session at the project's own grant", func(s *scene) {
			app, u := s.newApp(), s.person()
			granted := app.grant(s, u)
			s.refused(s.renew(granted.str("refresh_token")), 400, "refresh_token_not_found")
		}},
		{group, "the project's own token at another app's grant", func(s *scene) {
			app, u := s.newApp(), s.person()
			s.refused(app.refresh(s, u.refresh), 400, "invalid_grant")
			s.refresh(u)
		}},
	}
}

// atOnce sends requests at the same time, and returns how many were answered with a session.
func (s *scene) atOnce(n int, a ask) (won int, answers []answer) {
	s.Helper()
	answers = make([]answer, n)
	begin := make(chan struct{})
	var done sync.WaitGroup
	for i := range answers {
		done.Go(func() {
			<-begin
			answers[i] = s.do(a)
		})
	}
	close(begin)
	done.Wait()
	for _, out := range answers {
		if out.str("access_token") != "" || strings.Contains(out.header.Get("Location"), "access_token=") {
			won++
		}
	}
	return won, answers
}

// once requires that of many at once one gets a session, and the others the very refusal.
func (s *scene) once(a ask, status int, code string) {
	s.Helper()
	before := len(s.fingerprint(s.victim).Sessions)
	won, answers := s.atOnce(6, a)
	require.Equal(s, 1, won)
	require.Len(s, s.fingerprint(s.victim).Sessions, before+1)
	for _, out := range answers {
		if out.str("access_token") != "" || strings.Contains(out.header.Get("Location"), "access_token=") {
			continue
		}
		require.Equal(s, status, out.status, out.text)
		if status == http.StatusSeeOther {
			_, fields := out.location(s)
			require.Equal(s, code, fields.Get("error_code"))
		} else {
			require.Equal(s, code, out.code(), out.text)
		}
	}
	s.tell(a, fmt.Sprintf("5 of 6: %d %s", status, code))
}

func raceAttacks() []attack {
	const group = "race on one-time codes"
	return []attack{
		{group, "a code from a mail, six times at once", func(s *scene) {
			u := s.newcomer(s.victim)
			s.once(s.post("/verify", object{"type": "recovery", "email": u.email, "token": s.mailed(u, "recovery", nil).code}), 403, "otp_expired")
		}},
		{group, "a link from a mail, six times at once", func(s *scene) {
			u := s.newcomer(s.victim)
			s.once(ask{path: strings.TrimPrefix(s.mailed(u, "magiclink", nil).link, s.victim.URL), noKey: true}, 303, "otp_expired")
		}},
		{group, "the code of a flow, six times at once", func(s *scene) {
			s.once(s.exchange(s.flowCode(s.newcomer(s.victim))), 404, "flow_state_not_found")
		}},
		{group, "the code of an authenticator app, in six sessions at once", func(s *scene) {
			u, factor, secret := s.withApp()
			code := s.appCode(secret, 1)
			var asks []ask
			for range 6 {
				other := *u
				s.signIn(&other)
				asks = append(asks, s.answerFactor(&other, factor, s.challenge(&other, factor), code))
			}
			raised := make([]int, len(asks))
			var done sync.WaitGroup
			for i, a := range asks {
				done.Go(func() { raised[i] = s.do(a).status })
			}
			done.Wait()
			good := 0
			for _, status := range raised {
				if status == 200 {
					good++
				} else {
					require.Contains(s, []int{422, 403}, status, "whoever comes later finds the code used, or their session ended by the first")
				}
			}
			require.Equal(s, 1, good, raised)
			require.Equal(s, 2, one[int](s, s.victim, "select count(*) from sessions where user_id = $1 and aal = 'aal2'", u.id), "the enrolment's and one more")
			s.tell(asks[0], "5 of 6: the code is used, or the session over")
		}},
		{group, "the answer of a passkey, six times at once", func(s *scene) {
			_, a := s.withPasskey()
			s.once(s.post("/passkeys/authentication/verify", s.passkeyAnswer(a)), 400, "webauthn_challenge_not_found")
		}},
		{group, "a refresh token, six times at once: one successor", func(s *scene) {
			u := s.person()
			won, answers := s.atOnce(6, s.renew(u.refresh))
			require.Positive(s, won)
			next := map[string]bool{}
			for _, out := range answers {
				if token := out.str("refresh_token"); token != "" {
					next[token] = true
				}
			}
			require.Len(s, next, 1, "never two branches")
			require.Equal(s, 1, one[int](s, s.victim, "select count(*) from refresh_tokens where session_id = $1 and not revoked", u.session))
			s.tell(s.renew(""), "one successor, the same for all")
		}},
		{group, "a sign-up of one address, six times at once: one user", func(s *scene) {
			email := "race" + uuid.NewString()[:8] + "@example.com"
			a := s.post("/signup", object{"email": email, "password": password})
			s.atOnce(6, a)
			require.Equal(s, 1, one[int](s, s.victim, "select count(*) from users where email = $1", email))
			require.Zero(s, one[int](s, s.victim, "select count(*) from sessions join users u on u.id = user_id where email = $1", email))
			s.tell(a, "one user, no session")
		}},
	}
}

// withApp is a user who has an authenticator app, and has shown its code of before in the session.
func (s *scene) withApp() (u *person, factor, secret string) {
	s.Helper()
	u = s.person()
	out := s.must(200, ask{method: "POST", path: "/auth/v1/factors", bearer: u.access, body: object{"factor_type": "totp", "friendly_name": "App"}})
	factor, secret = out.str("id"), out.body["totp"].(object)["secret"].(string)
	s.holds(u, s.must(200, s.answerFactor(u, factor, s.challenge(u, factor), s.appCode(secret, 0))))
	require.Equal(s, "aal2", claimsOf(s, u.access)["aal"])
	return u, factor, secret
}

// appCode is what an app shows now, or some steps before or after.
func (s *scene) appCode(secret string, steps int) string {
	s.Helper()
	out, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(steps)*30*time.Second))
	require.NoError(s, err)
	return out
}

func (s *scene) challenge(u *person, factor string) string {
	s.Helper()
	return s.must(200, ask{at: u.at, method: "POST", path: "/auth/v1/factors/" + factor + "/challenge", bearer: u.access, body: object{}}).str("id")
}

func (s *scene) answerFactor(u *person, factor, challenge, code string) ask {
	return ask{at: u.at, method: "POST", path: "/auth/v1/factors/" + factor + "/verify", bearer: u.access, body: object{"challenge_id": challenge, "code": code}}
}

// withPasskey is a user with a passkey.
func (s *scene) withPasskey() (*person, *webauthntest.Authenticator) {
	s.Helper()
	u, a := s.person(), webauthntest.New(s.T, site)
	out := s.must(200, ask{method: "POST", path: "/auth/v1/passkeys/registration/options", bearer: u.access, body: object{}})
	s.must(200, ask{method: "POST", path: "/auth/v1/passkeys/registration/verify", bearer: u.access,
		body: object{"challenge_id": out.str("challenge_id"), "credential": a.Create(out.body["options"])}})
	return u, a
}

// passkeyAnswer answers a new challenge.
func (s *scene) passkeyAnswer(a *webauthntest.Authenticator) object {
	s.Helper()
	out := s.must(200, s.post("/passkeys/authentication/options", object{}))
	return object{"challenge_id": out.str("challenge_id"), "credential": a.Get(out.body["options"])}
}
