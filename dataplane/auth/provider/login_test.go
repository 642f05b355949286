package provider_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

func TestLoginByTheImplicitFlow(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		to, err := url.Parse(w.begin("custom:acme", url.Values{"scopes": {"groups extra"}, "prompt": {"consent"}, "state": {"mine"}, "redirect_uri": {"https://evil.example"},
			"nonce": {"mine"}, "client_id": {"another"}, "response_type": {"token"}}))
		require.NoError(t, err)
		query := to.Query()
		require.Equal(t, w.idp.URL+"/authorize", "http://"+to.Host+to.Path)
		require.Equal(t, oidc.ClientID, query.Get("client_id"))
		require.Equal(t, "code", query.Get("response_type"))
		require.Equal(t, w.callback(), query.Get("redirect_uri"))
		require.Equal(t, "openid email profile groups extra", query.Get("scope"))
		require.Equal(t, "consent", query.Get("prompt"), "what the app adds is passed on")
		require.Equal(t, "S256", query.Get("code_challenge_method"))
		require.Len(t, query["nonce"], 1)
		require.NotEqual(t, "mine", query.Get("nonce"))
		require.NotEqual(t, "mine", query.Get("state"))
		for _, ours := range []string{"provider", "redirect_to", "scopes"} {
			require.Empty(t, query.Get(ours))
		}

		out := w.arrive(w.idp.SignIn(t, to.String(), "ada-1"))
		claims := w.signedIn(t, out)
		require.Equal(t, "ada@example.com", claims["email"])
		require.Equal(t, map[string]any{"provider": "custom:acme", "providers": []any{"custom:acme"}}, claims["app_metadata"])
		require.Equal(t, "oauth", claims["amr"].([]any)[0].(map[string]any)["method"])
		said := claims["user_metadata"].(map[string]any)
		require.Equal(t, "Ada Lovelace", said["name"])
		require.Equal(t, true, said["email_verified"])
		require.Equal(t, "ada-1", said["sub"])
		require.Equal(t, w.idp.URL, said["iss"])
		fields := landed(t, out, landing)
		require.NotEmpty(t, fields.Get("provider_token"))
		require.NotEmpty(t, fields.Get("provider_refresh_token"))
		require.NotEmpty(t, fields.Get("refresh_token"))
		require.Equal(t, "bearer", fields.Get("token_type"))
		require.Equal(t, "no-referrer", out.Header.Get("Referrer-Policy"))
		require.Equal(t, 0, w.Count("select count(*) from oauth_client_states"))
		require.Equal(t, 0, w.Count("select count(*) from flow_state"))
		require.Equal(t, 1, w.Count("select count(*) from audit_log_entries where payload->>'action' = 'user_signedup'"))

		again := w.signedIn(t, w.login("custom:acme", "ada-1"))
		require.Equal(t, claims["sub"], again["sub"])
		require.Equal(t, 1, w.Count("select count(*) from users"))
		require.Equal(t, 1, w.Count("select count(*) from audit_log_entries where payload->>'action' = 'login' and payload->'traits'->>'provider' = 'custom:acme'"))
	})
}

func TestLoginByPKCE(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		verifier, query := challenge()
		out := w.arrive(w.idp.SignIn(t, w.begin("keycloak", query), "ada-1"))
		fields := landed(t, out, landing)
		code := fields.Get("code")
		require.NotEmpty(t, code)
		require.Empty(t, fields.Get("access_token"))
		require.Equal(t, 0, w.Count("select count(*) from sessions"), "a session begins with the exchange")

		granted := w.exchange(code, verifier)
		require.Equal(t, http.StatusOK, granted.Status, granted.Text)
		require.NotEmpty(t, granted.Str("provider_token"))
		require.NotEmpty(t, granted.Str("provider_refresh_token"))
		require.Equal(t, "ada@example.com", granted.User()["email"])
		require.Equal(t, "keycloak", granted.User()["app_metadata"].(map[string]any)["provider"])
		w.Refused(w.exchange(code, verifier), http.StatusNotFound, "flow_state_not_found")

		_, query = challenge()
		fields = landed(t, w.arrive(w.idp.SignIn(t, w.begin("keycloak", query), "ada-1")), landing)
		w.Refused(w.exchange(fields.Get("code"), verifier), http.StatusBadRequest, "bad_code_verifier")
	})
}

func TestSignInsThatNobodyCameBackFromGo(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		_, query := challenge()
		for range 3 {
			w.begin("keycloak", nil)
			landed(t, w.arrive(w.idp.SignIn(t, w.begin("keycloak", query), "ada-1")), landing) // whose code nobody takes
		}
		require.Equal(t, 6, w.Count("select count(*) from flow_state"))
		w.Exec("update flow_state set created_at = now() - interval '2 hours'")
		w.Exec("update oauth_client_states set created_at = now() - interval '2 hours'")
		w.Exec("insert into flow_state (id, provider_type, authentication_method, created_at) values (gen_random_uuid(), 'email', 'magiclink', now() - interval '2 hours')")
		w.begin("keycloak", nil)
		require.Equal(t, 2, w.Count("select count(*) from flow_state"), "this one, and one that is not ours")
		require.Equal(t, 1, w.Count("select count(*) from oauth_client_states"))
		require.Zero(t, w.Count("select count(*) from flow_state where provider_access_token is not null"))
	})
}

func TestTheAddressCanBeAskedForWithoutARedirect(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		out := w.Call(http.MethodGet, "/authorize?provider=custom:acme&skip_http_redirect=true&redirect_to="+url.QueryEscape(landing), "", nil)
		require.Equal(t, http.StatusOK, out.Status, out.Text)
		require.NotContains(t, out.Str("url"), "skip_http_redirect")
		w.signedIn(t, w.arrive(w.idp.SignIn(t, out.Str("url"), "ada-1")))
	})
}

func TestWhatCannotBegin(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for name, row := range map[string]struct{ query, message string }{
			"a provider that is off":        {"provider=google", "Unsupported provider: provider is not enabled"},
			"no such provider":              {"provider=myspace", "Unsupported provider: Provider myspace could not be found"},
			"no provider":                   {"", "Unsupported provider: Provider  could not be found"},
			"no such custom provider":       {"provider=custom:other", "Unsupported provider: Provider custom:other could not be found"},
			"a custom provider with NUL":    {"provider=custom:%00", "Unsupported provider: Provider custom:? could not be found"},
			"a method without a challenge":  {"provider=keycloak&code_challenge_method=s256", "PKCE flow requires code_challenge_method and code_challenge"},
			"a challenge that is too short": {"provider=keycloak&code_challenge_method=s256&code_challenge=short", "code challenge has to be between 43 and 128 characters of the alphabet of RFC 7636"},
			"scopes that are none":          {"provider=keycloak&scopes=a%0Ab", "scopes must be words of RFC 6749, with spaces between them"},
			"parameters without end":        {"provider=keycloak&x=" + string(make([]byte, 0)) + longWord, "The parameters for the provider are longer than 8192 bytes"},
		} {
			out := w.Call(http.MethodGet, "/authorize?"+row.query, "", nil)
			w.Refused(out, http.StatusBadRequest, "validation_failed")
			require.Equal(t, row.message, out.Str("msg"), name)
		}
		w.Refused(w.Call(http.MethodGet, "/authorize?provider=keycloak&invite_token=none", "", nil), http.StatusNotFound, "user_not_found")
		require.Equal(t, http.StatusBadRequest, w.Call(http.MethodHead, "/authorize?provider=keycloak", "", nil).Status)
		bare := w.with(map[string]string{"auth.external.keycloak.secret": `""`})
		require.Equal(t, "Unsupported provider: missing OAuth secret", bare.Call(http.MethodGet, "/authorize?provider=keycloak", "", nil).Str("msg"))
		bare = w.with(map[string]string{"auth.external.keycloak.client_id": `[]`})
		require.Equal(t, "Unsupported provider: missing OAuth client ID", bare.Call(http.MethodGet, "/authorize?provider=keycloak", "", nil).Str("msg"))
		bare = w.with(map[string]string{"auth.external.keycloak.url": `""`})
		require.Equal(t, "Unsupported provider: unable to find URL for the keycloak provider", bare.Call(http.MethodGet, "/authorize?provider=keycloak", "", nil).Str("msg"))
		bare = w.with(map[string]string{"auth.external.azure.enabled": "true", "auth.external.azure.client_id": `["a"]`, "auth.external.azure.secret": `"b"`,
			"auth.external.azure.url": `"https://login.microsoftonline.com/contoso.onmicrosoft.com"`})
		require.Contains(t, bare.Call(http.MethodGet, "/authorize?provider=azure", "", nil).Str("msg"), "name the tenant of Microsoft by its id")
		require.Equal(t, 0, w.Count("select count(*) from flow_state"))
		require.Equal(t, 0, w.Count("select count(*) from oauth_client_states"))
	})
}

var longWord = func() string {
	word := make([]byte, 9<<10)
	for i := range word {
		word[i] = 'x'
	}
	return string(word)
}()
