package provider_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

func (w *world) providers(user any) []any {
	w.T.Helper()
	out, _ := one[object](w, "select raw_app_meta_data from users where id = $1", user)["providers"].([]any)
	return out
}

func TestAVerifiedAddressLinksToTheUserWhoHasProvedIt(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.with(map[string]string{"auth.email.notice.identity_linked.enabled": "true", "auth.smtp.host": `"mail.example.com"`})
		user := w.User("ada@example.com", "correct horse")
		claims := w.signedIn(t, w.login("custom:acme", "ada-1"))
		require.Equal(t, user.String(), claims["sub"])
		require.Equal(t, map[string]any{"provider": "email", "providers": []any{"email", "custom:acme"}}, claims["app_metadata"])
		require.Equal(t, 2, w.Count("select count(*) from identities where user_id = $1", user))
		require.Equal(t, 1, w.Count("select count(*) from users where encrypted_password <> ''"), "the password stays")
		require.Equal(t, 1, w.Count("select count(*) from audit_log_entries where payload->>'action' = 'identity_linked'"))
		require.Len(t, w.Sent(), 1)

		w.signedIn(t, w.login("keycloak", "ada-1"))
		require.Equal(t, []any{"email", "custom:acme", "keycloak"}, w.providers(user))
		require.Equal(t, 1, w.Count("select count(*) from users"))
	})
}

func TestAnAddressThatIsNotVerifiedLinksToNobody(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.with(map[string]string{"auth.smtp.host": `"mail.example.com"`})
		user := w.User("ada@example.com", "correct horse")
		taken := refused(t, w.login("custom:acme", "eve-1"), landing, "provider_email_needs_verification")
		require.Equal(t, 1, w.Count("select count(*) from users"))
		require.Equal(t, 0, w.Count("select count(*) from identities where provider = 'custom:acme'"))
		mails := w.Sent()
		require.Len(t, mails, 1, "one is written, and not sent")
		require.Equal(t, true, mails[0]["message"].(map[string]any)["unsent"])

		// The answer for an address that is nobody's is the same.
		w.idp.Add(oidc.User{Subject: "eve-2", Claims: object{"email": "nobody@example.com", "name": "Eve"}})
		free := refused(t, w.login("custom:acme", "eve-2"), landing, "provider_email_needs_verification")
		require.Equal(t, taken, free)
		require.Equal(t, "access_denied", free.Get("error"))
		require.Equal(t, "Unverified email with custom:acme. A confirmation email has been sent to your custom:acme email", free.Get("error_description"))
		require.Equal(t, 0, w.Count("select count(*) from users where email_confirmed_at is not null and id <> $1", user))
		mails = w.Sent()
		require.Len(t, mails, 1)
		require.Equal(t, "nobody@example.com", mails[0]["message"].(map[string]any)["to"])
		require.Equal(t, landing, mails[0]["message"].(map[string]any)["redirect_to"])
		refused(t, w.login("custom:acme", "eve-2"), landing, "provider_email_needs_verification")

		// Whatever is configured, a confirmed user is not reached by an address that is not verified.
		for _, settings := range []map[string]string{{"auth.autoconfirm": "true"}, {"auth.email.allow_unverified_sign_in": "true"}, {"auth.external.keycloak.email_optional": "true"}} {
			w.Exec("delete from users where id <> $1", user)
			on := w.with(settings)
			out := on.login("keycloak", "eve-1")
			fields := landed(t, out, landing)
			if fields.Get("error") == "" {
				claims := on.signedIn(t, out)
				require.NotEqual(t, user.String(), claims["sub"])
				require.Empty(t, claims["email"], settings)
			}
			require.Equal(t, 1, w.Count("select count(*) from identities where user_id = $1", user))
		}
	})
}

func TestWhoProvesAnAddressShutsOutWhoWroteItDown(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.with(map[string]string{"auth.smtp.host": `"mail.example.com"`, "auth.email.allow_unverified_sign_in": "true"})
		// The attacker made an account with the address, by a password and by an account elsewhere, and everything else that opens it.
		user := w.User("ada@example.com", "the attacker's password")
		w.Exec("update users set email_confirmed_at = null, raw_user_meta_data = '{\"role\":\"admin\"}', phone_change = '31600000009' where id = $1", user)
		w.Exec(`insert into identities (provider_id, user_id, identity_data, provider, created_at) values ('eve-9', $1, '{"sub":"eve-9"}', 'spotify', now())`, user)
		w.Exec(`insert into mfa_factors (id, user_id, factor_type, status, secret, created_at, updated_at) values (gen_random_uuid(), $1, 'totp', 'verified', 'x', now(), now())`, user)
		w.Exec(`insert into webauthn_credentials (user_id, credential_id, public_key) values ($1, 'a', 'b')`, user)
		w.Exec(`insert into one_time_tokens (id, user_id, token_type, token_hash, relates_to) values (gen_random_uuid(), $1, 'recovery_token', 'abc', 'ada@example.com')`, user)
		w.Exec(`insert into flow_state (id, user_id, provider_type, authentication_method, auth_code, created_at) values (gen_random_uuid(), $1, 'email', 'recovery', 'code', now())`, user)
		client := uuid.New()
		w.Exec(`insert into oauth_clients (id, registration_type, redirect_uris, grant_types) values ($1, 'dynamic', '', '')`, client)
		w.Exec(`insert into oauth_consents (id, user_id, client_id, scopes) values (gen_random_uuid(), $1, $2, 'openid')`, user, client)
		granted := w.SignIn(user)
		session := uuid.MustParse(w.holder(t, granted.AccessToken)["session_id"].(string))

		claims := w.signedIn(t, w.login("custom:acme", "ada-1"))
		require.Equal(t, user.String(), claims["sub"])
		require.Equal(t, []any{"custom:acme"}, claims["app_metadata"].(map[string]any)["providers"])
		require.Nil(t, claims["user_metadata"].(map[string]any)["role"], "what the attacker said of themselves is gone")
		require.Equal(t, 1, w.Count("select count(*) from identities"))
		require.Equal(t, 1, w.Count("select count(*) from sessions"))
		require.True(t, w.Revoked.Session(session), "access tokens that were given out stop")
		require.Equal(t, 1, w.Count("select count(*) from users where coalesce(encrypted_password, '') = '' and email_confirmed_at is not null and phone_change = ''"))
		for _, table := range []string{"mfa_factors", "webauthn_credentials", "one_time_tokens", "oauth_consents", "flow_state"} {
			require.Zero(t, w.Count("select count(*) from "+table), table)
		}
		require.Equal(t, http.StatusBadRequest, w.Call(http.MethodPost, "/refresh", "", object{"refresh_token": granted.RefreshToken}).Status)
	})
}

func TestAnUnverifiedAccountElsewhereIsShutOutToo(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.with(map[string]string{"auth.smtp.host": `"mail.example.com"`})
		refused(t, w.login("keycloak", "eve-1"), landing, "provider_email_needs_verification")
		require.Equal(t, 1, w.Count("select count(*) from users where email = 'ada@example.com' and email_confirmed_at is null"))
		claims := w.signedIn(t, w.login("custom:acme", "ada-1"))
		require.Equal(t, []any{"custom:acme"}, w.providers(claims["sub"]))
		require.Zero(t, w.Count("select count(*) from identities where provider_id = 'eve-1'"))
		refused(t, w.login("keycloak", "eve-1"), landing, "provider_email_needs_verification")
		require.Equal(t, 1, w.Count("select count(*) from users"))
	})
}

func TestTheOwnerOfAnAddressShutsOutAnAccountElsewhereByMail(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.with(map[string]string{"auth.smtp.host": `"mail.example.com"`})
		for _, path := range []string{"/otp", "/recover"} {
			w.Exec("delete from users")
			refused(t, w.login("keycloak", "eve-1"), landing, "provider_email_needs_verification")
			require.Equal(t, []any{"keycloak"}, w.providers(one[uuid.UUID](w, "select id from users")))
			w.Sent()
			require.Equal(t, http.StatusOK, w.Call(http.MethodPost, path, "", object{"email": "ada@example.com"}).Status)
			mails := w.Sent()
			require.Len(t, mails, 1)
			link := mails[0]["secret"].(map[string]any)["token_hash"]
			out := w.Call(http.MethodPost, "/verify", "", object{"type": mails[0]["message"].(map[string]any)["kind"], "token_hash": link})
			require.Equal(t, http.StatusOK, out.Status, out.Text)
			require.Equal(t, []any{"email"}, w.providers(out.User()["id"]))
			refused(t, w.login("keycloak", "eve-1"), landing, "provider_email_needs_verification")
			require.Equal(t, 1, w.Count("select count(*) from identities"))
		}
		// Who confirms the sign-up itself keeps it.
		w.Exec("delete from users")
		w.Sent()
		refused(t, w.login("keycloak", "eve-1"), landing, "provider_email_needs_verification")
		link := w.Sent()[0]["secret"].(map[string]any)["token_hash"]
		require.Equal(t, http.StatusOK, w.Call(http.MethodPost, "/verify", "", object{"type": "signup", "token_hash": link}).Status)
		require.Equal(t, "ada@example.com", w.signedIn(t, w.login("keycloak", "eve-1"))["email"])
	})
}

func TestTheSameAccountVerifiesItsAddressLater(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.with(map[string]string{"auth.smtp.host": `"mail.example.com"`})
		refused(t, w.login("custom:acme", "eve-1"), landing, "provider_email_needs_verification")
		id := one[uuid.UUID](w, "select id from users")
		w.idp.Add(oidc.User{Subject: "eve-1", Claims: object{"email": "ada@example.com", "email_verified": true}})
		require.Equal(t, id.String(), w.signedIn(t, w.login("custom:acme", "eve-1"))["sub"])
		require.Equal(t, 1, w.Count("select count(*) from users where email_confirmed_at is not null"))
		require.Equal(t, true, w.identity("custom:acme")["email_verified"])
	})
}

func TestWhatIsNotLinked(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		// A user of SSO with the address.
		sso := w.User("ada@example.com", "")
		w.Exec("update users set is_sso_user = true where id = $1", sso)
		w.Exec("update identities set provider = 'sso:x' where user_id = $1", sso)
		claims := w.signedIn(t, w.login("custom:acme", "ada-1"))
		require.NotEqual(t, sso.String(), claims["sub"])
		// One who was deleted.
		w.Exec("delete from users")
		gone := w.User("ada@example.com", "")
		w.Exec("update users set deleted_at = now(), email = 'gone' where id = $1", gone)
		require.NotEqual(t, gone.String(), w.signedIn(t, w.login("custom:acme", "ada-1"))["sub"])
		// One who has proved a number, and wrote down an address that is not theirs.
		w.Exec("delete from users")
		other := w.User("ada@example.com", "theirs")
		w.Exec("update users set email_confirmed_at = null, phone = '31600000001', phone_confirmed_at = now() where id = $1", other)
		w.Exec("insert into identities (provider_id, user_id, identity_data, provider, created_at) values ($1::uuid::text, $1::uuid, '{}', 'phone', now())", other)
		claims = w.signedIn(t, w.login("custom:acme", "ada-1"))
		require.NotEqual(t, other.String(), claims["sub"])
		require.Equal(t, "ada@example.com", claims["email"])
		require.Equal(t, 1, w.Count("select count(*) from users where id = $1 and email is null and encrypted_password <> '' and phone is not null", other))
		require.Equal(t, []any{"phone"}, w.providers(other))
		// Another address that is proved elsewhere: a second one at GitHub.
		w.Exec("delete from users")
		second := w.User("work@example.com", "")
		on := w.enable(t, "github", account{profile: `{"id":"SUB"}`,
			emails: `[{"email":"home@example.com","primary":true,"verified":true},{"email":"Work@Example.com","verified":true},{"email":"third@example.com","verified":false}]`})
		w.User("third@example.com", "")
		w.idp.Add(oidc.User{Subject: "7"})
		require.Equal(t, second.String(), on.signedIn(t, on.login("github", "7"))["sub"], "any address that is proved links")
		require.Equal(t, "home@example.com", w.identity("github")["email"])
	})
}

func TestUsersWhoMayNotSignIn(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		closed := w.with(map[string]string{"auth.disable_signup": "true"})
		fields := refused(t, closed.login("custom:acme", "ada-1"), landing, "signup_disabled")
		require.Equal(t, "access_denied", fields.Get("error"))
		require.Zero(t, w.Count("select count(*) from users"))
		user := w.User("ada@example.com", "")
		closed.signedIn(t, closed.login("custom:acme", "ada-1"))

		w.Exec("update users set banned_until = now() + interval '1 hour'")
		_, query := challenge()
		for _, more := range []url.Values{nil, query} {
			for _, name := range []string{"custom:acme", "keycloak"} { // known there, and to be linked
				fields := refused(t, w.arrive(w.idp.SignIn(t, w.begin(name, more), "ada-1")), landing, "user_banned")
				require.Equal(t, "access_denied", fields.Get("error"))
			}
		}
		require.Equal(t, 2, w.Count("select count(*) from identities where user_id = $1", user))
	})
}

func TestTheHookIsAskedBeforeAUserIsMade(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.Exec(`create table asked (id text, email text, provider text)`)
		w.Exec(`create function judge(event jsonb) returns jsonb language plpgsql security definer set search_path from current as $$ begin
			insert into asked select event->'user'->>'id', event->'user'->>'email', event->'user'->'app_metadata'->>'provider';
			if event->'user'->>'email' = 'ada@example.com' then return '{"error":{"http_code":403,"message":"Not you."}}'; end if;
			return '{}'; end $$`)
		on := w.with(map[string]string{"auth.hook.before_user_created.enabled": "true", "auth.hook.before_user_created.uri": `"pg-functions://postgres/auth/judge"`})
		fields := landed(t, on.login("custom:acme", "ada-1"), landing)
		require.Equal(t, "Not you.", fields.Get("error_description"))
		require.Zero(t, w.Count("select count(*) from users"))
		w.idp.Add(oidc.User{Subject: "bob-1", Claims: object{"email": "bob@example.com", "email_verified": true}})
		claims := on.signedIn(t, on.login("custom:acme", "bob-1"))
		require.Equal(t, claims["sub"], one[string](w, "select id from asked where email = 'bob@example.com' and provider = 'custom:acme'"))
		on.signedIn(t, on.login("custom:acme", "bob-1"))
		require.Equal(t, 1, w.Count("select count(*) from asked where email = 'bob@example.com'"), "only before they are made")
		// It is asked about an address that is somebody's too, so that the answer does not tell.
		on = on.with(map[string]string{"auth.smtp.host": `"mail.example.com"`})
		w.idp.Add(oidc.User{Subject: "eve-3", Claims: object{"email": "bob@example.com"}})
		refused(t, on.login("custom:acme", "eve-3"), landing, "provider_email_needs_verification")
		require.Equal(t, 2, w.Count("select count(*) from asked where email = 'bob@example.com'"))
	})
}

func TestAccountsWithoutAnAddress(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.idp.Add(oidc.User{Subject: "none", Claims: object{"name": "None"}}, oidc.User{Subject: "bad", Claims: object{"email": "not an address", "email_verified": true}})
		for _, subject := range []string{"none", "bad"} {
			fields := refused(t, w.login("keycloak", subject), landing, "unexpected_failure")
			require.Equal(t, "Error getting user email from external provider", fields.Get("error_description"))
		}
		on := w.with(map[string]string{"auth.external.keycloak.email_optional": "true"})
		claims := on.signedIn(t, on.login("keycloak", "none"))
		require.Empty(t, claims["email"])
		require.Equal(t, claims["sub"], on.signedIn(t, on.login("keycloak", "none"))["sub"])
	})
}

func TestWhatProvidersSayIsBounded(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.idp.Add(oidc.User{Subject: "large", Claims: object{"email": "large@example.com", "email_verified": true, "name": strings.Repeat("x", 9000), "nickname": "a\x00b",
			"picture": 7, "family_name": "Good"}})
		claims := w.signedIn(t, w.login("custom:acme", "large"))
		said := claims["user_metadata"].(map[string]any)
		require.Nil(t, said["name"])
		require.Nil(t, said["nickname"])
		require.Equal(t, "7", said["picture"])
		require.Equal(t, "Good", said["family_name"])
	})
}

func TestTwoFirstSignInsAtOnce(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		var backs [6]oidc.Back
		for i := range backs {
			name := []string{"custom:acme", "keycloak"}[i%2]
			backs[i] = w.idp.SignIn(t, w.begin(name, nil), "ada-1")
		}
		var outs [len(backs)]authtest.Answer
		var done sync.WaitGroup
		for i := range backs {
			done.Go(func() { outs[i] = w.arrive(backs[i]) })
		}
		done.Wait()
		for _, out := range outs {
			w.signedIn(t, out)
		}
		require.Equal(t, 1, w.Count("select count(*) from users"))
		require.Equal(t, 2, w.Count("select count(*) from identities"))
	})
}

func TestInvitations(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w = w.with(map[string]string{"auth.disable_signup": "true"})
		invite := func(email string) (uuid.UUID, url.Values) {
			user := w.User(email, "")
			w.Exec("update users set email_confirmed_at = null, invited_at = now(), raw_user_meta_data = '{\"team\":\"red\"}' where id = $1", user)
			w.Exec(`insert into one_time_tokens (id, user_id, token_type, token_hash, relates_to, created_at) values (gen_random_uuid(), $1, 'confirmation_token', $2, $3, now() at time zone 'UTC')`,
				user, "invitation-to-"+email, email)
			return user, url.Values{"invite_token": {"invitation-to-" + email}}
		}
		user, link := invite("ada@example.com")
		claims := w.signedIn(t, w.arrive(w.idp.SignIn(t, w.begin("custom:acme", link), "eve-1"))) // the invitation proves the address
		require.Equal(t, user.String(), claims["sub"])
		require.Equal(t, "red", claims["user_metadata"].(map[string]any)["team"])
		require.Equal(t, map[string]any{"provider": "custom:acme", "providers": []any{"custom:acme"}}, claims["app_metadata"])
		require.Equal(t, 1, w.Count("select count(*) from audit_log_entries where payload->>'action' = 'invite_accepted'"))
		w.Refused(w.Call(http.MethodGet, "/authorize?provider=custom:acme&"+link.Encode(), "", nil), http.StatusNotFound, "user_not_found")

		_, link = invite("bob@example.com")
		refused(t, w.arrive(w.idp.SignIn(t, w.begin("keycloak", link), "ada-1")), landing, "validation_failed")
		address := w.begin("keycloak", link)
		w.Exec("delete from one_time_tokens")
		refused(t, w.arrive(w.idp.SignIn(t, address, "ada-1")), landing, "invite_not_found")
	})
}
