package standalone

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/internal/config"
)

// param is a setting: its name in a file, and how its text becomes part of a Config.
type param struct {
	name, def, help string
	// quoted values are text in a file; others are numbers and truth values.
	quoted bool
	// reload tells that a change counts without a restart, database that the database may set it.
	reload, database, secret bool
	aliases                  []string
	set                      func(c *Config, value string) error
}

func (p *param) env() string { return "PGRST_" + strings.ToUpper(strings.ReplaceAll(p.name, "-", "_")) }

var byName = func() map[string]*param {
	out := map[string]*param{}
	for i := range params {
		out[params[i].name] = &params[i]
		for _, alias := range params[i].aliases {
			out[alias] = &params[i]
		}
	}
	return out
}()

// params are all settings, in the order of their names.
var params = []param{
	{name: "admin-server-host", quoted: true, help: "address of the admin server; that of the server unless given",
		set: func(c *Config, v string) error { return c.admin(func(a *Address) { a.Host = v }, v == "") }},
	{name: "admin-server-port", help: "port of the admin server with /live and /ready; none unless given", set: setAdminPort},
	{name: "admin-server-unix-socket", quoted: true, help: "unix socket of the admin server, in place of a port",
		set: func(c *Config, v string) error { return c.admin(func(a *Address) { a.Socket = v }, v == "") }},
	{name: "client-error-verbosity", def: "verbose", quoted: true, reload: true, help: "verbose, or minimal for errors without details and hints",
		set: oneOf(func(c *Config, v string) { c.Terse = v == "minimal" }, "verbose", "minimal")},
	{name: "db-aggregates-enabled", def: "false", reload: true, database: true, help: "allow aggregate functions",
		set: boolean(func(c *Config, v bool) { c.Aggregates = v })},
	{name: "db-anon-role", quoted: true, reload: true, database: true, help: "role of requests without a token; without one they are refused",
		set: text(func(c *Config, v string) { c.AnonRole = v })},
	{name: "db-channel", def: "pgrst", quoted: true, help: "channel on which NOTIFY asks for a reload", set: text(func(c *Config, v string) { c.Channel = v })},
	{name: "db-channel-enabled", def: "true", help: "listen on db-channel", set: boolean(func(c *Config, v bool) { c.ChannelEnabled = v })},
	{name: "db-config", def: "true", reload: true, help: "take settings from the database too", set: boolean(func(c *Config, v bool) { c.DBConfig = v })},
	{name: "db-extra-search-path", def: "public", quoted: true, reload: true, database: true, help: "schemas that are searched besides the exposed one",
		set: func(c *Config, v string) error { c.ExtraSearchPath = list(v); return nil }},
	{name: "db-hoisted-tx-settings", def: "statement_timeout,plan_filter.statement_cost_limit,default_transaction_isolation", quoted: true, reload: true, database: true,
		help: "settings of a function that its request's transaction takes on", set: func(c *Config, v string) error { c.Hoisted = list(v); return nil }},
	{name: "db-max-rows", reload: true, database: true, aliases: []string{"max-rows"}, help: "most rows of an answer; no limit unless given", set: setMaxRows},
	{name: "db-plan-enabled", def: "false", reload: true, database: true, help: "allow Accept: application/vnd.pgrst.plan",
		set: boolean(func(c *Config, v bool) { c.Plans = v })},
	{name: "db-pool", def: "10", help: "most connections to the database", set: whole(1, 100_000, func(c *Config, v int) { c.Pool = v })},
	{name: "db-pool-acquisition-timeout", def: "10", help: "seconds that a request waits for a connection",
		set: whole(1, math.MaxInt32, func(c *Config, v int) { c.PoolWait = time.Duration(v) * time.Second })},
	{name: "db-pool-automatic-recovery", def: "true", reload: true, help: "try again when the database is lost; else the server ends",
		set: boolean(func(c *Config, v bool) { c.Recover = v })},
	{name: "db-pool-max-idletime", def: "30", aliases: []string{"db-pool-timeout"}, help: "seconds that an unused connection is kept",
		set: whole(1, math.MaxInt32, func(c *Config, v int) { c.PoolIdling = time.Duration(v) * time.Second })},
	{name: "db-pool-max-lifetime", def: "1800", help: "seconds that a connection is used",
		set: whole(1, math.MaxInt32, func(c *Config, v int) { c.PoolLifetime = time.Duration(v) * time.Second })},
	{name: "db-pre-config", quoted: true, reload: true, database: true, help: "function that sets settings of the database's", set: function(func(c *Config, v string) { c.PreConfig = v })},
	{name: "db-pre-request", quoted: true, reload: true, database: true, aliases: []string{"pre-request"}, help: "function that runs before each request",
		set: function(func(c *Config, v string) { c.PreRequest = v })},
	{name: "db-prepared-statements", def: "true", help: "false behind a pooler that shares connections between transactions",
		set: boolean(func(c *Config, v bool) { c.Prepared = v })},
	{name: "db-root-spec", quoted: true, reload: true, database: true, aliases: []string{"root-spec"}, help: "function that answers at the root",
		set: function(func(c *Config, v string) { c.RootSpec = v })},
	{name: "db-schemas", def: "public", quoted: true, reload: true, database: true, aliases: []string{"db-schema"}, help: "schemas to expose; the first is the default", set: setSchemas},
	{name: "db-timezone-enabled", def: "true", reload: true, database: true, help: "accepted, without effect", set: boolean(func(*Config, bool) {})},
	{name: "db-tx-end", def: "commit", quoted: true, help: "commit, commit-allow-override, rollback or rollback-allow-override",
		set: oneOf(func(c *Config, v string) { c.TxEnd = v }, "commit", "commit-allow-override", "rollback", "rollback-allow-override")},
	{name: "db-uri", def: "postgresql://", quoted: true, secret: true, help: "connection string of libpq, or @file that holds it", set: setURI},
	{name: "jwt-aud", quoted: true, reload: true, database: true, help: "audience that a token which names any must name", set: setAudience},
	{name: "jwt-cache-max-entries", def: "1000", reload: true, database: true, help: "verified tokens to remember; 0 for none",
		set: whole(0, 10_000_000, func(c *Config, v int) { c.TokenCache = v })},
	{name: "jwt-cache-max-lifetime", def: "0", reload: true, database: true, help: "accepted, without effect", set: whole(0, math.MaxInt32, func(*Config, int) {})},
	{name: "jwt-role-claim-key", def: "$.role", quoted: true, reload: true, database: true, aliases: []string{"role-claim-key"}, help: "JSON path of the role in a token's claims", set: setRoleClaim},
	{name: "jwt-secret", quoted: true, reload: true, database: true, secret: true, help: "passphrase of 32 characters or more, JWK, JWKS, or @file that holds one", set: setSecret},
	{name: "jwt-secret-is-base64", def: "false", reload: true, database: true, aliases: []string{"secret-is-base64"}, help: "jwt-secret is base64",
		set: boolean(func(c *Config, v bool) { c.JWTBase64 = v })},
	{name: "log-level", def: "error", quoted: true, help: "crit, error, warn, info or debug",
		set: oneOf(func(c *Config, v string) { c.LogLevel = v }, "crit", "error", "warn", "info", "debug")},
	{name: "log-query", def: "false", quoted: true, reload: true, help: "accepted, without effect: the database logs statements (log_statement)",
		set: oneOf(func(*Config, string) {}, "false", "true", "disabled", "main-query")},
	{name: "openapi-mode", def: "follow-privileges", quoted: true, reload: true, database: true, help: "follow-privileges, ignore-privileges or disabled",
		set: oneOf(func(c *Config, v string) { c.OpenAPIMode = v }, "follow-privileges", "ignore-privileges", "disabled")},
	{name: "openapi-security-active", def: "false", reload: true, database: true, help: "describe the bearer token in the description",
		set: boolean(func(c *Config, v bool) { c.OpenAPISecurity = v })},
	{name: "openapi-server-proxy-uri", quoted: true, reload: true, database: true, aliases: []string{"server-proxy-uri"}, help: "address that the description names", set: setProxy},
	{name: "server-cors-allowed-origins", quoted: true, reload: true, database: true, help: "origins that may use the server from a browser; all unless given",
		set: func(c *Config, v string) error { c.Origins = list(v); return nil }},
	{name: "server-host", def: "!4", quoted: true, help: "address to serve on; *, *4, !4, *6 and !6 are any", set: text(func(c *Config, v string) { c.Listen.Host = v })},
	{name: "server-port", def: "3000", help: "port to serve on; 0 for any that is free", set: whole(0, 65535, func(c *Config, v int) { c.Listen.Port = v })},
	{name: "server-reuseport", def: "false", help: "must be false: run one process, it uses all processors", set: oneOf(func(*Config, string) {}, "false")},
	{name: "server-timing-enabled", def: "false", reload: true, database: true, help: "tell in Server-Timing how long the parts of an answer took",
		set: boolean(func(c *Config, v bool) { c.Timing = v })},
	{name: "server-trace-header", quoted: true, reload: true, database: true, help: "request header that the answer repeats", set: text(func(c *Config, v string) { c.TraceHeader = v })},
	{name: "server-unix-socket", quoted: true, help: "unix socket to serve on, in place of a port", set: text(func(c *Config, v string) { c.Listen.Socket = v })},
	{name: "server-unix-socket-mode", def: "660", quoted: true, help: "mode of the unix socket, from 600 to 777", set: setMode},
	{name: "url-use-legacy-target-names", def: "true", reload: true, help: "let filters name an embed by its relation though it has an alias",
		set: boolean(func(c *Config, v bool) { c.LegacyNames = v })},
}

func text(set func(*Config, string)) func(*Config, string) error {
	return func(c *Config, v string) error { set(c, v); return nil }
}

func boolean(set func(*Config, bool)) func(*Config, string) error {
	return func(c *Config, v string) error {
		switch strings.ToLower(v) {
		case "true", "yes", "on", "1":
			set(c, true)
		case "false", "no", "off", "0":
			set(c, false)
		default:
			return errors.New("it must be true or false")
		}
		return nil
	}
}

func whole(least, most int, set func(*Config, int)) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			return fmt.Errorf("it must be a whole number from %d to %d", least, most)
		}
		set(c, n)
		return nil
	}
}

func oneOf(set func(*Config, string), allowed ...string) func(*Config, string) error {
	return func(c *Config, v string) error {
		if !slices.Contains(allowed, v) {
			return fmt.Errorf("it must be one of %s", strings.Join(allowed, ", "))
		}
		set(c, v)
		return nil
	}
}

// function takes the name of a function, with or without its schema.
func function(set func(*Config, string)) func(*Config, string) error {
	return func(c *Config, v string) error {
		if strings.Count(v, ".") > 1 && !strings.Contains(v, `"`) {
			return errors.New("it must be the name of a function, or of its schema and the function with a dot between them")
		}
		set(c, v)
		return nil
	}
}

// list takes what commas part, without the spaces around.
func list(v string) []string {
	var out []string
	for part := range strings.SplitSeq(v, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func (c *Config) admin(set func(*Address), unset bool) error {
	if unset {
		return nil
	}
	if c.Admin == nil {
		c.Admin = &Address{Port: -1, Mode: 0o660}
	}
	set(c.Admin)
	return nil
}

func setAdminPort(c *Config, v string) error {
	if v == "" {
		return nil
	}
	return whole(0, 65535, func(c *Config, n int) { _ = c.admin(func(a *Address) { a.Port = n }, false) })(c, v)
}

func setMaxRows(c *Config, v string) error {
	if v == "" {
		return nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 {
		return errors.New("it must be a whole number, not negative")
	}
	c.MaxRows = n
	return nil
}

func setSchemas(c *Config, v string) error {
	c.Schemas = list(v)
	if len(c.Schemas) == 0 {
		return errors.New("it must name a schema")
	}
	for _, s := range c.Schemas {
		if s == "pg_catalog" || s == "information_schema" {
			return fmt.Errorf("%s cannot be exposed", s)
		}
	}
	return nil
}

// external reads what "@file" stands for.
func external(v string) (string, error) {
	path, ok := strings.CutPrefix(v, "@")
	if !ok {
		return v, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("the file %s cannot be read: %w", path, withoutPath(err))
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

func setURI(c *Config, v string) error {
	v, err := external(v)
	if err != nil {
		return err
	}
	c.URI = config.Secret(v)
	_, err = parseTarget(v)
	return err
}

func setSecret(c *Config, v string) error {
	v, err := external(v)
	c.JWTSecret = config.Secret(v)
	return err
}

func setAudience(c *Config, v string) error {
	c.Audience = v
	if u, err := url.Parse(v); strings.Contains(v, ":") && (err != nil || u.Scheme == "") {
		return errors.New("what has a colon must be a URI")
	}
	return nil
}

func setRoleClaim(c *Config, v string) (err error) {
	c.RoleClaim, err = parseClaimPath(v)
	return err
}

func setProxy(c *Config, v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("it must be an http or https address")
	}
	c.ProxyURI = v
	return nil
}

func setMode(c *Config, v string) error {
	mode, err := strconv.ParseUint(v, 8, 32)
	if err != nil || mode < 0o600 || mode > 0o777 {
		return errors.New("it must be an octal number from 600 to 777")
	}
	c.Listen.Mode = fs.FileMode(mode)
	return nil
}
