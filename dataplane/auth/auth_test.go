package auth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth"
	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// mount puts the whole service behind the bundle's router.
func mount(b *authtest.Bundle) {
	service := auth.New(auth.Deps{Log: testkit.Logger(b.T), Hashes: 2, Version: "test", Messages: b.Messages, Egress: b.Egress, Revoker: b.Revoked})
	b.Router = protocol.NewRouter(testkit.Logger(b.T))
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		b.Router.Handle(method, "/*", func(w http.ResponseWriter, r *http.Request, _ *projectdb.Session) error {
			service.ServeHTTP(w, r)
			return nil
		})
	}
}

func TestSettingsHealthAndKeys(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		out := b.With(map[string]string{"auth.disable_signup": "true"}).Call("GET", "/settings", "", nil)
		require.Equal(t, 200, out.Status)
		require.Equal(t, true, out.Body["external"].(map[string]any)["email"])
		require.Equal(t, false, out.Body["external"].(map[string]any)["google"])
		require.Equal(t, true, out.Body["disable_signup"])
		require.Equal(t, true, out.Body["mailer_autoconfirm"])

		require.Equal(t, "test", b.Call("GET", "/health", "", nil).Str("version"))

		out = b.Call("GET", "/.well-known/jwks.json", "", nil)
		require.Equal(t, "public, max-age=600", out.Header.Get("Cache-Control"))
		key := out.Body["keys"].([]any)[0].(map[string]any)
		require.Equal(t, b.Project.SigningKey.ID, key["kid"])
		require.Equal(t, "ES256", key["alg"])
		require.NotContains(t, key, "d", "the private half stays here")

		b.Refused(b.Call("GET", "/nothing", "", nil), 404, "not_found")
		out = b.Call("GET", "/signup", "", nil)
		b.Refused(out, 405, "method_not_allowed")
		require.Equal(t, "POST", out.Header.Get("Allow"))
		b.Refused(b.Call("POST", "/token?grant_type=magic", "", `{}`), 400, "invalid_credentials")
		b.Refused(b.Call("POST", "/token", "", `{}`), 400, "invalid_credentials")
	})
}

func TestTheWholeOfASessionThroughTheService(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		made := b.Call("POST", "/signup", "", `{"email":"ada@example.com","password":"correct horse"}`)
		require.Equal(t, 200, made.Status, made.Text)
		in := b.Call("POST", "/token?grant_type=password", "", `{"email":"ada@example.com","password":"correct horse"}`)
		require.Equal(t, 200, in.Status, in.Text)
		again := b.Call("POST", "/token?grant_type=refresh_token", "", map[string]any{"refresh_token": in.Str("refresh_token")})
		require.Equal(t, 200, again.Status, again.Text)
		require.Equal(t, 204, b.Call("POST", "/logout", again.Str("access_token"), nil).Status)
		b.Refused(b.Call("POST", "/token?grant_type=refresh_token", "", map[string]any{"refresh_token": again.Str("refresh_token")}), 400, "refresh_token_not_found")
		require.Zero(t, b.Count("select count(*) from sessions"))
	})
}

// Every error is in GoTrue's dialect, also where the router refuses.
func TestRefusalsOfTheRouterAreDated(t *testing.T) {
	authtest.Both(t, mount, func(t *testing.T, b *authtest.Bundle) {
		r := httptest.NewRequest(http.MethodGet, "/nothing", nil)
		r.Header.Set("X-Supabase-Api-Version", "2024-01-01")
		out := b.Do(r, "")
		require.Equal(t, 404, out.Status)
		require.Equal(t, "not_found", out.Str("code"))
	})
}
