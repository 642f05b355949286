package setting

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var functionName = regexp.MustCompile(`^([a-z_][a-z0-9_]{0,39}\.)?[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// reservedSchemas hold the services' own tables and are never exposed by REST.
var reservedSchemas = []string{"auth", "storage", "realtime", "fluxbase", "information_schema"}

// definitions are those of every service.
var definitions = slices.Concat(restSettings, authSettings, authFactorSettings, authMessageSettings, authProviderSettings(), storageSettings)

var restSettings = []Definition{
	{Key: "rest.schemas", Type: StringList, Default: []string{"public"}, check: checkSchemas,
		Description: "Schemas that REST serves; the first is the default."},
	{Key: "rest.extra_search_path", Type: StringList, Default: []string{"public", "extensions"}, check: checkSearchPath,
		Description: "Schemas searched after the one asked for."},
	{Key: "rest.max_rows", Type: Integer, Default: int64(1000), Min: 1, Max: 1000000,
		Description: "The most rows that one REST answer has."},
	{Key: "rest.expose_new_tables", Type: Boolean, Default: false,
		Description: "Whether new tables are granted to anon and authenticated. Off, each table needs a grant."},
	{Key: "rest.statement_timeout_ms", Type: Integer, Default: int64(0), Min: 0, Max: 3600000,
		Description: "The longest that a statement of a request may run; 0 for the plan's limit, which it cannot exceed."},
	{Key: "rest.aggregates_enabled", Type: Boolean, Default: false,
		Description: "Whether requests of /rest/v1 may aggregate: count(), sum(), avg(), min(), max(). It lets anyone who may read a table ask for work on all of it."},
	{Key: "rest.plan_enabled", Type: Boolean, Default: false,
		Description: "Whether requests may ask for execution plans (application/vnd.pgrst.plan). For development: plans tell of the schema and its data."},
	{Key: "rest.openapi_mode", Type: String, Default: "follow-privileges", OneOf: []string{"follow-privileges", "ignore-privileges", "disabled"},
		Description: "What the OpenAPI description shows: what the caller may use, everything exposed, or nothing."},
	{Key: "rest.pre_request", Type: String, Default: "", check: checkFunction,
		Description: "A function without arguments, as name or schema.name, that runs in each request's transaction before its statement; it may refuse. Empty for none."},
	{Key: "rest.tx_end", Type: String, Default: "commit-allow-override", OneOf: []string{"commit", "commit-allow-override", "rollback", "rollback-allow-override"},
		Description: "How transactions of requests end, and whether Prefer: tx may choose."},
	{Key: "rest.require_filter", Type: Boolean, Default: false,
		Description: "Whether updates and deletions without a filter are refused."},
	{Key: "rest.max_embed_depth", Type: Integer, Default: int64(16), Min: 1, Max: 32,
		Description: "How deep resources may be embedded in one another."},
	{Key: "rest.max_query_cost", Type: Integer, Default: int64(0), Min: 0, Max: 1_000_000_000_000,
		Description: "Reads that the planner reckons to cost more are refused; 0 for no limit. With a limit, reads that are not by key take one more round trip."},
	{Key: "rest.legacy_target_names", Type: Boolean, Default: true,
		Description: "Whether filters may name an aliased embed by its relation. PostgREST will end this; the answer warns."},
	{Key: "rest.server_timing", Type: Boolean, Default: false,
		Description: "Whether answers tell in Server-Timing how long their parts took."},
	{Key: "api.aggregates_enabled", Type: Boolean, Default: true,
		Description: "Whether requests of /api/v1 may group rows and aggregate: group_by, count(*), sum(x). As costly as count=exact."},
	{Key: "api.cache_control", Type: String, Default: "private, no-cache", check: checkHeader,
		Description: "The header Cache-Control of what /api/v1 answers to reads."},
}

func checkSchemas(v any) error {
	list := v.([]string)
	if len(list) == 0 {
		return errors.New("name at least one schema")
	}
	for _, s := range list {
		if slices.Contains(reservedSchemas, s) {
			return fmt.Errorf("schema %q belongs to Fluxbase and cannot be exposed", s)
		}
	}
	return checkSearchPath(v)
}

// checkHeader takes what can stand in a header.
func checkHeader(v any) error {
	for _, c := range []byte(v.(string)) {
		if c < ' ' || c > '~' {
			return errors.New("use printable ASCII only")
		}
	}
	return nil
}

// checkSearchPath takes whatever Postgres takes as a name: whoever writes SQL quotes it.
func checkSearchPath(v any) error {
	for _, s := range v.([]string) {
		if s == "" || len(s) > 40 || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || strings.HasPrefix(s, "pg_") {
			return fmt.Errorf("%q is not a schema name: use up to 40 bytes without control characters, not starting with pg_", s)
		}
	}
	return nil
}

func checkFunction(v any) error {
	if name := v.(string); name != "" && !functionName.MatchString(name) {
		return fmt.Errorf("%q is not a function: write name or schema.name, of letters, digits and _", name)
	}
	return nil
}

func checkURL(v any) error {
	u, err := url.Parse(v.(string))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("must be an http or https URL")
	}
	return nil
}
