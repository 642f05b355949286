package link_test

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
)

// scene sends a proof of one type to an address, and tells which type it is to be shown as.
type scene struct {
	name, kind, method, template string
	// send asks for the message, with a challenge or without.
	send func(b *authtest.Bundle, email string, with func(body) body)
	// confirmed tells that the address was confirmed before.
	confirmed bool
}

const ann = "ann@example.com"

func scenes() []scene {
	ask := func(path string, in body) func(*authtest.Bundle, string, func(body) body) {
		return func(b *authtest.Bundle, email string, with func(body) body) {
			copied := body{"email": email}
			for k, v := range in {
				copied[k] = v
			}
			out := b.Call("POST", path+"?redirect_to=https%3A%2F%2Fapp.example.com%2Fwelcome", "", with(copied))
			require.Equal(b.T, 200, out.Status, out.Text)
			require.Equal(b.T, "{}", out.Text)
		}
	}
	return []scene{
		{"sign-up by a link", "signup", "email/signup", "confirmation", ask("/otp", body{"data": body{"name": "Ann"}}), false},
		{"sign-in by a link", "magiclink", "magiclink", "magic_link", ask("/otp", body{"create_user": false}), true},
		{"sign-in as older clients ask", "magiclink", "magiclink", "magic_link", ask("/magiclink", nil), true},
		{"recovery", "recovery", "recovery", "recovery", ask("/recover", nil), true},
	}
}

func (s scene) play(b *authtest.Bundle, email string, with func(body) body) mail {
	b.T.Helper()
	if s.confirmed {
		b.User(email, "")
	}
	s.send(b, email, with)
	m := one(b)
	require.Equal(b.T, s.template, m.template)
	require.Equal(b.T, s.kind, m.kind)
	require.Equal(b.T, email, m.to)
	require.Equal(b.T, "https://app.example.com/welcome", m.redirectTo)
	return m
}

func plain(in body) body { return in }

func confirmed(b *authtest.Bundle, email string) bool {
	return b.Count(`select count(*) from users u join identities i on i.user_id = u.id and i.provider = 'email'
		where u.email = $1 and u.email_confirmed_at is not null and i.identity_data ->> 'email_verified' = 'true'`, email) == 1
}

// each plays every scene in one project, each time to another address.
func each(b *authtest.Bundle, with func(body) body, test func(s scene, email string, m mail)) {
	for i, s := range scenes() {
		email := fmt.Sprintf("user%d-%d@example.com", i, addresses.Add(1))
		test(s, email, s.play(b, email, with))
	}
}

var addresses atomic.Int64

func TestLinksOpenSessions(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		each(b, plain, func(s scene, email string, m mail) {
			out := follow(b, m.kind, m.link, m.redirectTo)
			to, query, fragment := location(t, out)
			require.Equal(t, "https://app.example.com/welcome", to, s.name)
			require.Empty(t, query)
			require.Equal(t, s.kind, fragment.Get("type"))
			require.Equal(t, "bearer", fragment.Get("token_type"))
			require.NotEmpty(t, fragment.Get("expires_at"))
			require.Contains(t, out.Header.Get("Location"), "&sb=")
			require.Equal(t, "no-store", out.Header.Get("Cache-Control"))
			renewed := b.Call("POST", "/refresh", "", body{"refresh_token": fragment.Get("refresh_token")})
			require.Equal(t, email, renewed.User()["email"])
			require.True(t, confirmed(b, email))
			require.Equal(t, []string{"otp"}, methods(b, email))

			_, query, fragment = location(t, follow(b, m.kind, m.link, m.redirectTo))
			require.Equal(t, "otp_expired", fragment.Get("error_code"), "a link is good once")
			require.Equal(t, "access_denied", query.Get("error"))
			require.Equal(t, "Email link is invalid or has expired", query.Get("error_description"))
		})
	})
}

// methods are how a user's sessions were opened.
func methods(b *authtest.Bundle, email string) []string {
	return authtest.One[[]string](b, `select array_agg(m.authentication_method) from mfa_amr_claims m join sessions s on s.id = m.session_id
		join users u on u.id = s.user_id where u.email = $1`, email)
}

func TestLinksEndFlows(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		each(b, challenge, func(s scene, email string, m mail) {
			require.Contains(t, m.link, "pkce_", s.name)
			_, _, stripped := location(t, follow(b, m.kind, m.link[len("pkce_"):], m.redirectTo))
			require.Equal(t, "otp_expired", stripped.Get("error_code"), "a link of a flow gives no tokens without the flow")
			to, query, fragment := location(t, follow(b, m.kind, m.link, m.redirectTo))
			require.Equal(t, "https://app.example.com/welcome", to)
			require.Empty(t, fragment)
			wrong := b.Call("POST", "/token?grant_type=pkce", "", body{"auth_code": uuid.NewString(), "code_verifier": verifier})
			b.Refused(wrong, 404, "flow_state_not_found")
			out := exchange(b, query.Get("code"))
			require.Equal(t, 200, out.Status, out.Text)
			require.Equal(t, email, out.User()["email"])
			require.NotEmpty(t, out.Str("refresh_token"))
			require.Equal(t, []string{s.method}, methods(b, email))
			b.Refused(exchange(b, query.Get("code")), 404, "flow_state_not_found")
			require.Zero(t, b.Count("select count(*) from flow_state"))
		})
	})
}

func TestCodesOpenSessions(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		for _, with := range []func(body) body{plain, challenge} {
			for _, alias := range []string{"", "email"} {
				each(b, with, func(s scene, email string, m mail) {
					kind := cmp.Or(alias, s.kind)
					wrong := b.Call("POST", "/verify", "", body{"type": kind, "email": email, "token": other(m.code)})
					b.Refused(wrong, 403, "otp_expired")
					require.Equal(t, "Token has expired or is invalid", wrong.Str("msg"))
					elsewhere := b.Call("POST", "/verify", "", body{"type": kind, "email": "bob@example.com", "token": m.code})
					require.Equal(t, wrong.Text, elsewhere.Text, "a code is that of one address")
					b.Refused(b.Call("POST", "/verify", "", body{"type": kind, "token_hash": onetime.Hash(email, m.code)}), 403, "otp_expired")
					out := b.Call("POST", "/verify", "", body{"type": kind, "email": " " + strings.ToUpper(email), "token": m.code})
					require.Equal(t, 200, out.Status, out.Text)
					require.Equal(t, email, out.User()["email"])
					require.NotEmpty(t, out.Str("access_token"))
					require.True(t, confirmed(b, email))
					b.Refused(b.Call("POST", "/verify", "", body{"type": kind, "email": email, "token": m.code}), 403, "otp_expired")
					_, _, fragment := location(t, follow(b, m.kind, m.link, ""))
					require.Equal(t, "otp_expired", fragment.Get("error_code"), "the link is gone with the code")
				})
			}
		}
	})
}

func TestHashesOpenSessions(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		for _, with := range []func(body) body{plain, challenge} {
			each(b, with, func(s scene, email string, m mail) {
				b.Refused(b.Call("POST", "/verify", "", body{"type": s.kind, "token_hash": m.link, "email": email}), 400, "validation_failed")
				out := b.Call("POST", "/verify", "", body{"type": s.kind, "token_hash": m.link})
				require.Equal(t, 200, out.Status, out.Text)
				require.Equal(t, email, out.User()["email"])
				b.Refused(b.Call("POST", "/verify", "", body{"type": s.kind, "token_hash": m.link}), 403, "otp_expired")
			})
		}
	})
}

func TestInvitations(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		invite := func(email string) (onetime.Issued, uuid.UUID) {
			id := b.User(email, "")
			b.Exec("update users set email_confirmed_at = null, invited_at = now() where id = $1", id)
			b.Exec(`update identities set identity_data = identity_data || '{"email_verified": false}' where user_id = $1`, id)
			var issued onetime.Issued
			b.InTx(func(tx *store.Tx) (err error) {
				issued, err = onetime.Issue(t.Context(), tx, id, onetime.Confirmation, email, 6, false)
				return err
			})
			return issued, id
		}
		issued, _ := invite(ann)
		_, _, fragment := location(t, follow(b, "invite", issued.Link, ""))
		require.Equal(t, "invite", fragment.Get("type"))
		require.NotEmpty(t, fragment.Get("access_token"))
		require.True(t, confirmed(b, ann))
		require.Equal(t, 1, b.Count("select count(*) from audit_log_entries where payload ->> 'action' = 'invite_accepted'"))
		issued, _ = invite("bob@example.com")
		out := b.Call("POST", "/verify", "", body{"type": "invite", "email": "bob@example.com", "token": issued.Code})
		require.Equal(t, "bob@example.com", out.User()["email"], out.Text)
	})
}

// other is another code of the same length.
func other(code string) string {
	first := "1"
	if code[0] == '1' {
		first = "2"
	}
	return first + code[1:]
}

func TestLookingUsesNothingUp(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = project(b, nil)
		m := scenes()[1].play(b, ann, plain)
		out := b.Call("HEAD", "/verify?type=magiclink&token="+m.link, "", nil)
		require.Equal(t, http.StatusOK, out.Status)
		require.Empty(t, out.Header.Get("Location"))
		_, _, fragment := location(t, follow(b, "magiclink", m.link, ""))
		require.NotEmpty(t, fragment.Get("access_token"))
	})
}
