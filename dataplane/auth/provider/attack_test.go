package provider_test

import (
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
	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

func TestIDTokensAndProfilesThatAreNotRight(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a secret went to another address") }))
		t.Cleanup(elsewhere.Close)
		w.signedIn(t, w.login("custom:acme", "ada-1")) // so that the keys are known, and each is refused for its own reason
		w.Exec("delete from users")
		claims := func(c object) oidc.Behaviour { return oidc.Behaviour{Claims: c} }
		for name, b := range map[string]oidc.Behaviour{
			"of another issuer":                        claims(object{"iss": "https://accounts.google.com"}),
			"of the issuer with a slash":               claims(object{"iss": w.idp.URL + "/"}),
			"for another client":                       claims(object{"aud": "another-projects-client"}),
			"for two clients, asked for by another":    claims(object{"aud": []string{oidc.ClientID, "another"}, "azp": "another"}),
			"for nobody":                               claims(object{"aud": nil}),
			"without the nonce":                        claims(object{"nonce": nil}),
			"with the nonce of another flow":           claims(object{"nonce": strings.Repeat("a", 64)}),
			"expired":                                  claims(object{"exp": time.Now().Add(-time.Minute).Unix()}),
			"without an end":                           claims(object{"exp": nil}),
			"of the future":                            claims(object{"nbf": time.Now().Add(time.Hour).Unix()}),
			"without a subject":                        claims(object{"sub": nil}),
			"with a subject of control characters":     claims(object{"sub": "a\x00b"}),
			"with a subject without end":               claims(object{"sub": strings.Repeat("a", 256)}),
			"for another access token":                 claims(object{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
			"without a signature":                      {Algorithm: "none"},
			"signed with the client's secret":          {Algorithm: "HS256"},
			"signed with the public key as a secret":   {Algorithm: "HS256 with the public key"},
			"signed with another key of the same name": {ForeignKey: true},
			"missing":                                  {NoIDToken: true},
			"with a profile of somebody else":          {ThinIDToken: true, Profile: object{"sub": "ada-1"}},
			"with a profile of nobody":                 {ThinIDToken: true, Profile: object{"sub": nil}},
			"with a profile without end":               {ThinIDToken: true, Padding: 2 << 20},
			"from a token endpoint that sends us on":   {RedirectToken: elsewhere.URL + "/token"},
			"with an access token that is two headers": {Tokens: object{"access_token": "a\r\nX-Evil: b", "id_token": nil}},
			"without an access token":                  {Tokens: object{"access_token": ""}},
		} {
			address := w.begin("custom:acme", nil)
			w.idp.Behave(b)
			out := w.arrive(w.idp.SignIn(t, address, "eve-1"))
			w.idp.Behave(oidc.Behaviour{})
			fields := refused(t, out, landing, "unexpected_failure")
			require.Equal(t, "server_error", fields.Get("error"), name)
			require.Contains(t, []string{"Error getting user profile from external provider", "Unable to exchange external code"}, fields.Get("error_description"), name)
			require.Zero(t, w.Count("select count(*) from users"), name)
		}
		w.signedIn(t, w.login("custom:acme", "ada-1"))
	})
}

func TestAnIDTokenForSeveralOfOursIsTaken(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.idp.Behave(oidc.Behaviour{Claims: object{"aud": []string{"resource", oidc.ClientID}, "azp": oidc.ClientID}})
		w.signedIn(t, w.login("keycloak", "ada-1"))
	})
}

func TestKeysAreReplacedWhenTheIssuerReplacesThem(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.signedIn(t, w.login("custom:acme", "ada-1"))
		require.Equal(t, 1, w.idp.Calls("/keys"))
		w.signedIn(t, w.login("custom:acme", "ada-1"))
		require.Equal(t, 1, w.idp.Calls("/keys"), "keys are remembered")
		require.Equal(t, 1, w.idp.Calls("/.well-known/openid-configuration"))

		w.idp.Behave(oidc.Behaviour{ForeignKey: true})
		for range 5 {
			refused(t, w.login("custom:acme", "ada-1"), landing, "unexpected_failure")
		}
		require.LessOrEqual(t, w.idp.Calls("/keys"), 2, "made-up keys do not become requests")
		w.idp.Behave(oidc.Behaviour{})

		w.idp.Rotate()
		*w.clock += 5 * time.Second
		w.signedIn(t, w.login("custom:acme", "ada-1"))

		*w.clock += 31 * time.Minute
		calls := w.idp.Calls("/.well-known/openid-configuration")
		w.idp.Behave(oidc.Behaviour{Discovery: object{"issuer": "https://another.example"}})
		refused(t, w.arriveAnyhow("custom:acme"), site, "bad_oauth_state")
		out := w.Call(http.MethodGet, "/authorize?provider=custom:acme", "", nil)
		w.Refused(out, http.StatusInternalServerError, "unexpected_failure")
		require.Greater(t, w.idp.Calls("/.well-known/openid-configuration"), calls, "what an issuer published is believed for a while only")
	})
}

// arriveAnyhow is a callback without a flow.
func (w *world) arriveAnyhow(string) authtest.Answer {
	return w.Call(http.MethodGet, "/callback?code=abc&state="+uuid.NewString(), "", nil)
}

func TestStates(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for name, row := range map[string]struct{ query, code, message string }{
			"no state":               {"code=abc", "bad_oauth_callback", "OAuth state parameter missing"},
			"no UUID":                {"code=abc&state=abc", "bad_oauth_state", "OAuth callback with invalid state"},
			"a UUID in another form": {"code=abc&state=urn:uuid:" + uuid.NewString(), "bad_oauth_state", "OAuth callback with invalid state"},
			"an unknown one":         {"code=abc&state=" + uuid.NewString(), "bad_oauth_state", "OAuth callback with invalid state"},
			"an error without state": {"error=access_denied", "bad_oauth_callback", "OAuth state parameter missing"},
		} {
			out := w.Call(http.MethodGet, "/callback?"+row.query+"&redirect_to=https://evil.example", "", nil)
			require.Equal(t, row.message, refused(t, out, site, row.code).Get("error_description"), name)
		}

		// One that was used.
		back := w.idp.SignIn(t, w.begin("custom:acme", nil), "ada-1")
		require.Equal(t, http.StatusBadRequest, w.Call(http.MethodHead, "/callback?"+back.Fields.Encode(), "", nil).Status, "a preview does not use it up")
		w.signedIn(t, w.arrive(back))
		refused(t, w.arrive(back), site, "bad_oauth_state")

		// One that failed is used too.
		back = w.idp.SignIn(t, w.begin("custom:acme", nil), "ada-1")
		code := back.Fields.Get("code")
		back.Fields.Set("code", "wrong")
		refused(t, w.arrive(back), landing, "unexpected_failure")
		back.Fields.Set("code", code)
		refused(t, w.arrive(back), site, "bad_oauth_state")

		// One without a code, and one whose code was used.
		back = w.idp.SignIn(t, w.begin("custom:acme", nil), "ada-1")
		used := back.Fields.Get("code")
		w.signedIn(t, w.arrive(back))
		back = w.idp.SignIn(t, w.begin("custom:acme", nil), "ada-1")
		back.Fields.Del("code")
		refused(t, w.arrive(back), landing, "bad_oauth_callback")
		back = w.idp.SignIn(t, w.begin("custom:acme", nil), "ada-1")
		back.Fields.Set("code", used)
		refused(t, w.arrive(back), landing, "unexpected_failure")

		// One of eleven minutes ago.
		back = w.idp.SignIn(t, w.begin("custom:acme", nil), "ada-1")
		*w.clock = 11 * time.Minute
		refused(t, w.arrive(back), site+"/welcome", "bad_oauth_state")
		*w.clock = 0

		// One of a flow of another kind: a mail's.
		id := uuid.New()
		w.Exec(`insert into flow_state (id, provider_type, authentication_method, referrer, created_at) values ($1, 'email', 'magiclink', $2, now())`, id, landing)
		refused(t, w.Call(http.MethodGet, "/callback?code=abc&state="+id.String(), "", nil), site, "bad_oauth_state")
		require.Equal(t, 1, w.Count("select count(*) from flow_state where id = $1", id))
		require.Equal(t, 1, w.Count("select count(*) from users"))
	})
}

func TestAStateIsOneProjects(t *testing.T) {
	t.Parallel()
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := newWorld(t, authtest.New(t, shared)), newWorld(t, authtest.New(t, shared))
			back := first.idp.SignIn(t, first.begin("custom:acme", nil), "ada-1")
			out := second.Call(http.MethodGet, "/callback?"+back.Fields.Encode(), "", nil)
			refused(t, out, site, "bad_oauth_state")
			require.Zero(t, second.Count("select count(*) from users"))
			first.signedIn(t, first.arrive(back))
		})
	}
}

func TestCodesAndFlowsThatDoNotBelongTogether(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		// The code of one flow in another, of the same provider and of two.
		for _, names := range [][2]string{{"custom:acme", "custom:acme"}, {"custom:acme", "keycloak"}, {"keycloak", "custom:acme"}} {
			victim := w.idp.SignIn(t, w.begin(names[0], nil), "ada-1")
			attacker := w.idp.SignIn(t, w.begin(names[1], nil), "eve-1")
			attacker.Fields.Set("code", victim.Fields.Get("code"))
			refused(t, w.arrive(attacker), landing, "unexpected_failure")
		}
		// A provider that sends the browser on to another tells its name, or the other's (RFC 9207).
		w.idp.Behave(oidc.Behaviour{Callback: map[string]string{"iss": "https://honest.example"}})
		refused(t, w.login("custom:acme", "ada-1"), landing, "bad_oauth_callback")
		w.idp.Behave(oidc.Behaviour{Callback: map[string]string{"iss": w.idp.URL}})
		w.signedIn(t, w.login("custom:acme", "ada-1"))
		// A row whose provider was changed behind the state's back.
		w.idp.Behave(oidc.Behaviour{})
		back := w.idp.SignIn(t, w.begin("custom:acme", nil), "ada-1")
		w.Exec("update flow_state set provider_type = 'keycloak'")
		refused(t, w.arrive(back), site, "bad_oauth_state")
	})
}

func TestOneStateInTwoWindows(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		back := w.idp.SignIn(t, w.begin("custom:acme", nil), "ada-1")
		var outs [4]authtest.Answer
		var done sync.WaitGroup
		for i := range outs {
			done.Go(func() { outs[i] = w.arrive(back) })
		}
		done.Wait()
		in := 0
		for _, out := range outs {
			if strings.Contains(out.Header.Get("Location"), "access_token=") {
				in++
			}
		}
		require.Equal(t, 1, in)
		require.Equal(t, 1, w.Count("select count(*) from sessions"))
	})
}

func TestWhereBrowsersAreSent(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for _, evil := range []string{"https://evil.example/", "https://app.example.com.evil.example/", "https://app.example.com@evil.example/", "//evil.example",
			"javascript:alert(1)", "https:\\\\evil.example", "data:text/html,x"} {
			out := w.arrive(w.idp.SignIn(t, w.begin("custom:acme", url.Values{"redirect_to": {evil}}), "ada-1"))
			require.NotEmpty(t, landed(t, out, site).Get("access_token"), evil)
		}
		out := w.arrive(w.idp.SignIn(t, w.begin("custom:acme", url.Values{"redirect_to": {"myapp://callback"}}), "ada-1"))
		require.NotEmpty(t, landed(t, out, "myapp://callback").Get("access_token"))

		// An address that the project takes back while the person is away.
		back := w.idp.SignIn(t, w.begin("custom:acme", url.Values{"redirect_to": {"myapp://callback"}}), "ada-1")
		landed(t, w.with(map[string]string{"auth.redirect_urls": `[]`}).arrive(back), site)

		// Headers do not say where the callback is.
		r := httptest.NewRequest(http.MethodGet, "/authorize?provider=custom:acme&apikey=x", nil)
		r.Host = "evil.example"
		for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-Url", "Referer", "Origin", "Forwarded"} {
			r.Header.Set(name, "https://evil.example")
		}
		to, err := url.Parse(w.Do(r, "").Header.Get("Location"))
		require.NoError(t, err)
		require.Equal(t, w.callback(), to.Query().Get("redirect_uri"))
		require.NotContains(t, to.String(), "evil")
		require.NotContains(t, to.String(), "apikey")
		landed(t, w.arrive(w.idp.SignIn(t, to.String(), "ada-1")), site)
	})
}

func TestAPersonWhoSaysNo(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.idp.Behave(oidc.Behaviour{Refuse: "access_denied"})
		back := w.idp.SignIn(t, w.begin("custom:acme", nil), "ada-1")
		fields := landed(t, w.arrive(back), landing)
		require.Equal(t, "access_denied", fields.Get("error"))
		require.Equal(t, "The person said no.", fields.Get("error_description"))
		refused(t, w.arrive(back), site, "bad_oauth_state")

		// What the provider says is cut, and cannot become a header or another field.
		back = w.idp.SignIn(t, w.begin("custom:acme", nil), "ada-1")
		back.Fields.Set("error", "a\r\nLocation: https://evil.example")
		back.Fields.Set("error_description", "x&access_token=stolen#access_token=stolen\r\n"+strings.Repeat("y", 1000))
		out := w.arrive(back)
		fields = landed(t, out, landing)
		require.Empty(t, fields.Get("access_token"))
		require.LessOrEqual(t, len(fields.Get("error_description")), 300)
		require.NotContains(t, out.Header.Get("Location"), "\n")
	})
}

func TestAProviderThatTakesItsTime(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		hold := make(chan struct{})
		w.idp.Behave(oidc.Behaviour{Hold: hold})
		quick := w.within(t, 200*time.Millisecond)
		out := quick.login("custom:acme", "ada-1")
		close(hold)
		refused(t, out, landing, "unexpected_failure")
		require.Zero(t, w.Count("select count(*) from pg_stat_activity where datname = current_database() and usename = current_user and state like 'idle in transaction%'"))
		require.Zero(t, w.Count("select count(*) from users"))
	})
}

func TestProvidersInsideAreNotAsked(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		closed := w.closed(t)
		asked := w.idp.Calls("/.well-known/openid-configuration")
		for _, issuer := range []string{w.idp.URL, "http://169.254.169.254", strings.Replace(w.idp.URL, "http://", "https://", 1), "https://localhost:1", "file:///etc/passwd"} {
			out := closed.Call(http.MethodPost, "/admin/custom-providers", authtest.Secret, w.acme(object{"identifier": "custom:inside", "issuer": issuer}))
			w.Refused(out, http.StatusBadRequest, "validation_failed")
			require.NotContains(t, out.Text, "127.0.0.1:", "what is inside is not told")
		}
		// One that was let in before, or written by SQL.
		out := closed.Call(http.MethodGet, "/authorize?provider=custom:acme", "", nil)
		require.NotEqual(t, http.StatusFound, out.Status)
		out = closed.Call(http.MethodGet, "/authorize?provider=keycloak", "", nil)
		closed.Refused(out, http.StatusBadRequest, "validation_failed")
		// A discovery document that leads inside.
		for key, value := range map[string]string{"token_endpoint": "http://10.0.0.1/token", "jwks_uri": "ftp://x/keys", "authorization_endpoint": "javascript:alert(1)", "userinfo_endpoint": "http://192.168.0.1/"} {
			w.idp.Behave(oidc.Behaviour{Discovery: object{key: value}})
			out := w.Call(http.MethodPost, "/admin/custom-providers", authtest.Secret, w.acme(object{"identifier": "custom:inside", "discovery_url": w.idp.URL + "/.well-known/openid-configuration?" + key}))
			w.Refused(out, http.StatusBadRequest, "validation_failed")
		}
		require.Equal(t, asked+4, w.idp.Calls("/.well-known/openid-configuration"))
	})
}
