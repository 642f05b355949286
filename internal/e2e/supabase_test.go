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
		for route, environment := range map[string][]string{
			"by path": {"PROJECT_URL=" + p.pathURL},
			"by host": {"PROJECT_URL=" + p.url, "ADDRESS=" + in.url},
		} {
			t.Run(name+" "+route, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				script := exec.CommandContext(ctx, "node", "check.mjs")
				script.Dir = "supabase"
				script.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PUBLISHABLE_KEY=" + p.publishable, "SECRET_KEY=" + p.secret,
					"ANON_KEY=" + p.anon, "SERVICE_ROLE_KEY=" + p.serviceRole}, environment...)
				out, err := script.CombinedOutput()
				t.Logf("%s", out)
				require.NoError(t, err)
				require.GreaterOrEqual(t, strings.Count("\n"+string(out), "\nok "), 30, "checks must not go missing")
			})
		}
	}
}

// installPackages fetches what the script imports, as the lock file pins it, unless `make test` has done so.
func installPackages(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("supabase", "node_modules", "@supabase", "supabase-js")); err == nil {
		return
	}
	npm := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
	npm.Dir = "supabase"
	out, err := npm.CombinedOutput()
	require.NoError(t, err, string(out))
}
