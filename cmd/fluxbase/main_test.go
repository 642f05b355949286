package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/seal"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

func runRoot(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := rootCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestVersion(t *testing.T) {
	t.Parallel()
	text, err := runRoot(t, "version")
	require.NoError(t, err)
	require.Contains(t, text, "fluxbase "+buildVersion())
}

func TestNewMasterKey(t *testing.T) {
	t.Parallel()
	text, err := runRoot(t, "config", "new-master-key")
	require.NoError(t, err)
	_, err = seal.New(strings.TrimSpace(text))
	require.NoError(t, err)
}

func TestConfigPrint(t *testing.T) {
	t.Setenv("FLUXBASE_SERVICE_TOKEN", strings.Repeat("hunter2", 6))
	t.Setenv("FLUXBASE_DOMAIN", "example.com")
	text, err := runRoot(t, "config", "print")
	require.NoError(t, err)
	require.Contains(t, text, "domain: example.com\n")
	require.NotContains(t, text, "hunter2")

	text, err = runRoot(t, "config", "print", "--for", "controlplane")
	var faults config.Faults
	require.ErrorAs(t, err, &faults)
	require.Contains(t, err.Error(), "FLUXBASE_MASTER_KEY is not set")
	require.Contains(t, text, "domain: example.com\n", "it prints in any case")

	_, err = runRoot(t, "config", "print", "--for", "everything")
	require.ErrorAs(t, err, new(usageError))
}

func TestPlanesWantTheirSettings(t *testing.T) {
	for _, name := range []string{"controlplane", "dataplane", "migrate"} {
		_, err := runRoot(t, name)
		var faults config.Faults
		require.ErrorAs(t, err, &faults, name)
	}
}

func TestMigrateAndOperators(t *testing.T) {
	pool := testkit.Database(t, fstest.MapFS{})
	t.Setenv("FLUXBASE_DATABASE_URL", pool.Config().ConnString())
	for range 2 {
		text, err := runRoot(t, "migrate")
		require.NoError(t, err)
		require.Contains(t, text, "up to date")
	}
	text, err := runRoot(t, "migrate", "--projects", "--wait")
	require.NoError(t, err)
	require.Contains(t, text, "0 of 0 projects")
	var queued int
	require.NoError(t, pool.QueryRow(t.Context(), "select count(*) from river_job where kind = 'project_reconcile'").Scan(&queued))
	require.Equal(t, 1, queued)

	_, err = runRoot(t, "operators", "add", "Ada@Example.com")
	require.ErrorContains(t, err, "sign up with it first")
	_, err = pool.Exec(t.Context(), "insert into account (id, email) values (gen_random_uuid(), 'ada@example.com')")
	require.NoError(t, err)
	for range 2 {
		text, err = runRoot(t, "operators", "add", "Ada@Example.com")
		require.NoError(t, err)
		require.Contains(t, text, "is an operator")
	}
	var operator bool
	require.NoError(t, pool.QueryRow(t.Context(), "select operator from account").Scan(&operator))
	require.True(t, operator)
	for _, bad := range []string{"ada", "Ada <ada@example.com>", ""} {
		_, err = runRoot(t, "operators", "add", bad)
		require.ErrorAs(t, err, new(usageError), bad)
	}
	_, err = runRoot(t, "migrate", "--wait")
	require.ErrorAs(t, err, new(usageError))
}
