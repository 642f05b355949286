package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

// TestPasskeysInABrowser runs supabase/passkey.mjs: auth-js as it is published registers passkeys and security keys with a virtual authenticator of
// Chromium, on a page of the project's site_url, and signs in with them.
func TestPasskeysInABrowser(t *testing.T) {
	t.Parallel()
	in := install(t)
	installPackages(t)
	installBrowserPackages(t)
	owner := in.signUp(t, "ada")
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		p := owner.create(t, "Keys", shared)
		app, elsewhere := page(t), page(t)
		_, err := owner.projects.UpdateSettings(t.Context(), &controlplanev1.UpdateSettingsRequest{Ref: p.ref, Values: map[string]string{
			"auth.passkey.enabled": "true", "auth.site_url": `"` + app + `"`,
			"auth.mfa.webauthn.enroll_enabled": "true", "auth.mfa.webauthn.verify_enabled": "true",
		}})
		require.NoError(t, err)
		// One way in each: the other ways are the walk's.
		address := p.url
		if shared {
			address = p.pathURL
		}
		t.Run(name, func(t *testing.T) {
			p.script(t, "passkey.mjs", 12, "PROJECT_URL="+address, "APP="+app, "ELSEWHERE="+elsewhere, "HOME="+t.TempDir())
		})
	}
}

// page serves an empty page at an origin of its own, which browsers take for secure.
func page(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><title>App</title>"))
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

// installBrowserPackages fetches what drives the browser, as the console's lock file pins it, unless `make test` has done so.
func installBrowserPackages(t *testing.T) {
	t.Helper()
	console := filepath.Join("..", "..", "console")
	if _, err := os.Stat(filepath.Join(console, "node_modules", "playwright-core")); err == nil {
		return
	}
	npm := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
	npm.Dir = console
	out, err := npm.CombinedOutput()
	require.NoError(t, err, string(out))
}
