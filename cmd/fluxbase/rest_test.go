package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/config"
)

func TestRestConfiguration(t *testing.T) {
	text, err := runRoot(t, "rest", "--example")
	require.NoError(t, err)
	require.Contains(t, text, `# db-uri = "postgresql://"`)

	file := filepath.Join(t.TempDir(), "postgrest.conf")
	require.NoError(t, os.WriteFile(file, []byte("db-schemas = \"api\"\ndb-config = false\njwt-secret = \"hunter2hunter2hunter2hunter2hunter2\"\n"), 0o600))
	t.Setenv("PGRST_DB_MAX_ROWS", "7")
	text, err = runRoot(t, "rest", file, "--dump-config")
	require.NoError(t, err)
	require.Contains(t, text, "db-schemas = \"api\"\n")
	require.Contains(t, text, "db-max-rows = 7\n")
	require.NotContains(t, text, "hunter2")

	t.Setenv("PGRST_DB_MAX_ROWS", "many")
	_, err = runRoot(t, "rest", file)
	require.ErrorAs(t, err, new(config.Faults))
	require.ErrorContains(t, err, "PGRST_DB_MAX_ROWS")
}
