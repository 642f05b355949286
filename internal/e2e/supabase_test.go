package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

// TestSupabaseJS runs supabase/check.mjs, which uses supabase-js as it is published, against a project of each isolation, by
// path and by host.
func TestSupabaseJS(t *testing.T) {
	t.Parallel()
	in := install(t)
	installPackages(t)
	owner := in.signUp(t, "ada")
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		p := owner.create(t, "Notes", shared)
		p.sql(t, filepath.Join("supabase", "schema.sql"))
		for route, environment := range p.routes() {
			t.Run(name+" "+route, func(t *testing.T) { p.script(t, "check.mjs", 30, environment...) })
		}
	}
}

// TestSupabaseREST runs the scripts supabase/rest_*.mjs in the same ways: all that postgrest-js can ask for. What settings switch on
// is refused first, and then asked for.
func TestSupabaseREST(t *testing.T) {
	t.Parallel()
	in := install(t)
	installPackages(t)
	owner := in.signUp(t, "ada")
	for name, shared := range map[string]bool{"database": false, "schema": true} {
		p := owner.create(t, "Books", shared)
		p.sql(t, filepath.Join("supabase", "rest.sql"))
		for route, environment := range p.routes() {
			t.Run(name+" "+route, func(t *testing.T) {
				p.script(t, "rest_read.mjs", 45, environment...)
				p.script(t, "rest_write.mjs", 25, environment...)
			})
		}
		settings := map[string]string{"rest.aggregates_enabled": "true", "rest.plan_enabled": "true"}
		var other []string
		if !shared { // a project in a schema has no others
			p.sql(t, filepath.Join("supabase", "rest_other.sql"))
			settings["rest.schemas"] = `["public","other"]`
			other = []string{"OTHER_SCHEMA=1"}
		}
		_, err := owner.projects.UpdateSettings(t.Context(), &controlplanev1.UpdateSettingsRequest{Ref: p.ref, Values: settings})
		require.NoError(t, err)
		for route, environment := range p.routes() {
			t.Run(name+" "+route+" with settings", func(t *testing.T) { p.script(t, "rest_settings.mjs", 4, append(environment, other...)...) })
		}
	}
}

// routes are the ways to a project, and what tells them to a script.
func (p *project) routes() map[string][]string {
	return map[string][]string{"by path": {"PROJECT_URL=" + p.pathURL}, "by host": {"PROJECT_URL=" + p.url, "ADDRESS=" + p.owner.in.url}}
}

// script runs a script of supabase/ and requires at least so many checks.
func (p *project) script(t *testing.T, file string, checks int, environment ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", file)
	cmd.Dir = "supabase"
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PUBLISHABLE_KEY=" + p.publishable, "SECRET_KEY=" + p.secret,
		"ANON_KEY=" + p.anon, "SERVICE_ROLE_KEY=" + p.serviceRole}, environment...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
	require.GreaterOrEqual(t, strings.Count("\n"+string(out), "\nok "), checks, "checks must not go missing")
}

// installPackages fetches what the script imports, as the lock file pins it, unless `make test` has done so.
func installPackages(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("supabase", "node_modules", "tus-js-client")); err == nil { // the last that was added
		return
	}
	npm := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
	npm.Dir = "supabase"
	out, err := npm.CombinedOutput()
	require.NoError(t, err, string(out))
}
