package oauthserver_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/internal/token"
)

func TestAnAppSignsAUserIn(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		id := b.User("ada@example.com", "")
		b.Exec(`update users set raw_user_meta_data = '{"full_name":"Ada","avatar_url":"https://x.example/a","email_verified":false,"secret":"s"}'`)
		user := b.SignIn(id).AccessToken
		a := newApp(b, map[string]any{"client_uri": "https://client.example", "logo_uri": "https://client.example/logo.png"})

		asked := a.begin(nil)
		out := b.Call("GET", "/oauth/authorizations/"+asked, user, nil)
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, map[string]any{"authorization_id": asked, "redirect_uri": callback, "scope": "openid email profile",
			"client": map[string]any{"id": a.id, "name": "Other", "uri": "https://client.example", "logo_uri": "https://client.example/logo.png"},
			"user":   map[string]any{"id": id.String(), "email": "ada@example.com"}}, out.Body)
		out = b.Call("POST", "/oauth/authorizations/"+asked+"/consent", user, map[string]any{"action": "approve"})
		require.Equal(t, 200, out.Status, out.Text)
		require.Equal(t, "s 1&x", a.parameter(out, "state"))
		require.Equal(t, "1", a.parameter(out, "tenant"), "the redirect URI keeps its own parameters")
		require.Equal(t, b.Project.URL+"/auth/v1", a.parameter(out, "iss"))
		code := a.parameter(out, "code")
		require.Zero(t, b.Count("select count(*) from oauth_authorizations where authorization_code = $1", code), "only a hash is stored")

		granted := a.exchange(code)
		require.Equal(t, 200, granted.Status, granted.Text)
		require.Equal(t, "bearer", granted.Str("token_type"))
		require.Equal(t, "openid email profile", granted.Str("scope"))
		require.NotContains(t, granted.Body, "user")
		access, err := b.Project.Verifier.Verify(granted.Str("access_token"), time.Now())
		require.NoError(t, err)
		require.Equal(t, a.id, access.Claims["client_id"])
		require.Equal(t, "openid email profile", access.Claims["scope"])
		require.Equal(t, "oauth_provider/authorization_code", access.Claims["amr"].([]any)[0].(map[string]any)["method"])

		identity, err := b.Project.Verifier.Verify(granted.Str("id_token"), time.Now())
		require.NoError(t, err)
		require.Equal(t, []string{a.id}, identity.Audience)
		for claim, want := range map[string]any{"iss": b.Project.URL + "/auth/v1", "sub": id.String(), "nonce": "n-1", "email": "ada@example.com", "email_verified": true,
			"name": "Ada", "picture": "https://x.example/a"} {
			require.Equal(t, want, identity.Claims[claim], claim)
		}
		for _, claim := range []string{"role", "session_id", "secret", "phone_number", "app_metadata"} {
			require.NotContains(t, identity.Claims, claim)
		}
		info := b.Call("GET", "/oauth/userinfo", granted.Str("access_token"), nil)
		require.Equal(t, 200, info.Status, info.Text)
		require.Equal(t, "Ada", info.Str("name"))
		require.NotContains(t, info.Body, "secret")

		next := a.refresh(granted.Str("refresh_token"))
		require.Equal(t, 200, next.Status, next.Text)
		require.NotEqual(t, granted.Str("refresh_token"), next.Str("refresh_token"))
		require.NotEmpty(t, next.Str("id_token"))
		require.Equal(t, 1, b.Count("select count(*) from sessions where oauth_client_id = $1 and scopes = 'openid email profile'", a.id))

		again := b.Call("GET", "/oauth/authorizations/"+a.begin(map[string]string{"scope": "email"}), user, nil)
		require.NotEmpty(t, a.parameter(again, "code"), "who has consented is not asked again")
		more := b.Call("GET", "/oauth/authorizations/"+a.begin(map[string]string{"scope": "email phone"}), user, nil)
		require.Equal(t, "email phone", more.Str("scope"), "but for more than before")
	})
}

func TestScopesBoundWhatIsTold(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		user := b.SignIn(b.User("ada@example.com", "")).AccessToken
		b.Exec("update users set phone = '15551234567', email_confirmed_at = null")
		a := newApp(b, nil)
		for scope, want := range map[string][]string{"openid": {"sub"}, "email": {"sub", "email", "email_verified"}, "phone": {"sub", "phone_number", "phone_number_verified"}} {
			granted := a.exchange(a.code(user, map[string]string{"scope": scope}))
			require.Equal(t, 200, granted.Status, granted.Text)
			require.Equal(t, scope == "openid", granted.Str("id_token") != "")
			info := b.Call("POST", "/oauth/userinfo", granted.Str("access_token"), nil)
			keys := []string{}
			for key := range info.Body {
				keys = append(keys, key)
			}
			require.ElementsMatch(t, want, keys, scope)
		}
		granted := a.exchange(a.code(user, map[string]string{"scope": ""}))
		require.Equal(t, "email", granted.Str("scope"))
		info := b.Call("GET", "/oauth/userinfo", granted.Str("access_token"), nil)
		require.Equal(t, false, info.Body["email_verified"])
		require.Equal(t, "+15551234567", b.Call("GET", "/oauth/userinfo", user, nil).Str("phone_number"), "the user's own session tells all")
		out := b.Call("GET", "/oauth/userinfo", "", nil)
		b.Refused(out, 401, "no_authorization")
		require.Equal(t, `Bearer error="invalid_token"`, out.Header.Get("WWW-Authenticate"))
	})
}

func TestACodeIsUsedOnce(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		id := b.User("ada@example.com", "")
		own := b.SignIn(id)
		a, other := newApp(b, nil), newApp(b, nil)
		kept := other.exchange(other.code(own.AccessToken, nil))
		code := a.code(own.AccessToken, nil)
		var wait sync.WaitGroup
		statuses := make([]int, 6)
		for i := range statuses {
			wait.Go(func() { statuses[i] = a.exchange(code).Status })
		}
		wait.Wait()
		good := 0
		for _, status := range statuses {
			if status == 200 {
				good++
			}
		}
		require.Equal(t, 1, good, statuses)
		require.Zero(t, b.Count("select count(*) from sessions where oauth_client_id = $1", a.id), "a code that comes again ends what it gave")

		granted := a.exchange(a.code(own.AccessToken, nil))
		session, err := b.Project.Verifier.Verify(granted.Str("access_token"), time.Now())
		require.NoError(t, err)
		replayed := a.code(own.AccessToken, nil)
		require.Equal(t, 200, a.exchange(replayed).Status)
		no(t, a.exchange(replayed), 400, "invalid_grant")
		require.True(t, b.Revoked.Session(uuid.MustParse(session.SessionID)), "access tokens stop too")
		no(t, a.refresh(granted.Str("refresh_token")), 400, "invalid_grant")
		require.Equal(t, 200, other.refresh(kept.Str("refresh_token")).Status, "other apps' sessions go on")
		require.Equal(t, 200, b.Call("GET", "/user", own.AccessToken, nil).Status, "and the user's own")
	})
}

func TestCodesThatAreRefused(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		id := b.User("ada@example.com", "")
		user := b.SignIn(id).AccessToken
		a, other := newApp(b, nil), newApp(b, nil)
		kept := a.exchange(a.code(user, nil))
		good := func() map[string]string {
			return map[string]string{"grant_type": "authorization_code", "code_verifier": verifier, "redirect_uri": callback, "client_id": a.id}
		}
		for name, c := range map[string]struct {
			key, value, code string
		}{
			"another verifier":     {"code_verifier", strings.Repeat("x", 43), "invalid_grant"},
			"no verifier":          {"code_verifier", "", "invalid_grant"},
			"another redirect":     {"redirect_uri", "https://evil.example/", "invalid_grant"},
			"another resource":     {"resource", "https://evil.example/", "invalid_target"},
			"the challenge itself": {"code_verifier", challenge(), "invalid_grant"},
		} {
			code := a.code(user, nil)
			form := good()
			form["code"], form[c.key] = code, c.value
			out := a.token(form)
			require.Equal(t, 400, out.Status, name+out.Text)
			require.Equal(t, c.code, out.Str("error"), name)
			no(t, a.exchange(code), 400, "invalid_grant")
		}
		require.Equal(t, 200, a.refresh(kept.Str("refresh_token")).Status, "codes that gave nothing end nothing")

		code := a.code(user, nil)
		no(t, other.exchange(code), 400, "invalid_grant")
		no(t, a.exchange(code), 400, "invalid_grant")
		code = a.code(user, nil)
		b.Exec("update oauth_authorizations set expires_at = now() - interval '1 second'")
		no(t, a.exchange(code), 400, "invalid_grant")
		no(t, a.exchange(""), 400, "invalid_request")
		no(t, a.exchange("guess"), 400, "invalid_grant")
		no(t, a.exchange(strings.Repeat("x", 300)), 400, "invalid_request")
		code = a.code(user, nil)
		b.Exec("update users set banned_until = now() + interval '1 day'")
		no(t, a.exchange(code), 400, "access_denied")
		b.Exec("update users set banned_until = null")

		code = a.code(user, nil)
		out := b.Call("DELETE", "/user/oauth/grants?client_id="+a.id, user, nil)
		require.Equal(t, 204, out.Status, out.Text)
		no(t, a.exchange(code), 400, "invalid_grant")
	})
}

func TestClientsProveWhoTheyAre(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		user := b.SignIn(b.User("ada@example.com", "")).AccessToken
		a := newApp(b, map[string]any{"token_endpoint_auth_method": "client_secret_post"})
		public := newApp(b, map[string]any{"token_endpoint_auth_method": "none"})
		require.Empty(t, public.secret)
		form := func(change map[string]string) map[string]string {
			out := map[string]string{"grant_type": "refresh_token", "refresh_token": "x"}
			for key, value := range change {
				out[key] = value
			}
			return out
		}
		bare := &app{b: b}
		for name, change := range map[string]map[string]string{
			"nobody":                        {},
			"no secret":                     {"client_id": a.id},
			"another secret":                {"client_id": a.id, "client_secret": "guess"},
			"the secret's hash":             {"client_id": a.id, "client_secret": authtest.One[string](b, "select client_secret_hash from oauth_clients where id = $1", a.id)},
			"a public client with a secret": {"client_id": public.id, "client_secret": "x"},
			"an unknown client":             {"client_id": "00000000-0000-0000-0000-000000000001", "client_secret": "x"},
			"an id that is none":            {"client_id": "x' or 1=1", "client_secret": "x"},
		} {
			out := bare.token(form(change))
			require.Equal(t, 401, out.Status, name+out.Text)
			require.Equal(t, "invalid_client", out.Str("error"), name)
			require.NotEmpty(t, out.Header.Get("WWW-Authenticate"))
		}
		no(t, (&app{b, public.id, "x"}).token(form(nil)), 401, "invalid_client")
		no(t, a.token(form(map[string]string{"client_id": public.id})), 400, "invalid_request")
		no(t, bare.token(map[string]string{"grant_type": "password", "client_id": a.id, "client_secret": a.secret}), 400, "unsupported_grant_type")
		no(t, bare.token(map[string]string{"client_id": a.id, "client_secret": a.secret}), 400, "invalid_request")
		require.Equal(t, 200, bare.token(map[string]string{"grant_type": "authorization_code", "code": a.code(user, nil), "code_verifier": verifier,
			"client_id": a.id, "client_secret": a.secret}).Status, "in the body")
		require.Equal(t, 200, a.exchange(a.code(user, nil)).Status, "in the header")
		body, err := json.Marshal(map[string]any{"grant_type": "authorization_code", "code": public.code(user, nil), "code_verifier": verifier, "client_id": public.id})
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodPost, "/oauth/token", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		require.Equal(t, 200, b.Do(r, "").Status, "in JSON")
		out := public.exchange(public.code(user, nil))
		require.Equal(t, 200, out.Status, out.Text)

		changed := b.Call("POST", "/admin/oauth/clients/"+a.id+"/regenerate_secret", authtest.Secret, nil)
		require.Equal(t, 200, changed.Status, changed.Text)
		code := a.code(user, nil)
		no(t, a.exchange(code), 401, "invalid_client")
		a.secret = changed.Str("client_secret")
		require.Equal(t, 200, a.exchange(code).Status)
		b.Refused(b.Call("POST", "/admin/oauth/clients/"+public.id+"/regenerate_secret", authtest.Secret, nil), 400, "validation_failed")

		short := newApp(b, map[string]any{"grant_types": []string{"authorization_code"}})
		granted := short.exchange(short.code(user, nil))
		require.NotContains(t, granted.Body, "refresh_token")
		no(t, short.refresh("x"), 400, "unauthorized_client")
	})
}

func TestRefreshTokensBelongToTheirClient(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		own := b.SignIn(b.User("ada@example.com", ""))
		a, other := newApp(b, nil), newApp(b, nil)
		granted := a.exchange(a.code(own.AccessToken, map[string]string{"scope": "email"}))
		refresh := granted.Str("refresh_token")
		no(t, other.refresh(refresh), 400, "invalid_grant")
		no(t, a.refresh(own.RefreshToken), 400, "invalid_grant")
		b.Refused(b.Call("POST", "/refresh", "", map[string]any{"refresh_token": refresh}), 400, "refresh_token_not_found")
		no(t, a.refresh(""), 400, "invalid_request")
		second := a.refresh(refresh)
		require.Equal(t, 200, second.Status, second.Text)
		lazy := &app{b.With(map[string]string{"auth.refresh_token_rotation": "false"}), a.id, a.secret}
		require.NotEqual(t, second.Str("refresh_token"), lazy.refresh(second.Str("refresh_token")).Str("refresh_token"), "other apps' tokens are rotated always")
		require.Equal(t, 200, b.Call("POST", "/refresh", "", map[string]any{"refresh_token": own.RefreshToken}).Status)
		third := a.token(map[string]string{"grant_type": "refresh_token", "refresh_token": second.Str("refresh_token"), "scope": "email phone"})
		no(t, third, 400, "invalid_scope")
		require.Equal(t, 204, b.Call("DELETE", "/admin/oauth/clients/"+a.id, authtest.Secret, nil).Status)
		no(t, a.refresh(second.Str("refresh_token")), 401, "invalid_client")
		require.Zero(t, b.Count("select count(*) from sessions where oauth_client_id = $1", a.id))
	})
}

func TestAClientsTokenChangesNoAccount(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		id := b.User("ada@example.com", "")
		own := b.SignIn(id)
		a := newApp(b, nil)
		granted := a.exchange(a.code(own.AccessToken, nil))
		access := granted.Str("access_token")
		require.Equal(t, 200, b.Call("GET", "/user", access, nil).Status)
		for _, route := range [][2]string{{"PUT", "/user"}, {"POST", "/factors"}, {"GET", "/user/identities/authorize"}, {"GET", "/reauthenticate"}, {"GET", "/user/oauth/grants"},
			{"DELETE", "/user/oauth/grants?client_id=" + a.id}, {"GET", "/oauth/authorizations/" + a.begin(nil)}, {"POST", "/oauth/authorizations/" + a.begin(nil) + "/consent"}} {
			b.Refused(b.Call(route[0], route[1], access, map[string]any{"action": "approve"}), 403, "insufficient_scope")
		}
		// An id token is signed by the same key and names the same user.
		for _, path := range []string{"/user", "/oauth/userinfo", "/user/oauth/grants"} {
			b.Refused(b.Call("GET", path, granted.Str("id_token"), nil), 403, "bad_jwt")
		}
		b.Refused(b.Call("PUT", "/user", granted.Str("id_token"), map[string]any{}), 403, "bad_jwt")
		require.Equal(t, 204, b.Call("POST", "/logout?scope=global", access, nil).Status)
		require.Equal(t, 200, b.Call("GET", "/user", own.AccessToken, nil).Status, "an app ends no session but its own")
		require.Zero(t, b.Count("select count(*) from sessions where oauth_client_id is not null"))
	})
}

func TestAuthorizationsBelongToOneUser(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		ada, eve := b.SignIn(b.User("ada@example.com", "")).AccessToken, b.SignIn(b.User("eve@example.com", "")).AccessToken
		a := newApp(b, nil)
		id := a.begin(nil)
		path := "/oauth/authorizations/" + id
		approve := map[string]any{"action": "approve"}
		b.Refused(b.Call("POST", path+"/consent", ada, approve), 404, "oauth_authorization_not_found")
		require.Equal(t, 200, b.Call("GET", path, ada, nil).Status)
		b.Refused(b.Call("GET", path, eve, nil), 404, "oauth_authorization_not_found")
		b.Refused(b.Call("POST", path+"/consent", eve, approve), 404, "oauth_authorization_not_found")
		b.Refused(b.Call("GET", path, "", nil), 401, "no_authorization")
		b.Refused(b.Call("POST", path+"/consent", "", approve), 401, "no_authorization")
		b.Refused(b.Call("POST", path+"/consent", ada, map[string]any{"action": "maybe"}), 400, "validation_failed")
		b.Refused(b.Call("GET", "/oauth/authorizations/nothing", ada, nil), 404, "oauth_authorization_not_found")

		out := b.Call("POST", path+"/consent", ada, map[string]any{"action": "deny"})
		require.Equal(t, "access_denied", a.parameter(out, "error"))
		require.Equal(t, "s 1&x", a.parameter(out, "state"))
		require.Empty(t, a.parameter(out, "code"))
		b.Refused(b.Call("POST", path+"/consent", ada, approve), 400, "validation_failed")
		b.Refused(b.Call("GET", path, ada, nil), 400, "validation_failed")
		require.Zero(t, b.Count("select count(*) from oauth_consents"))

		// Who acts for the user for a while lets nobody in for good.
		acting := b.SignIn(b.User("bob@example.com", "")).AccessToken
		b.Exec("update mfa_amr_claims set authentication_method = 'impersonation' where session_id in (select s.id from sessions s join users u on u.id = s.user_id where u.email = 'bob@example.com')")
		b.Refused(b.Call("GET", "/oauth/authorizations/"+a.begin(nil), acting, nil), 403, "insufficient_scope")

		late := "/oauth/authorizations/" + a.begin(nil)
		b.Exec("update oauth_authorizations set expires_at = now() - interval '1 second'")
		b.Refused(b.Call("GET", late, ada, nil), 404, "oauth_authorization_not_found")
		moved := "/oauth/authorizations/" + a.begin(nil)
		require.Equal(t, 200, b.Call("PUT", "/admin/oauth/clients/"+a.id, authtest.Secret, map[string]any{"redirect_uris": []string{"https://new.example/"}}).Status)
		b.Refused(b.Call("GET", moved, ada, nil), 404, "oauth_authorization_not_found")
	})
}

func TestRequestsThatAreRefused(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		off := b
		b = bundle(b)
		a := newApp(b, nil)
		for name, change := range map[string]map[string]string{
			"no client":               {"client_id": ""},
			"no redirect":             {"redirect_uri": ""},
			"a redirect below":        {"redirect_uri": callback + "&more=1"},
			"a redirect above":        {"redirect_uri": "https://client.example/callback"},
			"another redirect":        {"redirect_uri": "https://evil.example/"},
			"a redirect in capitals":  {"redirect_uri": strings.Replace(callback, "client", "CLIENT", 1)},
			"a client that is none":   {"client_id": "x"},
			"a client that is no one": {"client_id": "00000000-0000-0000-0000-000000000001"},
		} {
			out := a.ask(change)
			require.Equal(t, 400, out.Status, name)
			require.Empty(t, out.Header.Get("Location"), name)
		}
		for name, c := range map[string]struct{ key, value, code string }{
			"no PKCE":              {"code_challenge", "", "invalid_request"},
			"plain PKCE":           {"code_challenge_method", "plain", "invalid_request"},
			"no method":            {"code_challenge_method", "", "invalid_request"},
			"a short challenge":    {"code_challenge", "short", "invalid_request"},
			"a token at once":      {"response_type", "token", "unsupported_response_type"},
			"an id token at once":  {"response_type", "code id_token", "unsupported_response_type"},
			"in the fragment":      {"response_mode", "fragment", "invalid_request"},
			"an unknown scope":     {"scope", "openid admin", "invalid_scope"},
			"a long state":         {"state", strings.Repeat("x", 5000), "invalid_request"},
			"a long nonce":         {"nonce", strings.Repeat("x", 300), "invalid_request"},
			"a resource of no URI": {"resource", "api", "invalid_target"},
			"no interaction":       {"prompt", "none", "interaction_required"},
			"the null character":   {"nonce", "a\x00", "invalid_request"},
		} {
			out := a.ask(map[string]string{c.key: c.value})
			require.Equal(t, 302, out.Status, name)
			to, err := url.Parse(out.Header.Get("Location"))
			require.NoError(t, err)
			require.Equal(t, "client.example", to.Host, name)
			require.Equal(t, c.code, to.Query().Get("error"), name)
			require.Equal(t, b.Project.URL+"/auth/v1", to.Query().Get("iss"))
			if c.key != "state" {
				require.Equal(t, "s 1&x", to.Query().Get("state"), name)
			}
		}
		twice := b.Call("GET", "/oauth/authorize?client_id="+a.id+"&redirect_uri="+url.QueryEscape(callback)+"&scope=email&scope=openid", "", nil)
		require.Contains(t, twice.Header.Get("Location"), "error=invalid_request")
		require.Zero(t, b.Count("select count(*) from oauth_authorizations"))

		shared, err := token.Generate("hs", token.HS256)
		require.NoError(t, err)
		weak := *b.Project
		weak.SigningKey = shared
		other := *b
		other.Project = &weak
		out := (&app{&other, a.id, a.secret}).ask(nil)
		require.Contains(t, out.Header.Get("Location"), "error=invalid_scope", "a shared secret signs nothing for others")

		for _, route := range [][2]string{{"GET", "/oauth/authorize"}, {"POST", "/oauth/token"}, {"GET", "/oauth/userinfo"}, {"POST", "/oauth/clients/register"}, {"GET", "/user/oauth/grants"},
			{"GET", "/.well-known/oauth-authorization-server"}, {"GET", "/admin/oauth/clients"}} {
			b.Refused(off.Call(route[0], route[1], authtest.Secret, nil), 404, "feature_disabled")
		}
		require.Equal(t, 200, off.Call("GET", "/.well-known/openid-configuration", "", nil).Status)
	})
}

func TestNativeAppsAreAskedForEachTime(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		user := b.SignIn(b.User("ada@example.com", "")).AccessToken
		a := newApp(b, map[string]any{"token_endpoint_auth_method": "none", "redirect_uris": []string{"http://127.0.0.1:7777/cb"}})
		local := map[string]string{"redirect_uri": "http://127.0.0.1:7777/cb"}
		for range 2 {
			id := a.begin(local)
			out := b.Call("GET", "/oauth/authorizations/"+id, user, nil)
			require.Equal(t, id, out.Str("authorization_id"), out.Text)
			require.Equal(t, 200, b.Call("POST", "/oauth/authorizations/"+id+"/consent", user, map[string]any{"action": "approve"}).Status)
		}
	})
}
