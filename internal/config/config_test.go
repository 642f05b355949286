package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/seal"
)

func none() []string { return []string{} }

func writeFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fluxbase.yaml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func TestOrder(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.String("domain", "", "")
	flags.String("listen", "", "")
	flags.Bool("s3-path-style", true, "")
	require.NoError(t, flags.Parse([]string{"--listen", "127.0.0.1:7000", "--s3-path-style=false"}))

	c, err := config.Load(config.Source{
		Environ: []string{
			"FLUXBASE_CONFIG=" + writeFile(t, "domain: file.test\nlog_level: debug\ns3: {region: from-file, access_key: a, secret_key: b}\noperators: [a@file.test, b@file.test]\n"),
			"FLUXBASE_S3_REGION=from-env", "FLUXBASE_DOMAIN=env.test", "FLUXBASE_CONTROLPLANE_LISTEN=:1",
			"FLUXBASE_TRUSTED_PROXIES=10.0.0.0/8, 192.168.0.1", "FLUXBASE_DELETE_GRACE=1h", "FLUXBASE_SERVICE_HOST=from.kubernetes", "HOME=/x",
		},
		Flags: flags, Paths: map[string]string{"listen": "controlplane.listen"},
	})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:7000", c.Controlplane.Listen, "a flag wins")
	require.Equal(t, "env.test", c.Domain, "a flag that was not given says nothing")
	require.Equal(t, "from-env", c.S3.Region)
	require.Equal(t, "a", c.S3.AccessKey)
	require.Equal(t, config.Secret("b"), c.S3.SecretKey)
	require.False(t, c.S3.PathStyle)
	require.Equal(t, "debug", c.LogLevel)
	require.Equal(t, []string{"a@file.test", "b@file.test"}, c.Operators)
	require.Equal(t, []string{"10.0.0.0/8", "192.168.0.1"}, c.TrustedProxies)
	require.Equal(t, time.Hour, c.DeleteGrace)
	require.Equal(t, ":8001", c.Dataplane.Listen, "a default")
}

func TestEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Load(config.Source{
		File: writeFile(t, "nonsense: 1\ns3: {colour: red}\ndatabase_url: {a: b}\n"),
		Environ: []string{
			"FLUXBASE_SMTP_PORT=many", "FLUXBASE_DELETE_GRACE=soon", "FLUXBASE_S3_PATH_STYLE=perhaps", "FLUXBASE_LOG_LEVEL=loud",
			"FLUXBASE_PUBLIC_URL=console", "FLUXBASE_DOMAIN=Https://X", "FLUXBASE_REDIS_URL=http://u:hunter2@x", "FLUXBASE_SERVICE_TOKEN=short",
			"FLUXBASE_MASTER_KEY=hunter2", "FLUXBASE_TRUSTED_PROXIES=everyone", "FLUXBASE_OPERATORS=me", "FLUXBASE_PROJECT_URL=https://example.com",
			"FLUXBASE_DATAPLANE_MAX_CONNECTIONS=0", "FLUXBASE_METRICS_LISTEN=nine", "FLUXBASE_SMTP_HOST=mail", "FLUXBASE_SMTP_TLS=maybe",
			"FLUXBASE_S3_BUCKET_PREFIX=UPPER", "FLUXBASE_EGRESS_ALLOW=inside", "FLUXBASE_JOBS_URL=http://jobs", "FLUXBASE_DRAIN_TIMEOUT=0s",
		},
	}, config.ForControlplane, config.ForDataplane)
	var faults config.Faults
	require.ErrorAs(t, err, &faults)
	text := err.Error()
	for _, name := range []string{
		"SMTP_PORT", "DELETE_GRACE", "S3_PATH_STYLE", "LOG_LEVEL", "PUBLIC_URL", "DOMAIN", "REDIS_URL", "SERVICE_TOKEN", "MASTER_KEY", "TRUSTED_PROXIES",
		"OPERATORS", "PROJECT_URL", "DATAPLANE_MAX_CONNECTIONS", "METRICS_LISTEN", "SMTP_FROM", "SMTP_TLS", "S3_BUCKET_PREFIX", "DRAIN_TIMEOUT",
		"S3_ENDPOINT", "S3_SECRET_KEY", "EGRESS_ALLOW", "JOBS_URL", "WORKER_URL", "DATABASE_URL",
	} {
		require.Contains(t, text, "  - FLUXBASE_"+name+" ")
	}
	require.Contains(t, text, `"nonsense"`)
	require.Contains(t, text, `"s3.colour"`)
	require.NotContains(t, text, "hunter2")
}

func TestProductionHasNoDefaultSecret(t *testing.T) {
	t.Parallel()
	_, err := config.Load(config.Source{Environ: none()}, config.ForControlplane)
	var faults config.Faults
	require.ErrorAs(t, err, &faults)
	for _, name := range []string{"MASTER_KEY", "SERVICE_TOKEN", "DATABASE_URL", "REDIS_URL", "S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "PUBLIC_URL", "WORKER_URL"} {
		require.Contains(t, err.Error(), "FLUXBASE_"+name+" is not set: ")
	}
	require.Len(t, faults, 9)

	_, err = config.Load(config.Source{Environ: none()}, config.ForControlplane, config.ForDataplane)
	require.ErrorAs(t, err, &faults)
	require.Len(t, faults, 11, "what both planes need is asked for once: %v", err)
}

func TestCompleteProduction(t *testing.T) {
	t.Parallel()
	key, err := seal.NewKey()
	require.NoError(t, err)
	c, err := config.Load(config.Source{Environ: []string{
		"FLUXBASE_MASTER_KEY=" + key, "FLUXBASE_SERVICE_TOKEN=" + strings.Repeat("x", 32), "FLUXBASE_DATABASE_URL=postgres://u:p@db/fluxbase",
		"FLUXBASE_REDIS_URL=redis://redis:6379", "FLUXBASE_S3_ENDPOINT=https://s3.test", "FLUXBASE_S3_ACCESS_KEY=a", "FLUXBASE_S3_SECRET_KEY=b",
		"FLUXBASE_PUBLIC_URL=https://console.example.com", "FLUXBASE_WORKER_URL=https://api.example.com:8443", "FLUXBASE_DOMAIN=example.com",
		"FLUXBASE_JOBS_URL=postgres://u:p@db/fluxbase_jobs", "FLUXBASE_EGRESS_ALLOW=10.1.0.0/16, 10.2.3.4",
	}}, config.ForControlplane, config.ForDataplane)
	require.NoError(t, err)
	require.Equal(t, "https://abc.example.com:8443", c.ProjectBaseURL("abc"))
	require.Equal(t, "https://api.example.com:8443/p/abc", c.PathURL("abc"))
	require.Equal(t, "https://console.example.com", c.Dataplane.DirectoryURL)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("10.2.3.4/32")}, c.EgressNetworks())
}

func TestJobsHaveADatabaseOfTheirOwn(t *testing.T) {
	t.Parallel()
	for control, jobs := range map[string]string{
		"postgres://u:p@db/fluxbase": "postgresql://other:p@DB:5432/fluxbase?sslmode=require", "postgres://fluxbase:p@db:6000": "postgres://fluxbase@db:6000/",
	} {
		_, err := config.Load(config.Source{Environ: []string{"FLUXBASE_DATABASE_URL=" + control, "FLUXBASE_JOBS_URL=" + jobs}}, config.ForDatabase)
		require.ErrorContains(t, err, "FLUXBASE_JOBS_URL names the control database")
	}
	for control, jobs := range map[string]string{
		"postgres://u:p@db/fluxbase": "postgres://u:p@db/fluxbase_jobs", "postgres://u:p@db:6000/fluxbase": "postgres://u:p@db/fluxbase", "postgres://u:p@one/x": "",
	} {
		_, err := config.Load(config.Source{Environ: []string{"FLUXBASE_DATABASE_URL=" + control, "FLUXBASE_JOBS_URL=" + jobs}}, config.ForDatabase)
		require.NoError(t, err)
	}
}

func TestDevAddresses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, listen, domain, public, project string }{
		{"default", "localhost:8000", "localhost", "http://localhost:8000", "http://abc.localhost:8000"},
		{"every address", ":8000", "localhost", "http://localhost:8000", "http://abc.localhost:8000"},
		{"one address", "10.1.2.3:80", "dev.test", "http://dev.test", "http://abc.dev.test"},
		{"ipv6", "[fd00::1]:99", "localhost", "http://[fd00::1]:99", "http://abc.localhost:99"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			defaults := config.Default()
			defaults.Dev, defaults.Listen, defaults.Domain = true, "127.0.0.1:0", test.domain
			c, err := config.Load(config.Source{Defaults: &defaults, Environ: none()}, config.ForDev)
			require.NoError(t, err)
			require.Empty(t, c.PublicURL, "the port is not known yet")
			c = c.Listening(test.listen)
			require.Equal(t, test.public, c.PublicURL)
			require.Equal(t, test.public+"/p/abc", c.PathURL("abc"))
			require.Equal(t, test.project, c.ProjectBaseURL("abc"))
			require.NoError(t, c.Check(config.ForDev))
		})
	}
}

func TestSecretsRedactThemselves(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.MasterKey, c.DatabaseURL, c.S3.SecretKey = "hunter2", "postgres://me:hunter2@db:5432/control?password=hunter2", "hunter2"
	printed, err := c.Print()
	require.NoError(t, err)
	encoded, err := json.Marshal(c)
	require.NoError(t, err)
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "key", c.MasterKey, "config", c)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "key", c.MasterKey, "config", c)
	for _, text := range []string{
		printed, string(encoded), logged.String(), fmt.Sprintf("%v %+v %#v %s %q %x %d", c, c, c, c.MasterKey, c.MasterKey, c.MasterKey, c.MasterKey),
	} {
		require.NotContains(t, text, "hunter2")
		require.NotContains(t, text, fmt.Sprintf("%x", "hunter2"))
	}
	require.Contains(t, printed, "postgres://me:***@db:5432/control\n")
	require.Equal(t, "hunter2", c.MasterKey.Reveal(), "the original is untouched")
}

func TestPrintedFormCanBeReadAgain(t *testing.T) {
	t.Parallel()
	want := config.Default()
	want.Operators, want.DeleteGrace = []string{"a@b.test"}, 90*time.Minute
	printed, err := want.Print()
	require.NoError(t, err)
	got, err := config.Load(config.Source{File: writeFile(t, printed), Environ: none()})
	require.NoError(t, err)
	again, err := got.Print()
	require.NoError(t, err)
	require.Equal(t, want.Operators, got.Operators)
	require.Equal(t, want.DeleteGrace, got.DeleteGrace)
	require.Contains(t, again, "delete_grace: 1h30m0s")
}

func TestMissingFile(t *testing.T) {
	t.Parallel()
	_, err := config.Load(config.Source{File: "no/such/file.yaml", Environ: none()})
	require.ErrorContains(t, err, "no/such/file.yaml cannot be read")
}

func TestMistypedVariablesAreFaults(t *testing.T) {
	t.Parallel()
	_, err := config.Load(config.Source{Environ: []string{
		"FLUXBASE_DATABSE_URL=postgres://x", "FLUXBASE_S3_ACCESSKEY=x", "FLUXBASE_COLOUR_OF_THE_SKY=blue", "FLUXBASE_DATABASE_URL_=x",
		"FLUXBASE_DATAPLANE_MAX_CONNECTION=3", "FLUXBASE_SMPT_PORT=25",
		// These are no settings, but none of them is a mistake.
		"FLUXBASE_CONFIG=", "FLUXBASE_URL=http://x", "FLUXBASE_ACCESS_TOKEN=x", "FLUXBASE_POSTGRES_BIN=/x", "FLUXBASE_POSTGRES_USER=x",
		"FLUXBASE_TEST_DATABASE_URL=x", "FLUXBASE_BENCH_SECONDS=1", "FLUXBASE_BIN=x", "FLUXBASES=x", "OTHER=x",
		"FLUXBASE_SERVICE_HOST=10.0.0.1", "FLUXBASE_SERVICE_PORT_HTTP=80", "FLUXBASE_PORT=tcp://10.0.0.1:80", "FLUXBASE_PORT_80_TCP_ADDR=10.0.0.1",
		"FLUXBASE_CONTROLPLANE_SERVICE_PORT=80", "FLUXBASE_CONTROLPLANE_PORT_8000_TCP=tcp://10.0.0.1:8000",
	}})
	var faults config.Faults
	require.ErrorAs(t, err, &faults)
	require.Len(t, faults, 6, "%s", err)
	for name, meant := range map[string]string{
		"DATABSE_URL": "DATABASE_URL", "S3_ACCESSKEY": "S3_ACCESS_KEY", "DATABASE_URL_": "DATABASE_URL", "SMPT_PORT": "SMTP_PORT",
		"DATAPLANE_MAX_CONNECTION": "DATAPLANE_MAX_CONNECTIONS",
	} {
		require.Contains(t, faults, "FLUXBASE_"+name+" is no setting: set FLUXBASE_"+meant+" if that is meant, or take it out of the environment.")
	}
	require.Contains(t, err.Error(), "FLUXBASE_COLOUR_OF_THE_SKY is no setting: `fluxbase config print` shows all there are")
}
