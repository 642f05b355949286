package provider_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

func (w *world) admin(method, path string, body any) authtest.Answer {
	w.T.Helper()
	return w.Call(method, "/admin/custom-providers"+path, authtest.Secret, body)
}

func TestCustomProvidersAreManaged(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		out := w.admin(http.MethodGet, "/custom:acme", nil)
		require.Equal(t, http.StatusOK, out.Status, out.Text)
		for key, value := range map[string]any{"provider_type": "oidc", "identifier": "custom:acme", "name": "Acme", "client_id": oidc.ClientID, "issuer": w.idp.URL,
			"scopes": []any{"openid", "email", "profile"}, "acceptable_client_ids": []any{}, "custom_claims_allowlist": []any{}, "pkce_enabled": true, "enabled": true,
			"email_optional": false, "skip_nonce_check": false, "attribute_mapping": map[string]any{}, "authorization_params": map[string]any{}} {
			require.Equal(t, value, out.Body[key], key)
		}
		require.NotEmpty(t, out.Body["id"])
		require.NotEmpty(t, out.Body["created_at"])
		require.Equal(t, w.idp.URL+"/token", out.Body["discovery_document"].(map[string]any)["token_endpoint"])
		require.NotContains(t, out.Text, "secret")
		require.Equal(t, 1, w.Count("select count(*) from custom_oauth_providers where client_secret like 'sealed:%' and position($1 in client_secret) = 0", oidc.ClientSecret))

		out = w.admin(http.MethodPut, "/custom:acme", object{"name": "Acme Inc.", "scopes": []string{"email"}, "authorization_params": object{"audience": "api", "n": 3},
			"custom_claims_allowlist": []string{"groups"}, "enabled": false})
		require.Equal(t, http.StatusOK, out.Status, out.Text)
		require.Equal(t, "Acme Inc.", out.Str("name"))
		require.Equal(t, []any{"openid", "email"}, out.Body["scopes"])
		require.Equal(t, w.idp.URL, out.Str("issuer"), "what is not said stays")
		require.NotContains(t, out.Text, "secret")
		w.Refused(w.Call(http.MethodGet, "/authorize?provider=custom:acme", "", nil), http.StatusBadRequest, "validation_failed")
		require.Equal(t, http.StatusOK, w.admin(http.MethodPut, "/custom%3Aacme", object{"enabled": true}).Status)
		require.Contains(t, w.begin("custom:acme", nil), "audience=api&")
		require.Contains(t, w.begin("custom:acme", nil), "&n=3&")
		w.signedIn(t, w.login("custom:acme", "ada-1")) // with the secret that was there

		out = w.admin(http.MethodPut, "/custom:acme", object{"client_secret": "another"})
		require.Equal(t, http.StatusOK, out.Status)
		refused(t, w.login("custom:acme", "ada-1"), landing, "unexpected_failure")

		out = w.admin(http.MethodPost, "", object{"provider_type": "oauth2", "identifier": "plain", "name": "Plain", "client_id": "a", "client_secret": "b",
			"authorization_url": w.idp.URL + "/authorize", "token_url": w.idp.URL + "/token", "userinfo_url": w.idp.URL + "/userinfo"})
		require.Equal(t, http.StatusCreated, out.Status, out.Text)
		require.Equal(t, "custom:plain", out.Str("identifier"))
		for query, want := range map[string]int{"": 2, "?type=oidc": 1, "?type=oauth2": 1} {
			out = w.admin(http.MethodGet, query, nil)
			require.Len(t, out.Body["providers"], want)
		}
		require.Equal(t, http.StatusOK, w.admin(http.MethodDelete, "/custom:plain", nil).Status)
		w.Refused(w.admin(http.MethodDelete, "/custom:plain", nil), http.StatusNotFound, "custom_provider_not_found")
		w.Refused(w.admin(http.MethodGet, "/custom:plain", nil), http.StatusNotFound, "custom_provider_not_found")
		w.Refused(w.admin(http.MethodPut, "/custom:plain", object{"name": "x"}), http.StatusNotFound, "custom_provider_not_found")
		require.Equal(t, 6, w.Count("select count(*) from audit_log_entries where payload->>'action' like 'custom_provider_%'"))
	})
}

// Whoever may describe providers does not read their secrets by naming a server of their own.
func TestSecretsOfCustomProvidersGoNowhereElse(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		require.Equal(t, http.StatusCreated, w.admin(http.MethodPost, "", object{"provider_type": "oauth2", "identifier": "plain", "name": "Plain", "client_id": "a",
			"client_secret": "b", "authorization_url": "https://x.example/a", "token_url": "https://x.example/t", "userinfo_url": "https://x.example/u"}).Status)
		for path, body := range map[string]object{"/custom:plain": {"token_url": "https://evil.example/t"}, "/custom:acme": {"discovery_url": w.idp.URL + "/.well-known/openid-configuration?"}} {
			w.Refused(w.admin(http.MethodPut, path, body), http.StatusBadRequest, "validation_failed")
			body["client_secret"] = "given again"
			require.Equal(t, http.StatusOK, w.admin(http.MethodPut, path, body).Status)
		}
		require.Equal(t, http.StatusOK, w.admin(http.MethodPut, "/custom:plain", object{"token_url": "https://evil.example/t", "name": "Same"}).Status)
	})
}

func TestCustomProvidersThatAreRefused(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		user := w.SignIn(w.User("user@example.com", "")).AccessToken
		for _, path := range []string{"", "/custom:acme"} {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
				for _, bearer := range []string{"", user} {
					out := w.Call(method, "/admin/custom-providers"+path, bearer, object{})
					require.Contains(t, []int{http.StatusForbidden, http.StatusMethodNotAllowed}, out.Status, method+path)
				}
			}
		}
		oauth := object{"provider_type": "oauth2", "identifier": "custom:new", "name": "New", "client_id": "a", "client_secret": "b", "authorization_url": "https://x.example/a",
			"token_url": "https://x.example/t", "userinfo_url": "https://x.example/u"}
		with := func(key string, value any) object {
			out := object{}
			for k, v := range oauth {
				out[k] = v
			}
			out[key] = value
			return out
		}
		for name, body := range map[string]object{
			"no type":                 with("provider_type", ""),
			"another type":            with("provider_type", "saml"),
			"no identifier":           with("identifier", ""),
			"a path as identifier":    with("identifier", "custom:a/b"),
			"capitals":                with("identifier", "custom:ACME"),
			"a built-in provider":     with("identifier", "google"),
			"auth's own":              with("identifier", "custom:email"),
			"no name":                 with("name", ""),
			"no client":               with("client_id", ""),
			"no secret":               with("client_secret", ""),
			"two lines":               with("client_id", "a\r\nb"),
			"no token address":        with("token_url", ""),
			"no profile":              with("userinfo_url", ""),
			"http":                    with("token_url", "http://x.example/t"),
			"a user in the address":   with("token_url", "https://a:b@x.example/t"),
			"a script":                with("authorization_url", "javascript:alert(1)"),
			"a fragment":              with("authorization_url", "https://x.example/a#b"),
			"another redirect":        with("authorization_params", object{"redirect_uri": "https://evil.example"}),
			"another state":           with("authorization_params", object{"State": "x"}),
			"a role":                  with("attribute_mapping", object{"role": "role"}),
			"app_metadata":            with("attribute_mapping", object{"app_metadata": object{"admin": true}}),
			"a mapping without end":   with("attribute_mapping", object{"name": strings.Repeat("x", 9000)}),
			"scopes that are none":    with("scopes", []string{"a\"b"}),
			"clients without end":     with("acceptable_client_ids", make([]string, 101)),
			"an issuer that is wrong": w.acme(object{"identifier": "custom:new", "issuer": w.idp.URL + "/"}),
			"no issuer":               w.acme(object{"identifier": "custom:new", "issuer": ""}),
			"an issuer without a doc": w.acme(object{"identifier": "custom:new", "issuer": w.idp.URL + "/nothing"}),
		} {
			out := w.admin(http.MethodPost, "", body)
			require.Equal(t, http.StatusBadRequest, out.Status, name+out.Text)
			require.Equal(t, "validation_failed", out.Code(), name)
		}
		for key := range map[string]bool{"issuer": true, "authorization_endpoint": true, "token_endpoint": true, "jwks_uri": true} {
			w.idp.Behave(oidc.Behaviour{Discovery: object{key: nil}})
			out := w.admin(http.MethodPost, "", w.acme(object{"identifier": "custom:new", "discovery_url": w.idp.URL + "/.well-known/openid-configuration?" + key}))
			w.Refused(out, http.StatusBadRequest, "validation_failed")
		}
		w.idp.Behave(oidc.Behaviour{Padding: 1 << 20})
		w.Refused(w.admin(http.MethodPost, "", w.acme(object{"identifier": "custom:new", "discovery_url": w.idp.URL + "/.well-known/openid-configuration?large"})), http.StatusBadRequest, "validation_failed")
		w.idp.Behave(oidc.Behaviour{})
		w.Refused(w.admin(http.MethodPost, "", w.acme(nil)), http.StatusBadRequest, "conflict")
		for _, body := range []object{{"identifier": "custom:other"}, {"provider_type": "oauth2"}, {"issuer": "https://evil.example"}, {"name": ""}} {
			w.Refused(w.admin(http.MethodPut, "/custom:acme", body), http.StatusBadRequest, "validation_failed")
		}
		w.Refused(w.admin(http.MethodGet, "/acme", nil), http.StatusBadRequest, "validation_failed")
		w.Refused(w.admin(http.MethodGet, "?type=saml", nil), http.StatusBadRequest, "validation_failed")
		require.Equal(t, 1, w.Count("select count(*) from custom_oauth_providers"))

		w.Exec(`insert into custom_oauth_providers (provider_type, identifier, name, client_id, client_secret) select 'oauth2', 'custom:n' || n, 'n', 'a', 'b' from generate_series(1, 49) n`)
		w.Refused(w.admin(http.MethodPost, "", oauth), http.StatusBadRequest, "over_quota")
		require.Equal(t, http.StatusOK, w.admin(http.MethodPut, "/custom:acme", object{"name": "Still"}).Status)
	})
}

func TestCustomOAuth2ProvidersAndMappings(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		plain := object{"provider_type": "oauth2", "identifier": "custom:plain", "name": "Plain", "client_id": oidc.ClientID, "client_secret": oidc.ClientSecret, "scopes": []string{"read"},
			"authorization_url": w.idp.URL + "/authorize", "token_url": w.idp.URL + "/token", "userinfo_url": w.idp.URL + "/userinfo",
			"attribute_mapping":       object{"email": "contact.mail", "email_verified": true, "name": "login", "user_name": "login", "preferred_username": "none"},
			"custom_claims_allowlist": []string{"groups", "missing"}, "pkce_enabled": false}
		require.Equal(t, http.StatusCreated, w.admin(http.MethodPost, "", plain).Status)
		w.idp.Behave(oidc.Behaviour{Profile: object{"sub": nil, "id": 90071992547409931, "login": "ada", "contact": object{"mail": "ada@example.com"}, "email": "other@example.com",
			"groups": []string{"a", "b"}, "role": "service_role", "custom_claims": object{"smuggled": true}, "secret": "x"}})
		require.NotContains(t, w.begin("custom:plain", nil), "code_challenge")
		require.NotContains(t, w.begin("custom:plain", nil), "nonce")
		claims := w.signedIn(t, w.login("custom:plain", "ada-1"))
		require.Equal(t, "ada@example.com", claims["email"])
		require.Equal(t, "authenticated", claims["role"])
		data := w.identity("custom:plain")
		require.Equal(t, object{"sub": "90071992547409931", "provider_id": "90071992547409931", "email": "ada@example.com", "email_verified": true, "phone_verified": false,
			"name": "ada", "full_name": "ada", "user_name": "ada", "picture": "https://img.example/ada.png", "avatar_url": "https://img.example/ada.png",
			"custom_claims": map[string]any{"groups": []any{"a", "b"}}}, data)

		// Who signs in at one provider is nobody at another, though the subject is the same.
		w.idp.Behave(oidc.Behaviour{})
		w.idp.Add(oidc.User{Subject: "90071992547409931", Claims: object{"email": "mallory@example.com", "email_verified": true}})
		require.NotEqual(t, claims["sub"], w.signedIn(t, w.login("custom:acme", "90071992547409931"))["sub"])
	})
}

func TestASealedSecretIsOneRows(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		require.Equal(t, http.StatusCreated, w.admin(http.MethodPost, "", w.acme(object{"identifier": "custom:other", "client_secret": "x"})).Status)
		w.Exec("update custom_oauth_providers set client_secret = (select client_secret from custom_oauth_providers where identifier = 'custom:acme') where identifier = 'custom:other'")
		w.Refused(w.Call(http.MethodGet, "/authorize?provider=custom:other", "", nil), http.StatusInternalServerError, "unexpected_failure")
		// One that the project wrote by SQL, or brought along.
		w.Exec("update custom_oauth_providers set client_secret = $1 where identifier = 'custom:other'", oidc.ClientSecret)
		w.signedIn(t, w.login("custom:other", "ada-1"))
	})
}

func TestAThinIDTokenIsCompletedByTheProfile(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.idp.Behave(oidc.Behaviour{ThinIDToken: true})
		claims := w.signedIn(t, w.login("custom:acme", "ada-1"))
		require.Equal(t, "ada@example.com", claims["email"])
		require.Equal(t, "Ada Lovelace", w.identity("custom:acme")["name"])
	})
}
