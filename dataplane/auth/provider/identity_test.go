package provider_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

// linking lets users link identities themselves.
func (w *world) linking() *world {
	return w.with(map[string]string{"auth.manual_linking": "true", "auth.smtp.host": `"mail.example.com"`, "auth.email.notice.identity_linked.enabled": "true",
		"auth.email.notice.identity_unlinked.enabled": "true"})
}

// link asks for a provider's address, to link an identity to the bearer.
func (w *world) link(name, bearer string, more url.Values) authtest.Answer {
	w.T.Helper()
	query := url.Values{"provider": {name}, "redirect_to": {landing}, "skip_http_redirect": {"true"}}
	for key, values := range more {
		query[key] = values
	}
	return w.Call(http.MethodGet, "/user/identities/authorize?"+query.Encode(), bearer, nil)
}

func (w *world) identityID(user uuid.UUID, name string) string {
	w.T.Helper()
	return one[uuid.UUID](w, "select id from identities where user_id = $1 and provider = $2", user, name).String()
}

func TestUsersLinkIdentitiesThemselves(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		user := w.User("grace@example.com", "secret")
		bearer := w.SignIn(user).AccessToken
		w.Refused(w.link("custom:acme", bearer, nil), http.StatusNotFound, "manual_linking_disabled")
		w.Refused(w.Call(http.MethodDelete, "/user/identities/"+uuid.NewString(), bearer, nil), http.StatusNotFound, "manual_linking_disabled")
		off := w
		w = w.linking()
		w.Refused(w.link("custom:acme", "", nil), http.StatusUnauthorized, "no_authorization")

		out := w.link("custom:acme", bearer, nil)
		require.Equal(t, http.StatusOK, out.Status, out.Text)
		claims := w.signedIn(t, w.arrive(w.idp.SignIn(t, out.Str("url"), "ada-1")))
		require.Equal(t, user.String(), claims["sub"])
		require.Equal(t, "grace@example.com", claims["email"], "the user's own address stays")
		require.Equal(t, []any{"email", "custom:acme"}, w.providers(user))
		require.Len(t, w.Sent(), 1)
		require.Equal(t, 1, w.Count("select count(*) from audit_log_entries where payload->>'action' = 'identity_linked'"))

		refused(t, w.arrive(w.idp.SignIn(t, w.link("custom:acme", bearer, nil).Str("url"), "ada-1")), landing, "identity_already_exists")
		other := w.SignIn(w.User("mallory@example.com", "secret")).AccessToken
		fields := refused(t, w.arrive(w.idp.SignIn(t, w.link("custom:acme", other, nil).Str("url"), "ada-1")), landing, "identity_already_exists")
		require.Equal(t, "Identity is already linked to another user", fields.Get("error_description"))

		// Whose address is another user's account here, who may have been talked into it.
		w.idp.Add(oidc.User{Subject: "victim", Claims: object{"email": "victim@example.com", "email_verified": true}})
		victim := w.User("victim@example.com", "secret")
		refused(t, w.arrive(w.idp.SignIn(t, w.link("custom:acme", other, nil).Str("url"), "victim")), landing, "email_exists")
		require.Equal(t, victim.String(), w.signedIn(t, w.login("custom:acme", "victim"))["sub"])

		// By a redirect, with PKCE, and by an account whose address is not verified.
		verifier, query := challenge()
		query.Set("skip_http_redirect", "false")
		out = w.link("keycloak", bearer, query)
		require.Equal(t, http.StatusFound, out.Status)
		code := landed(t, w.arrive(w.idp.SignIn(t, out.Header.Get("Location"), "eve-1")), landing).Get("code")
		granted := w.exchange(code, verifier)
		require.Equal(t, http.StatusOK, granted.Status, granted.Text)
		require.Equal(t, user.String(), granted.User()["id"])
		require.Len(t, granted.User()["identities"], 3)
		require.Equal(t, "grace@example.com", granted.User()["email"])

		// What is switched off, or whose user is gone, meanwhile.
		back := w.idp.SignIn(t, w.link("keycloak", other, nil).Str("url"), "ada-1")
		refused(t, off.arrive(back), landing, "manual_linking_disabled")
		back = w.idp.SignIn(t, w.link("keycloak", other, nil).Str("url"), "ada-1")
		w.Exec("update users set banned_until = now() + interval '1 hour' where email = 'mallory@example.com'")
		refused(t, w.arrive(back), landing, "user_banned")
		w.Exec("update users set banned_until = null")
		back = w.idp.SignIn(t, w.link("keycloak", other, nil).Str("url"), "ada-1")
		w.Exec("delete from users where email = 'mallory@example.com'")
		refused(t, w.arrive(back), landing, "user_not_found")
	})
}

// Whoever shuts somebody out by ending all sessions ends what those have begun.
func TestTheEndOfAllSessionsEndsWhatTheyBegan(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.linking()
		user := w.User("grace@example.com", "secret")
		eve, grace := w.SignIn(user).AccessToken, w.SignIn(user).AccessToken
		back := w.idp.SignIn(t, w.link("custom:acme", eve, nil).Str("url"), "ada-1")
		begun := w.idp.SignIn(t, w.link("keycloak", grace, nil).Str("url"), "ada-1")
		verifier, query := challenge()
		code := landed(t, w.arrive(w.idp.SignIn(t, w.link("keycloak", eve, query).Str("url"), "eve-1")), landing).Get("code")
		require.NotEmpty(t, code)

		require.Equal(t, http.StatusNoContent, w.Call(http.MethodPost, "/logout?scope=local", eve, nil).Status)
		w.signedIn(t, w.arrive(begun)) // of another session than the one that ended
		require.Equal(t, http.StatusNoContent, w.Call(http.MethodPost, "/logout?scope=global", grace, nil).Status)
		require.Contains(t, w.arrive(back).Header.Get("Location"), "error_code=bad_oauth_state")
		w.Refused(w.exchange(code, verifier), http.StatusNotFound, "flow_state_not_found")
		require.Zero(t, w.Count("select count(*) from identities where user_id = $1 and provider = 'custom:acme'", user))
	})
}

func TestASecondFactorGuardsTheWaysIn(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.linking()
		user := w.User("grace@example.com", "secret")
		w.Exec(`insert into mfa_factors (id, user_id, factor_type, status, secret, created_at, updated_at) values (gen_random_uuid(), $1, 'totp', 'verified', 'x', now(), now())`, user)
		bearer := w.SignIn(user).AccessToken
		w.Refused(w.link("custom:acme", bearer, nil), http.StatusUnauthorized, "insufficient_aal")
		w.Refused(w.Call(http.MethodDelete, "/user/identities/"+w.identityID(user, "email"), bearer, nil), http.StatusUnauthorized, "insufficient_aal")
		w.Refused(w.Call(http.MethodPost, "/token?grant_type=id_token", bearer, object{"provider": "keycloak", "id_token": "x", "link_identity": true}), http.StatusUnauthorized, "insufficient_aal")
		w.Exec("update sessions set aal = 'aal2'")
		require.Equal(t, http.StatusOK, w.link("custom:acme", bearer, nil).Status)
	})
}

func TestIdentitiesOfCompaniesAreTheCompanies(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.linking()
		user := w.User("grace@example.com", "")
		bearer := w.SignIn(user).AccessToken
		back := w.idp.SignIn(t, w.link("custom:acme", bearer, nil).Str("url"), "ada-1")
		w.Exec("update users set is_sso_user = true where id = $1", user)
		refused(t, w.arrive(back), landing, "user_sso_managed")
		w.Refused(w.link("custom:acme", bearer, nil), http.StatusUnprocessableEntity, "user_sso_managed")
		w.Refused(w.Call(http.MethodDelete, "/user/identities/"+w.identityID(user, "email"), bearer, nil), http.StatusUnprocessableEntity, "user_sso_managed")
	})
}

func TestAnonymousUsersBecomeWhoTheyLink(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.linking()
		anonymous := func() (uuid.UUID, string) {
			id := uuid.New()
			w.Exec(`insert into users (id, aud, role, is_anonymous, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
				values ($1, 'authenticated', 'authenticated', true, '{}', '{}', now(), now())`, id)
			return id, w.SignIn(id).AccessToken
		}
		id, bearer := anonymous()
		claims := w.signedIn(t, w.arrive(w.idp.SignIn(t, w.link("custom:acme", bearer, nil).Str("url"), "ada-1")))
		require.Equal(t, id.String(), claims["sub"])
		require.Equal(t, "ada@example.com", claims["email"])
		require.Equal(t, false, claims["is_anonymous"])

		// An address that is another's is not taken, and neither is the identity.
		w.User("bob@example.com", "")
		w.idp.Add(oidc.User{Subject: "bob-1", Claims: object{"email": "bob@example.com", "email_verified": true}})
		_, bearer = anonymous()
		refused(t, w.arrive(w.idp.SignIn(t, w.link("custom:acme", bearer, nil).Str("url"), "bob-1")), landing, "email_exists")
		require.Zero(t, w.Count("select count(*) from identities where provider_id = 'bob-1'"))

		// One that is not proved stays out of the user.
		id, bearer = anonymous()
		claims = w.signedIn(t, w.arrive(w.idp.SignIn(t, w.link("custom:acme", bearer, nil).Str("url"), "eve-1")))
		require.Equal(t, id.String(), claims["sub"])
		require.Empty(t, claims["email"])
		require.Equal(t, false, claims["is_anonymous"])
		require.Equal(t, id.String(), w.signedIn(t, w.login("custom:acme", "eve-1"))["sub"], "it is a way in")
	})
}

func TestUsersUnlinkIdentities(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.linking()
		user := w.User("ada@example.com", "secret")
		bearer := w.SignIn(user).AccessToken
		remove := func(id string) authtest.Answer { return w.Call(http.MethodDelete, "/user/identities/"+id, bearer, nil) }
		out := remove("none")
		w.Refused(out, http.StatusNotFound, "validation_failed")
		w.Refused(w.Call(http.MethodDelete, "/user/identities/"+w.identityID(user, "email"), "", nil), http.StatusUnauthorized, "no_authorization")
		w.Refused(remove(w.identityID(user, "email")), http.StatusUnprocessableEntity, "single_identity_not_deletable")

		w.signedIn(t, w.login("custom:acme", "ada-1"))
		w.Refused(remove(uuid.NewString()), http.StatusUnprocessableEntity, "identity_not_found")
		stranger := w.User("mallory@example.com", "")
		w.Refused(remove(w.identityID(stranger, "email")), http.StatusUnprocessableEntity, "identity_not_found")
		w.Sent()

		out = remove(w.identityID(user, "custom:acme"))
		require.Equal(t, http.StatusOK, out.Status, out.Text)
		require.Equal(t, "{}", out.Text)
		require.Equal(t, []any{"email"}, w.providers(user))
		require.Len(t, w.Sent(), 1)
		require.Equal(t, 1, w.Count("select count(*) from audit_log_entries where payload->>'action' = 'identity_unlinked' and payload->'traits'->>'provider_id' = 'ada-1'"))
		require.Equal(t, 1, w.Count("select count(*) from users where id = $1 and email = 'ada@example.com' and encrypted_password <> ''", user))

		// With the address goes the password, and the user's address is one that another identity proves.
		w.idp.Add(oidc.User{Subject: "work", Claims: object{"email": "ada@work.example", "email_verified": true}})
		w.signedIn(t, w.arrive(w.idp.SignIn(t, w.link("custom:acme", bearer, nil).Str("url"), "eve-1"))) // the same address, not verified there
		w.signedIn(t, w.arrive(w.idp.SignIn(t, w.link("keycloak", bearer, nil).Str("url"), "work")))
		require.Equal(t, http.StatusOK, remove(w.identityID(user, "email")).Status)
		require.Equal(t, 1, w.Count("select count(*) from users where id = $1 and email = 'ada@work.example' and encrypted_password = '' and email_confirmed_at is not null", user))
		require.Equal(t, []any{"custom:acme", "keycloak"}, w.providers(user))

		// An address that nothing proves any more is gone.
		require.Equal(t, http.StatusOK, remove(w.identityID(user, "keycloak")).Status)
		require.Equal(t, 1, w.Count("select count(*) from users where id = $1 and email is null and email_confirmed_at is null", user))
		w.Refused(remove(w.identityID(user, "custom:acme")), http.StatusUnprocessableEntity, "single_identity_not_deletable")
	})
}

func TestAnAddressOfAnotherUserIsNotTakenByUnlinking(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.linking()
		user := w.User("grace@example.com", "secret")
		bearer := w.SignIn(user).AccessToken
		w.signedIn(t, w.arrive(w.idp.SignIn(t, w.link("custom:acme", bearer, nil).Str("url"), "ada-1")))
		w.User("ada@example.com", "")
		out := w.Call(http.MethodDelete, "/user/identities/"+w.identityID(user, "email"), bearer, nil)
		w.Refused(out, http.StatusUnprocessableEntity, "email_conflict_identity_not_deletable")
		require.Equal(t, 2, w.Count("select count(*) from identities where user_id = $1", user))
	})
}

func TestTheLastTwoIdentitiesAtOnce(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.linking()
		user := w.User("ada@example.com", "secret")
		bearer := w.SignIn(user).AccessToken
		w.signedIn(t, w.login("custom:acme", "ada-1"))
		ids := []string{w.identityID(user, "email"), w.identityID(user, "custom:acme")}
		var outs [2]authtest.Answer
		var done sync.WaitGroup
		for i := range outs {
			done.Go(func() { outs[i] = w.Call(http.MethodDelete, "/user/identities/"+ids[i], bearer, nil) })
		}
		done.Wait()
		require.ElementsMatch(t, []int{http.StatusOK, http.StatusUnprocessableEntity}, []int{outs[0].Status, outs[1].Status})
		require.Equal(t, 1, w.Count("select count(*) from identities"))
	})
}
