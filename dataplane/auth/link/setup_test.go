package link_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/link"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/proof"
)

func mount(b *authtest.Bundle) {
	proofs := proof.New(proof.Deps{Guard: b.Guard, Messages: b.Messages, Sessions: b.Sessions, Users: newuser.New(b.Hooks)})
	s := link.New(link.Deps{Guard: b.Guard, Proofs: proofs, Sessions: b.Sessions})
	s.Routes(b.Router)
	b.Router.Handle(http.MethodPost, "/token", s.Grants()["pkce"])
}

// project is a bundle whose settings are those that the tests go by: addresses are to be confirmed, and nothing has to rest.
func project(b *authtest.Bundle, more map[string]string) *authtest.Bundle {
	settings := map[string]string{
		"auth.autoconfirm": "false", "auth.email.max_frequency": "0", "auth.phone.max_frequency": "0", "auth.phone.enabled": "true",
		"auth.sms.provider": `"twilio"`, "auth.site_url": `"https://app.example.com"`, "auth.redirect_urls": `["https://app.example.com/**", "myapp://callback"]`,
	}
	for key, value := range more {
		settings[key] = value
	}
	return b.With(settings)
}

type body = map[string]any

// mail is a message that was sent, with its secrets.
type mail struct {
	to, template, kind, redirectTo string
	code, link                     string
}

// sent takes the messages from the outbox, in the order of their recipients.
func sent(b *authtest.Bundle) map[string]mail {
	out := map[string]mail{}
	for _, item := range b.Sent() {
		m, _ := item["message"].(map[string]any)
		if m["unsent"] == true {
			continue
		}
		secret, _ := item["secret"].(map[string]any)
		text := func(of map[string]any, key string) string { s, _ := of[key].(string); return s }
		out[text(m, "to")] = mail{to: text(m, "to"), template: text(m, "template"), kind: text(m, "kind"), redirectTo: text(m, "redirect_to"),
			code: text(secret, "token"), link: text(secret, "token_hash")}
	}
	return out
}

// one takes the only message.
func one(b *authtest.Bundle) mail {
	b.T.Helper()
	all := sent(b)
	require.Len(b.T, all, 1)
	for _, m := range all {
		return m
	}
	return mail{}
}

const verifier = "0123456789012345678901234567890123456789abc"

// challenge adds what a flow with PKCE begins with.
func challenge(in body) body {
	sum := sha256.Sum256([]byte(verifier))
	in["code_challenge"], in["code_challenge_method"] = base64.RawURLEncoding.EncodeToString(sum[:]), "s256"
	return in
}

func follow(b *authtest.Bundle, kind, token, to string) authtest.Answer {
	query := url.Values{"type": {kind}, "token": {token}}
	if to != "" {
		query.Set("redirect_to", to)
	}
	return b.Call("GET", "/verify?"+query.Encode(), "", nil)
}

// location parses where an answer leads: the address without query and fragment, the query, and the fragment's values.
func location(t testing.TB, out authtest.Answer) (string, url.Values, url.Values) {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, out.Status, out.Text)
	u, err := url.Parse(out.Header.Get("Location"))
	require.NoError(t, err)
	plain, query := *u, u.Query()
	plain.RawQuery, plain.Fragment = "", ""
	fragment, err := url.ParseQuery(u.EscapedFragment())
	require.NoError(t, err)
	return strings.TrimSuffix(plain.String(), "?"), query, fragment
}

// exchange makes a session of a code.
func exchange(b *authtest.Bundle, code string) authtest.Answer {
	return b.Call("POST", "/token?grant_type=pkce", "", body{"auth_code": code, "code_verifier": verifier})
}
