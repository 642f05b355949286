package oauthserver_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
)

func TestClientsByTheAdminAPI(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		made := b.Call("POST", "/admin/oauth/clients", authtest.Secret, map[string]any{"client_name": "One", "redirect_uris": []string{"https://a.example/cb", "com.example.app:/cb"}})
		require.Equal(t, 201, made.Status, made.Text)
		require.Len(t, made.Str("client_secret"), 43)
		for key, want := range map[string]any{"client_type": "confidential", "token_endpoint_auth_method": "client_secret_basic", "registration_type": "manual",
			"grant_types": []any{"authorization_code", "refresh_token"}, "response_types": []any{"code"}, "redirect_uris": []any{"https://a.example/cb", "com.example.app:/cb"}} {
			require.Equal(t, want, made.Body[key], key)
		}
		path := "/admin/oauth/clients/" + made.Str("client_id")
		got := b.Call("GET", path, authtest.Secret, nil)
		require.NotContains(t, got.Body, "client_secret", "a secret is told once")
		require.Zero(t, b.Count("select count(*) from oauth_clients where client_secret_hash = $1", made.Str("client_secret")))

		changed := b.Call("PUT", path, authtest.Secret, map[string]any{"client_name": "Two", "grant_types": []string{"authorization_code"}, "token_endpoint_auth_method": "client_secret_post"})
		require.Equal(t, 200, changed.Status, changed.Text)
		require.Equal(t, "Two", changed.Str("client_name"))
		require.Equal(t, "client_secret_post", changed.Str("token_endpoint_auth_method"))
		require.Equal(t, []any{"https://a.example/cb", "com.example.app:/cb"}, changed.Body["redirect_uris"], "what is not named stays")
		b.Refused(b.Call("PUT", path, authtest.Secret, map[string]any{}), 400, "validation_failed")
		b.Refused(b.Call("PUT", path, authtest.Secret, map[string]any{"token_endpoint_auth_method": "none"}), 400, "validation_failed")
		b.Refused(b.Call("PUT", path, authtest.Secret, map[string]any{"redirect_uris": []string{}}), 400, "validation_failed")

		newApp(b, nil)
		list := b.Call("GET", "/admin/oauth/clients?page=1&per_page=1", authtest.Secret, nil)
		require.Len(t, list.Body["clients"], 1)
		require.Equal(t, "2", list.Header.Get("X-Total-Count"))
		require.Contains(t, list.Header.Get("Link"), `?page=2&per_page=1>; rel="next"`)
		require.Len(t, b.Call("GET", "/admin/oauth/clients?page=&per_page=", authtest.Secret, nil).Body["clients"], 2)
		require.Empty(t, b.Call("GET", "/admin/oauth/clients?page=9", authtest.Secret, nil).Body["clients"])
		b.Refused(b.Call("GET", "/admin/oauth/clients?page=0", authtest.Secret, nil), 400, "validation_failed")

		require.Equal(t, 204, b.Call("DELETE", path, authtest.Secret, nil).Status)
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			b.Refused(b.Call(method, path, authtest.Secret, map[string]any{"client_name": "x"}), 404, "oauth_client_not_found")
		}
		b.Refused(b.Call("GET", "/admin/oauth/clients/x", authtest.Secret, nil), 400, "validation_failed")
		user := b.SignIn(b.User("ada@example.com", ""))
		b.Refused(b.Call("GET", "/admin/oauth/clients", user.AccessToken, nil), 403, "not_admin")
		b.Refused(b.Call("POST", "/admin/oauth/clients", "", map[string]any{}), 403, "not_admin")
		require.Equal(t, 4, b.Count("select count(*) from audit_log_entries where payload->>'action' like 'oauth_client_%'"))
	})
}

func TestClientsThatAreRefused(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		with := func(redirect string) map[string]any { return map[string]any{"redirect_uris": []string{redirect}} }
		and := func(key string, value any) map[string]any {
			out := with("https://a.example/")
			out[key] = value
			return out
		}
		for name, body := range map[string]map[string]any{
			"no redirect":                   {},
			"an empty list":                 {"redirect_uris": []string{}},
			"eleven redirects":              {"redirect_uris": strings.Split(strings.Repeat("https://a.example/ ", 11), " ")[:11]},
			"plain http":                    with("http://a.example/"),
			"a script":                      with("javascript:alert(1)"),
			"data":                          with("data:text/html,x"),
			"a fragment":                    with("https://a.example/#x"),
			"an empty fragment":             with("https://a.example/#"),
			"a user":                        with("https://a@b.example/"),
			"a comma":                       with("https://a.example/,https://evil.example/"),
			"a backslash":                   with(`https://a.example\@evil.example/`),
			"a space":                       with("https://a.example/ x"),
			"a scheme without a dot":        with("myapp://cb"),
			"no scheme":                     with("//a.example/"),
			"no host":                       with("https:///cb"),
			"a long redirect":               with("https://a.example/" + strings.Repeat("x", 2100)),
			"another grant":                 and("grant_types", []string{"password"}),
			"no grants":                     and("grant_types", []string{}),
			"another response type":         and("response_types", []string{"token"}),
			"a long name":                   and("client_name", strings.Repeat("x", 1025)),
			"a page of a script":            and("client_uri", "javascript:alert(1)"),
			"a logo of data":                and("logo_uri", "data:image/svg+xml,x"),
			"another method":                and("token_endpoint_auth_method", "private_key_jwt"),
			"another type":                  and("client_type", "native"),
			"a public client with a secret": {"redirect_uris": []string{"https://a.example/"}, "client_type": "public", "token_endpoint_auth_method": "client_secret_basic"},
		} {
			for _, call := range [][2]string{{"/admin/oauth/clients", authtest.Secret}, {"/oauth/clients/register", ""}} {
				out := b.Call("POST", call[0], call[1], body)
				require.Equal(t, 400, out.Status, name+out.Text)
				require.Equal(t, "validation_failed", out.Code(), name)
			}
		}
		require.Zero(t, b.Count("select count(*) from oauth_clients"))
	})
}

func TestAppsRegisterThemselves(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		body := map[string]any{"client_name": "Self", "redirect_uris": []string{"http://localhost:3333/cb"}, "token_endpoint_auth_method": "none", "registration_type": "manual",
			"scope": "openid", "contacts": []string{"a@b.c"}}
		out := b.Call("POST", "/oauth/clients/register", "", body)
		require.Equal(t, 201, out.Status, out.Text)
		require.Equal(t, "dynamic", out.Str("registration_type"))
		require.Equal(t, "public", out.Str("client_type"))
		require.NotContains(t, out.Body, "client_secret")
		described := b.Call("GET", "/.well-known/oauth-authorization-server", "", nil)
		base := b.Project.URL + "/auth/v1"
		for key, want := range map[string]any{"issuer": base, "authorization_endpoint": base + "/oauth/authorize", "token_endpoint": base + "/oauth/token",
			"registration_endpoint": base + "/oauth/clients/register", "jwks_uri": base + "/.well-known/jwks.json", "code_challenge_methods_supported": []any{"S256"}} {
			require.Equal(t, want, described.Body[key], key)
		}
		require.Equal(t, described.Body, b.Call("GET", "/.well-known/openid-configuration", "", nil).Body)
		closed := b.With(map[string]string{"auth.oauth_server.dynamic_registration": "false"})
		b.Refused(closed.Call("POST", "/oauth/clients/register", "", body), 403, "oauth_dynamic_client_registration_disabled")
		require.NotContains(t, closed.Call("GET", "/.well-known/openid-configuration", "", nil).Body, "registration_endpoint")
	})
}

func TestGrantsOfAUser(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		b = bundle(b)
		ada, eve := b.SignIn(b.User("ada@example.com", "")).AccessToken, b.SignIn(b.User("eve@example.com", "")).AccessToken
		a := newApp(b, map[string]any{"client_uri": "https://client.example"})
		granted, others := a.exchange(a.code(ada, nil)), a.exchange(a.code(eve, nil))
		list := b.Call("GET", "/user/oauth/grants", ada, nil)
		require.Equal(t, 200, list.Status)
		require.True(t, strings.HasPrefix(list.Text, "["), list.Text)
		require.Contains(t, list.Text, `"client":{"id":"`+a.id+`","name":"Other","uri":"https://client.example","logo_uri":""},"scopes":["openid","email","profile"]`)
		b.Refused(b.Call("DELETE", "/user/oauth/grants", ada, nil), 400, "validation_failed")
		b.Refused(b.Call("DELETE", "/user/oauth/grants?client_id=x", ada, nil), 400, "validation_failed")
		b.Refused(b.Call("DELETE", "/user/oauth/grants?client_id=00000000-0000-0000-0000-000000000001", ada, nil), 404, "oauth_consent_not_found")
		require.Equal(t, 204, b.Call("DELETE", "/user/oauth/grants?client_id="+a.id, ada, nil).Status)
		b.Refused(b.Call("DELETE", "/user/oauth/grants?client_id="+a.id, ada, nil), 404, "oauth_consent_not_found")
		require.Equal(t, "[]", b.Call("GET", "/user/oauth/grants", ada, nil).Text)
		no(t, a.refresh(granted.Str("refresh_token")), 400, "invalid_grant")
		b.Refused(b.Call("GET", "/oauth/userinfo", granted.Str("access_token"), nil), 403, "session_not_found")
		require.Equal(t, 200, a.refresh(others.Str("refresh_token")).Status, "another user's grant goes on")
		asked := b.Call("GET", "/oauth/authorizations/"+a.begin(nil), ada, nil)
		require.NotEmpty(t, asked.Str("authorization_id"), "who took the consent back is asked again")
	})
}
