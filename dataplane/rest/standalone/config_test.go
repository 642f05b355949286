package standalone

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/config"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "postgrest.conf")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, err := Load(Source{})
	require.NoError(t, err)
	require.Equal(t, []string{"public"}, c.Schemas)
	require.Equal(t, []string{"public"}, c.ExtraSearchPath)
	require.Equal(t, "commit", c.TxEnd)
	require.Equal(t, 10, c.Pool)
	require.Equal(t, "pgrst", c.Channel)
	require.True(t, c.ChannelEnabled && c.DBConfig && c.Prepared && c.Recover && c.LegacyNames)
	require.False(t, c.Aggregates || c.Plans || c.Timing || c.Terse)
	require.Zero(t, c.MaxRows)
	require.Equal(t, Address{Host: "!4", Port: 3000, Mode: 0o660}, c.Listen)
	require.Nil(t, c.Admin)
	require.Empty(t, c.Warnings)
}

// TestSources checks that the database wins over the environment, and that over the file.
func TestSources(t *testing.T) {
	t.Parallel()
	file := write(t, `# a comment
db-uri = "postgres://web:hunter\"2@localhost/app" # another
db-schemas = "api, private"
max-rows = 10
db-plan-enabled = true
db-anon-role =
  "web"
jwt-secret = "a$$b$(SUFFIX)-0123456789012345678901234567"
app.settings.Name = "file"
app.settings.other = "kept"
made-up = 1
`)
	c, err := Load(Source{
		File: file, Environ: []string{"SUFFIX=c", "PGRST_DB_MAX_ROWS=20", "PGRST_APP_SETTINGS_NAME=env", "PGRST_DB_EXTRA_SEARCH_PATH=", "PGRST_MADE_UP=1", "HOME=/"},
		Database: map[string]string{"db-max-rows": "30", "db-uri": "no"},
	})
	require.NoError(t, err)
	require.Equal(t, `postgres://web:hunter"2@localhost/app`, c.URI.Reveal())
	require.Equal(t, []string{"api", "private"}, c.Schemas)
	require.Equal(t, int64(30), c.MaxRows)
	require.True(t, c.Plans)
	require.Equal(t, "web", c.AnonRole)
	require.Equal(t, "a$bc-0123456789012345678901234567", c.JWTSecret.Reveal())
	require.Empty(t, c.ExtraSearchPath, "an empty value is a value")
	require.Equal(t, []projectdb.Setting{{Name: "app.settings.Name", Value: "file"}, {Name: "app.settings.name", Value: "env"}, {Name: "app.settings.other", Value: "kept"}}, c.AppSettings)
	require.Len(t, c.Warnings, 3)
	require.Contains(t, strings.Join(c.Warnings, "\n"), `there is no setting "made-up"`)
	require.Contains(t, strings.Join(c.Warnings, "\n"), `PGRST_MADE_UP`)
	require.Contains(t, strings.Join(c.Warnings, "\n"), `"pgrst.db_uri"`)
	dump := c.Dump()
	require.NotContains(t, dump, "hunter")
	require.NotContains(t, dump, "env")
	require.Contains(t, dump, "db-max-rows = 30\n")
	require.Contains(t, dump, `jwt-role-claim-key = "$$.role"`)
}

// TestFaults checks that everything that is wrong is told at once, and that no secret is in it.
func TestFaults(t *testing.T) {
	t.Parallel()
	file := write(t, "db-pool = many\nopen\ndb-channel = \"x\n")
	_, err := Load(Source{File: file, Environ: []string{
		"PGRST_DB_TX_END=maybe", "PGRST_DB_SCHEMAS=pg_catalog", "PGRST_JWT_SECRET=short", "PGRST_DB_URI=postgres://u:hunter2@h:port/d", "PGRST_SERVER_UNIX_SOCKET_MODE=10",
		"PGRST_JWT_ROLE_CLAIM_KEY=role.other", "PGRST_DB_MAX_ROWS=-1", "PGRST_OPENAPI_SERVER_PROXY_URI=ftp://x", "PGRST_SERVER_PORT=70000", "PGRST_DB_PLAN_ENABLED=maybe",
	}})
	var faults config.Faults
	require.ErrorAs(t, err, &faults)
	all := faults.Error()
	for _, want := range []string{"line 2", "line 3", "PGRST_DB_TX_END", "PGRST_DB_SCHEMAS", "PGRST_DB_URI", "PGRST_SERVER_UNIX_SOCKET_MODE",
		"failed to parse role-claim-key value (role.other)", "PGRST_DB_MAX_ROWS", "PGRST_OPENAPI_SERVER_PROXY_URI", "PGRST_SERVER_PORT", "PGRST_DB_PLAN_ENABLED", "PGRST_DB_POOL"} {
		require.Contains(t, all, want)
	}
	require.NotContains(t, all, "hunter2")
	_, err = Load(Source{Environ: []string{"PGRST_JWT_SECRET=short"}})
	require.ErrorContains(t, err, "The JWT secret must be at least 32 characters long")
	_, err = Load(Source{File: "/nowhere/postgrest.conf"})
	require.ErrorContains(t, err, "cannot be read")
	_, err = Load(Source{Environ: []string{"PGRST_DB_URI=@/nowhere"}})
	require.ErrorContains(t, err, "/nowhere cannot be read")
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	secret := write(t, "reallyreallyreallyreallyverysafe\n")
	uri := write(t, "host=/var/run/postgresql user=web dbname=app keepalives=1\n")
	c, err := Load(Source{Environ: []string{"PGRST_JWT_SECRET=@" + secret, "PGRST_DB_URI=@" + uri}})
	require.NoError(t, err)
	require.Equal(t, "reallyreallyreallyreallyverysafe", c.JWTSecret.Reveal())
	p, err := parseTarget(c.URI.Reveal())
	require.NoError(t, err)
	require.Equal(t, "/var/run/postgresql", p.Host)
	require.Equal(t, "app", p.Database)
	require.Equal(t, "web", p.Authenticator.User)
}

// TestExample checks that the example is a file that can be read, and means the defaults.
func TestExample(t *testing.T) {
	t.Parallel()
	var lines []string
	for line := range strings.SplitSeq(Example(), "\n") {
		if text, ok := strings.CutPrefix(line, "# "); ok && strings.Contains(text, " = ") {
			lines = append(lines, text)
		}
	}
	require.Greater(t, len(lines), 30)
	c, err := Load(Source{File: write(t, strings.Join(lines, "\n"))})
	require.NoError(t, err)
	require.Empty(t, c.Warnings)
	defaults, err := Load(Source{})
	require.NoError(t, err)
	require.Equal(t, defaults.Dump()+"", strings.ReplaceAll(c.Dump(), "app.settings.name = \"***\"\n", ""))
}

func FuzzFile(f *testing.F) {
	f.Add("a = \"b$(C)\\n\"\n# x\nb = 1")
	f.Fuzz(func(t *testing.T, in string) {
		entries, faults := parseFile(in, func(string) string { return "" })
		require.LessOrEqual(t, len(entries)+len(faults), len(in)+1)
	})
}
