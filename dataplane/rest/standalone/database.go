package standalone

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// parseTarget makes the one project of the server of a connection string.
func parseTarget(uri string) (*directory.Project, error) {
	cfg, err := projectdb.ParseConnString(uri)
	if err != nil {
		return nil, err
	}
	return &directory.Project{
		ID: "standalone", Ref: "standalone", Status: directory.Active, ConnString: uri,
		Host: cfg.Host, Port: int(cfg.Port), Database: cmp.Or(cfg.Database, cfg.User),
		Authenticator: directory.Login{User: cfg.User},
	}, nil
}

// connect opens a connection apart from the pool, for the server's own needs.
func connect(ctx context.Context, uri config.Secret) (*pgx.Conn, error) {
	cfg, err := projectdb.ParseConnString(uri.Reveal())
	if err != nil {
		return nil, err
	}
	cfg.RuntimeParams["application_name"] = cmp.Or(cfg.RuntimeParams["application_name"], "fluxbase")
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	cfg.ConnectTimeout = connectTimeout
	return pgx.ConnectConfig(ctx, cfg)
}

const connectTimeout = 10 * time.Second

// hopeless reports whether trying again would not help: the server is there and does not let us in.
func hopeless(err error) bool {
	code := pg.Code(err)
	return strings.HasPrefix(code, "28") || code == "3D000"
}

// roleSettings are what a role's requests take on.
type roleSettings struct {
	settings  []projectdb.Setting
	isolation string
}

// ownSettings lists what ALTER ROLE … SET pgrst.… gives the login, the database's own before those of all databases.
const ownSettings = `select distinct on (key) substr(key, 7), value from (
  select d.setdatabase, split_part(item, '=', 1) as key, substr(item, strpos(item, '=') + 1) as value
  from pg_catalog.pg_db_role_setting d, unnest(d.setconfig) item
  where d.setrole = (select oid from pg_catalog.pg_roles where rolname = session_user)
    and d.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_catalog))) settings
where key like 'pgrst.%' order by key, setdatabase desc`

// rolesSQL lists the settings of roles that the login may become, as far as any role may set them.
const rolesSQL = `select distinct on (role, key) role, key, value from (
  select r.rolname as role, d.setdatabase, split_part(item, '=', 1) as key, substr(item, strpos(item, '=') + 1) as value
  from pg_catalog.pg_db_role_setting d
  join pg_catalog.pg_roles r on r.oid = d.setrole, unnest(d.setconfig) item
  where d.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_catalog))
    and r.rolname <> session_user and pg_catalog.pg_has_role(session_user, r.oid, 'member')) settings
join pg_catalog.pg_settings s on s.name = key and s.context = 'user'
where key not in ('search_path', 'role', 'session_authorization') order by role, key, setdatabase desc`

// databaseConfig reads the settings that the database has for the server: those of the login, and over them those that the
// function c.PreConfig sets.
func databaseConfig(ctx context.Context, conn *pgx.Conn, preConfig string) (map[string]string, error) {
	out := map[string]string{}
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := pairs(ctx, tx, out, ownSettings); err != nil {
			return err
		}
		if preConfig == "" {
			preConfig = out["db-pre-config"]
		}
		if preConfig == "" {
			return nil
		}
		if _, err := tx.Exec(ctx, "select "+functionName(preConfig)+"()"); err != nil {
			return fmt.Errorf("run db-pre-config %s: %w", preConfig, err)
		}
		var names []string
		for i := range params {
			if params[i].database {
				names = append(names, strings.ReplaceAll(params[i].name, "-", "_"))
			}
		}
		return pairs(ctx, tx, out, `select name, pg_catalog.current_setting('pgrst.' || name, true) from unnest($1::text[]) name
			where pg_catalog.current_setting('pgrst.' || name, true) is not null`, names)
	})
	return out, err
}

func pairs(ctx context.Context, tx pgx.Tx, out map[string]string, sql string, args ...any) error {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	var key, value string
	_, err = pgx.ForEachRow(rows, []any{&key, &value}, func() error {
		name := strings.ReplaceAll(key, "_", "-")
		if setting, ok := strings.CutPrefix(key, "app_settings_"); ok {
			name = "app.settings." + setting
		}
		out[name] = value
		return nil
	})
	return err
}

// functionName quotes "function" or "schema.function".
func functionName(name string) string {
	if strings.Contains(name, `"`) {
		if parts, ok := quotedParts(name); ok {
			return pg.Ident(parts...)
		}
	}
	schema, function, ok := strings.Cut(name, ".")
	if !ok {
		return pg.Ident(name)
	}
	return pg.Ident(schema, function)
}

// quotedParts reads `"schema"."function"`, either without its quotes when it needs none.
func quotedParts(name string) ([]string, bool) {
	var out []string
	for rest := name; ; {
		var part string
		if inner, ok := strings.CutPrefix(rest, `"`); ok {
			end := strings.IndexByte(inner, '"')
			if end < 0 {
				return nil, false
			}
			part, rest = inner[:end], inner[end+1:]
		} else if at := strings.IndexByte(rest, '.'); at >= 0 {
			part, rest = rest[:at], rest[at:]
		} else {
			part, rest = rest, ""
		}
		out = append(out, part)
		if rest == "" {
			return out, len(out) <= 2 && !slices.Contains(out, "")
		}
		var ok bool
		if rest, ok = strings.CutPrefix(rest, "."); !ok {
			return nil, false
		}
	}
}

// loadRoles reads what the roles that requests may run as are set to.
func loadRoles(ctx context.Context, conn *pgx.Conn) (map[string]roleSettings, error) {
	rows, err := conn.Query(ctx, rolesSQL)
	if err != nil {
		return nil, err
	}
	out := map[string]roleSettings{}
	var role, key, value string
	_, err = pgx.ForEachRow(rows, []any{&role, &key, &value}, func() error {
		r := out[role]
		if key == "default_transaction_isolation" {
			r.isolation = strings.ToLower(value)
		} else {
			r.settings = append(r.settings, projectdb.Setting{Name: key, Value: value})
		}
		out[role] = r
		return nil
	})
	return out, err
}

// LoadAll reads the configuration with what the database adds to it, and the roles' settings.
func LoadAll(ctx context.Context, src Source) (*Config, error) {
	c, _, err := loadAll(ctx, src)
	return c, err
}

func loadAll(ctx context.Context, src Source) (*Config, map[string]roleSettings, error) {
	c, err := Load(src)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*connectTimeout)
	defer cancel()
	conn, err := connect(ctx, c.URI)
	if err != nil {
		return nil, nil, unreachable{err}
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if c.DBConfig {
		if src.Database, err = databaseConfig(ctx, conn, c.PreConfig); err != nil {
			return nil, nil, unreachable{err}
		}
		if c, err = Load(src); err != nil {
			return nil, nil, err
		}
	}
	roles, err := loadRoles(ctx, conn)
	if err != nil {
		return nil, nil, unreachable{err}
	}
	return c, roles, nil
}

// unreachable is a failure of the database, rather than of the configuration.
type unreachable struct{ error }

func (u unreachable) Unwrap() error { return u.error }

// Error leaves out the connection's settings, which pgx shows.
func (u unreachable) Error() string {
	var refused *pgconn.PgError
	var failed *pgconn.ConnectError
	switch {
	case errors.As(u.error, &refused):
		return "the database refuses: " + refused.Error()
	case errors.As(u.error, &failed):
		return "the database cannot be reached: " + strings.Join(strings.Fields(failed.Unwrap().Error()), " ")
	}
	return "the database cannot be asked: " + u.error.Error()
}
