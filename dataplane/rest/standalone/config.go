// Package standalone runs the REST engine as a server of its own, in PostgREST's place: the same configuration names, the same
// tokens, roles and settings, over one database that its operator owns.
package standalone

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/config"
)

// Config is what the server goes by.
type Config struct {
	// URI is a libpq connection string, as a URI or keywords.
	URI config.Secret
	// Schemas are exposed; the first is the default. ExtraSearchPath is searched besides.
	Schemas, ExtraSearchPath []string
	// AnonRole serves requests without a token; "" for nobody.
	AnonRole string
	// PreRequest, RootSpec and PreConfig are functions, or "".
	PreRequest, RootSpec, PreConfig string
	// DBConfig takes settings from the database too.
	DBConfig bool
	// Channel is listened to for reloads, if ChannelEnabled.
	Channel        string
	ChannelEnabled bool
	// MaxRows bounds results; zero for no bound.
	MaxRows           int64
	Aggregates, Plans bool
	// Prepared keeps statements prepared on the server.
	Prepared bool
	// Hoisted are the settings of a function that its request's transaction takes on.
	Hoisted []string
	// TxEnd is "commit", "commit-allow-override", "rollback" or "rollback-allow-override".
	TxEnd string
	// Pool is the number of connections; the times are how long a request waits for one, how old one may become, and how long one
	// may be idle. Recover tries again when the database is lost; without it the server ends.
	Pool                               int
	PoolWait, PoolLifetime, PoolIdling time.Duration
	Recover                            bool
	// JWTSecret is a passphrase, a JWK or a JWKS; "" refuses tokens.
	JWTSecret config.Secret
	JWTBase64 bool
	// Audience is what a token's "aud" must name, or "".
	Audience  string
	RoleClaim *claimPath
	// TokenCache is how many verified tokens are remembered.
	TokenCache int
	// Terse errors show neither details nor hints.
	Terse                 bool
	OpenAPIMode, ProxyURI string
	OpenAPISecurity       bool
	// Listen and Admin are where to serve; Admin is nil for nowhere.
	Listen Address
	Admin  *Address
	// Origins may use the server from a browser; nil for all.
	Origins     []string
	TraceHeader string
	Timing      bool
	// LogLevel is "crit", "error", "warn", "info" or "debug".
	LogLevel string
	// LegacyNames lets filters name an aliased embed by its relation.
	LegacyNames bool
	// AppSettings are set in each request's transaction.
	AppSettings []projectdb.Setting

	// Warnings tell of keys that nobody knows or that have no effect here.
	Warnings []string
	values   map[string]string
}

// Address is a TCP address, or a unix socket.
type Address struct {
	// Host is a name or address, or one of PostgREST's "*", "*4", "!4", "*6" and "!6".
	Host string
	Port int
	// Socket is a path that is listened on instead, with Mode.
	Socket string
	Mode   fs.FileMode
}

// Source is where configuration comes from. Later ones win: the file, the environment, the database.
type Source struct {
	// File is a path, or "".
	File string
	// Environ is as from os.Environ.
	Environ []string
	// Database holds what the database sets, by key ("db-schemas").
	Database map[string]string
}

// Load reads the configuration. Its error is a config.Faults with everything that is wrong.
func Load(src Source) (*Config, error) {
	l := loader{values: map[string]string{}, app: map[string]string{}}
	if src.File != "" {
		text, err := os.ReadFile(src.File)
		if err != nil {
			return nil, config.Faults{fmt.Sprintf("The file %s cannot be read: %v.", src.File, withoutPath(err))}
		}
		l.file(src.File, string(text), src.Environ)
	}
	l.environment(src.Environ)
	for key, value := range src.Database {
		l.fromDatabase(key, value)
	}
	c := l.config()
	if len(l.faults) > 0 {
		slices.Sort(l.faults)
		return nil, l.faults
	}
	return c, nil
}

// loader collects values by key, and what is wrong with them.
type loader struct {
	values, app map[string]string
	faults      config.Faults
	warnings    []string
}

func (l *loader) fault(format string, args ...any) {
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

// take keeps a value under its key's own name, and reports whether there is such a key.
func (l *loader) take(name, value string) bool {
	if setting, ok := strings.CutPrefix(name, "app.settings."); ok {
		l.app[setting] = value
		return true
	}
	p := byName[name]
	if p == nil {
		return false
	}
	l.values[p.name] = value
	return true
}

func (l *loader) file(path, text string, environ []string) {
	env := func(name string) string {
		for _, e := range environ {
			if v, ok := strings.CutPrefix(e, name+"="); ok {
				return v
			}
		}
		return ""
	}
	entries, faults := parseFile(text, env)
	for _, f := range faults {
		l.fault("%s, %s", path, f)
	}
	for _, e := range entries {
		if !l.take(e.key, e.value) {
			l.warnings = append(l.warnings, fmt.Sprintf("%s, line %d: there is no setting %q; it has no effect.", path, e.line, e.key))
		}
	}
}

func (l *loader) environment(environ []string) {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		rest, ok := strings.CutPrefix(name, "PGRST_")
		if !ok {
			continue
		}
		key := strings.ToLower(strings.ReplaceAll(rest, "_", "-"))
		if setting, ok := strings.CutPrefix(rest, "APP_SETTINGS_"); ok {
			key = "app.settings." + strings.ToLower(setting)
		}
		if !l.take(key, value) {
			l.warnings = append(l.warnings, fmt.Sprintf("The environment has %s, which is no setting; it has no effect.", name))
		}
	}
}

func (l *loader) fromDatabase(key, value string) {
	if p := byName[key]; p == nil && !strings.HasPrefix(key, "app.settings.") || p != nil && !p.database {
		l.warnings = append(l.warnings, fmt.Sprintf("The database sets %q, which cannot be set there; it has no effect.", "pgrst."+strings.ReplaceAll(key, "-", "_")))
		return
	}
	l.take(key, value)
}

func (l *loader) config() *Config {
	c := &Config{values: l.values, Warnings: l.warnings}
	for i := range params {
		p := &params[i]
		value, given := l.values[p.name]
		if !given {
			value = p.def
			l.values[p.name] = value
		}
		if err := p.set(c, value); err != nil {
			if p.secret {
				value = "***"
			}
			l.fault("%s (%s) is %q: %v.", p.env(), p.name, value, err)
		}
	}
	names := make([]string, 0, len(l.app))
	for name := range l.app {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c.AppSettings = append(c.AppSettings, projectdb.Setting{Name: "app.settings." + name, Value: l.app[name]})
	}
	l.check(c)
	return c
}

// check looks at what several settings make together.
func (l *loader) check(c *Config) {
	if c.JWTSecret != "" && c.RoleClaim != nil {
		if _, err := newVerifier(c, nil); err != nil {
			l.fault("%s (jwt-secret) %v.", "PGRST_JWT_SECRET", err)
		}
	}
	if c.Admin != nil && c.Admin.Socket == "" && c.Listen.Socket == "" && c.Admin.Port == c.Listen.Port && c.Admin.Host == c.Listen.Host && c.Admin.Port != 0 {
		l.fault("PGRST_ADMIN_SERVER_PORT (admin-server-port) is %d: it must differ from server-port.", c.Admin.Port)
	}
}

// restart names the settings that differ from old's and count only after a restart.
func (c *Config) restart(old *Config) []string {
	var out []string
	for _, p := range params {
		if !p.reload && c.values[p.name] != old.values[p.name] {
			out = append(out, p.name)
		}
	}
	return out
}

func withoutPath(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// Logger makes a logger of the configured level. What happens to the server itself is logged at every level.
func (c *Config) Logger(w io.Writer) *slog.Logger {
	level := slog.LevelInfo
	if c.LogLevel == "debug" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}
