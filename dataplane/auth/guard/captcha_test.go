package guard_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// TestCaptchas asks a server that answers as the providers document.
func TestCaptchas(t *testing.T) {
	t.Parallel()
	asked := make(chan url.Values, 1)
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ParseForm() != nil || r.Method != http.MethodPost || r.PostForm.Get("secret") != "the secret" {
			_, _ = w.Write([]byte(`{"success":false,"error-codes":["invalid-input-secret"]}`))
			return
		}
		switch r.PostForm.Get("response") {
		case "good":
			asked <- r.PostForm
			_, _ = w.Write([]byte(`{"success":true,"challenge_ts":"2026-11-23T00:00:00Z","hostname":"app.example.com"}`))
		case "broken":
			w.WriteHeader(http.StatusInternalServerError)
		case "page":
			_, _ = w.Write([]byte(`<html>`))
		case "large":
			_, _ = w.Write(make([]byte, 100<<10))
		default:
			_, _ = w.Write([]byte(`{"success":false,"error-codes":["invalid-input-response"]}`))
		}
	}))
	t.Cleanup(provider.Close)
	client := egress.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}).Client(5 * time.Second)
	for _, name := range []string{"hcaptcha", "turnstile"} {
		t.Run(name, func(t *testing.T) {
			g := guard.New(guard.Deps{Client: client, CaptchaURLs: map[string]string{name: provider.URL}})
			human := func(settings setting.Values, role, token string) error {
				r := httptest.NewRequest(http.MethodPost, "/signup", nil)
				r.RemoteAddr = "192.0.2.7:4000"
				session := &projectdb.Session{Project: &directory.Project{Settings: settings}, Caller: projectdb.Caller{Role: role}}
				return g.Human(r, session, guard.Security{Token: token})
			}
			on := setting.Values{"auth.captcha.enabled": true, "auth.captcha.provider": name, "auth.captcha.secret": "the secret"}
			require.NoError(t, human(on, "anon", "good"))
			require.Equal(t, url.Values{"secret": {"the secret"}, "response": {"good"}, "remoteip": {"192.0.2.7"}}, <-asked)
			for token, want := range map[string]string{
				"": "CAPTCHA_FAILED", "  ": "CAPTCHA_FAILED", "used": "CAPTCHA_FAILED",
				"broken": "CAPTCHA_UNAVAILABLE", "page": "CAPTCHA_UNAVAILABLE", "large": "CAPTCHA_UNAVAILABLE",
			} {
				require.Equal(t, want, fault.From(human(on, "anon", token)).Reason, token)
			}
			require.ErrorContains(t, human(on, "anon", "used"), "invalid-input-response")
			require.Equal(t, "CAPTCHA_FAILED", fault.From(human(setting.Values{"auth.captcha.enabled": true, "auth.captcha.provider": name,
				"auth.captcha.secret": "another"}, "anon", "good")).Reason)
			require.NoError(t, human(on, "service_role", ""), "holders of a secret key are no strangers")
			require.NoError(t, human(setting.Values{}, "anon", ""), "it is off")
		})
	}
	provider.Close()
	g := guard.New(guard.Deps{Client: client, CaptchaURLs: map[string]string{"hcaptcha": provider.URL}})
	session := &projectdb.Session{Project: &directory.Project{Settings: setting.Values{"auth.captcha.enabled": true}}, Caller: projectdb.Caller{Role: "anon"}}
	err := g.Human(httptest.NewRequest(http.MethodPost, "/signup", nil), session, guard.Security{Token: "good"})
	require.Equal(t, fault.Unavailable, fault.From(err).Kind, "nobody is let in while the provider is down")
}
