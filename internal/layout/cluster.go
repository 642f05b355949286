package layout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// prepareLock keeps two control planes from preparing one cluster at once.
const prepareLock = 0x666c7578_6c61796f // "fluxlayo"

// Cluster is a Postgres server as its admin login sees it. It is safe for concurrent use.
type Cluster struct {
	admin     *pgxpool.Pool
	log       *slog.Logger
	superuser bool
	major     int
	version   string

	sharedOnce sync.Mutex
	shared     *pgxpool.Pool
}

// Open connects to a cluster with its admin login, and checks that the server is new enough and that the login may make
// databases and roles.
func Open(ctx context.Context, adminURL string, log *slog.Logger) (*Cluster, error) {
	config, err := pgxpool.ParseConfig(adminURL)
	if err != nil {
		// The cause may quote the URL and so its password.
		return nil, fault.New(fault.Invalid, "CLUSTER_URL_INVALID", "The admin URL is not a postgres:// URL.")
	}
	config.MaxConns, config.MinConns, config.MaxConnIdleTime = 4, 0, 30*time.Second
	config.ConnConfig.RuntimeParams["application_name"] = "fluxbase-provision"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, unreachable(err)
	}
	c := &Cluster{admin: pool, log: log}
	if err := c.inspect(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return c, nil
}

func unreachable(err error) error {
	switch pg.Code(err) {
	case pgerrcode.InvalidPassword, pgerrcode.InvalidAuthorizationSpecification, pgerrcode.InsufficientPrivilege, pgerrcode.InvalidCatalogName:
		return fault.Wrap(err, fault.Unavailable, "CLUSTER_LOGIN_REFUSED", "The database cluster refuses the admin login, or the database that its URL names.")
	}
	return fault.Wrap(err, fault.Unavailable, "CLUSTER_UNREACHABLE", "The database cluster cannot be reached.")
}

func (c *Cluster) inspect(ctx context.Context) error {
	var number int
	var createDB, createRole bool
	err := c.admin.QueryRow(ctx, `
		select current_setting('server_version_num')::int, split_part(current_setting('server_version'), ' ', 1), rolsuper,
			rolcreatedb or rolsuper, rolcreaterole or rolsuper
		from pg_roles where rolname = current_user`).Scan(&number, &c.version, &c.superuser, &createDB, &createRole)
	if err != nil {
		return unreachable(err)
	}
	c.major = number / 10000
	if c.major < pg.MinVersion {
		return fault.New(fault.FailedPrecondition, "CLUSTER_TOO_OLD",
			"The server runs PostgreSQL %s; Fluxbase needs %d or newer.", c.version, pg.MinVersion)
	}
	if !createDB || !createRole {
		return fault.New(fault.FailedPrecondition, "CLUSTER_LOGIN_TOO_WEAK",
			"The admin login must have CREATEDB and CREATEROLE, or be a superuser.")
	}
	return nil
}

// Close closes all connections.
func (c *Cluster) Close() {
	c.sharedOnce.Lock()
	defer c.sharedOnce.Unlock()
	if c.shared != nil {
		c.shared.Close()
	}
	c.admin.Close()
}

// Version returns the server's version, for example "18.4".
func (c *Cluster) Version() string { return c.version }

// PrepareCluster opens a cluster, prepares it and closes it.
func PrepareCluster(ctx context.Context, adminURL string, log *slog.Logger) error {
	c, err := Open(ctx, adminURL, log)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Prepare(ctx)
}

// Prepare makes what all projects of a cluster share: the plain roles, the template of isolation "database" and the
// shared database of isolation "schema". It also closes the cluster's other databases to the public: a cluster is for
// projects alone. It may run any number of times and at once.
func (c *Cluster) Prepare(ctx context.Context) error {
	conn, err := c.admin.Acquire(ctx)
	if err != nil {
		return unreachable(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", int64(prepareLock)); err != nil {
		return fmt.Errorf("lock cluster: %w", err)
	}
	defer func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", int64(prepareLock))
	}()
	ready, err := c.prepared(ctx, conn)
	if err != nil {
		return err
	}
	if !ready {
		if err := c.preparePlainRoles(ctx, conn); err != nil {
			return err
		}
		if err := c.prepareTemplate(ctx, conn); err != nil {
			return err
		}
		if err := c.prepareShared(ctx, conn); err != nil {
			return err
		}
	}
	return c.closeDatabases(ctx, conn)
}

func templateDatabase() string { return "fluxbase_template_" + fingerprint }

// prepared reports whether both databases are of today's migrations. Their comments say so, written last.
func (c *Cluster) prepared(ctx context.Context, conn *pgxpool.Conn) (bool, error) {
	var n int
	err := conn.QueryRow(ctx, `select count(*) from pg_database where datname = any($1) and shobj_description(oid, 'pg_database') = $2`,
		[]string{templateDatabase(), SharedDatabase}, fingerprint).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look at cluster: %w", err)
	}
	return n == 2, nil
}

func (c *Cluster) preparePlainRoles(ctx context.Context, conn *pgxpool.Conn) error {
	var sql strings.Builder
	for _, r := range plainRoles {
		sql.WriteString(createRole(r, "nologin"))
	}
	if !c.superuser {
		// Making things in another's name needs membership.
		sql.WriteString(c.grant("", currentUser, plainRoles...))
	}
	if _, err := conn.Exec(ctx, sql.String()); err != nil {
		return fmt.Errorf("make plain roles: %w", err)
	}
	if _, err := conn.Exec(ctx, "alter role service_role bypassrls"); err != nil {
		if pg.Code(err) != pgerrcode.InsufficientPrivilege {
			return fmt.Errorf("let service_role bypass row security: %w", err)
		}
		c.log.WarnContext(ctx, "the cluster's admin login may not give BYPASSRLS: service_role and secret keys are held by row security")
	}
	return nil
}

// prepareTemplate makes the database that new ones are copies of. Its name holds the migrations' fingerprint, so that
// control planes of two versions do not take it from each other.
func (c *Cluster) prepareTemplate(ctx context.Context, conn *pgxpool.Conn) error {
	name := templateDatabase()
	if err := c.dropDatabase(ctx, name); err != nil { // half-made, or made without its comment
		return err
	}
	if err := c.createDatabase(ctx, conn, name); err != nil {
		return err
	}
	// Until the migrations are in, no one but the admin may look.
	if _, err := conn.Exec(ctx, "revoke all on database "+pg.Ident(name)+" from public"); err != nil {
		return fmt.Errorf("close template: %w", err)
	}
	err := c.inDatabase(ctx, name, func(db *pgx.Conn) error {
		if err := c.apply(ctx, db, templateVariables(), 0, true, true); err != nil {
			return err
		}
		_, err := db.Exec(ctx, "vacuum (analyze, freeze)")
		return err
	})
	if err != nil {
		return fmt.Errorf("fill template: %w", err)
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("alter database %s with allow_connections false is_template true", pg.Ident(name)))
	if err != nil {
		return fmt.Errorf("close template: %w", err)
	}
	if _, err = conn.Exec(ctx, fmt.Sprintf("comment on database %s is %s", pg.Ident(name), pg.Literal(fingerprint))); err != nil {
		return fmt.Errorf("mark template: %w", err)
	}
	return c.dropOldTemplates(ctx, conn, name)
}

// dropOldTemplates leaves the newest old one, for a control plane that is still of the version before; that one makes
// its own again should it miss it.
func (c *Cluster) dropOldTemplates(ctx context.Context, conn *pgxpool.Conn, keep string) error {
	rows, err := conn.Query(ctx, `select datname from pg_database where datname ~ '^fluxbase_template_[0-9a-f]{12}$' and datname <> $1
		order by oid desc offset 1`, keep)
	if err != nil {
		return fmt.Errorf("list templates: %w", err)
	}
	old, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list templates: %w", err)
	}
	for _, name := range old {
		if err := c.dropDatabase(ctx, name); err != nil {
			c.log.WarnContext(ctx, "an old template database stays", "database", name, "error", err)
		}
	}
	return nil
}

func (c *Cluster) prepareShared(ctx context.Context, conn *pgxpool.Conn) error {
	var exists bool
	if err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", SharedDatabase).Scan(&exists); err != nil {
		return fmt.Errorf("look for shared database: %w", err)
	}
	if !exists {
		if err := c.createDatabase(ctx, conn, SharedDatabase); err != nil {
			return err
		}
	}
	if _, err := conn.Exec(ctx, "revoke all on database "+SharedDatabase+" from public"); err != nil {
		return fmt.Errorf("close shared database: %w", err)
	}
	err := c.inDatabase(ctx, SharedDatabase, func(db *pgx.Conn) error {
		return c.apply(ctx, db, sharedVariables(), 0, true, false)
	})
	if err != nil {
		return fmt.Errorf("fill shared database: %w", err)
	}
	if _, err = conn.Exec(ctx, fmt.Sprintf("comment on database %s is %s", SharedDatabase, pg.Literal(fingerprint))); err != nil {
		return fmt.Errorf("mark shared database: %w", err)
	}
	return nil
}

// closeDatabases takes CONNECT from the public on every database of the cluster, so that a project's logins reach
// their own database only. Postgres gives it to each new database.
func (c *Cluster) closeDatabases(ctx context.Context, conn *pgxpool.Conn) error {
	rows, err := conn.Query(ctx, `
		select datname from pg_database where datallowconn and (datacl is null or exists (
			select from aclexplode(datacl) where grantee = 0))`)
	if err != nil {
		return fmt.Errorf("list databases: %w", err)
	}
	open, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list databases: %w", err)
	}
	for _, name := range open {
		_, err := conn.Exec(ctx, fmt.Sprintf("revoke all on database %s from public", pg.Ident(name)))
		if err != nil && pg.Code(err) != pgerrcode.InvalidCatalogName {
			c.log.WarnContext(ctx, "a database of the cluster stays open to every login of every project", "database", name, "error", err)
			continue
		}
		var still bool
		if err := conn.QueryRow(ctx, "select coalesce((select has_database_privilege('public', oid, 'connect') from pg_database where datname = $1), false)",
			name).Scan(&still); err == nil && still {
			c.log.WarnContext(ctx, "a database of the cluster stays open to every login of every project: its owner must revoke CONNECT from PUBLIC",
				"database", name)
		}
	}
	return nil
}

func (c *Cluster) createDatabase(ctx context.Context, conn *pgxpool.Conn, name string) error {
	_, err := conn.Exec(ctx, fmt.Sprintf("create database %s template template0 encoding 'UTF8'", pg.Ident(name)))
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

func (c *Cluster) dropDatabase(ctx context.Context, name string) error {
	_, err := c.admin.Exec(ctx, fmt.Sprintf("alter database %s with is_template false", pg.Ident(name)))
	if pg.Code(err) == pgerrcode.InvalidCatalogName {
		return nil
	}
	if err == nil {
		_, err = c.admin.Exec(ctx, fmt.Sprintf("drop database if exists %s with (force)", pg.Ident(name)))
	}
	if err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

// inDatabase runs fn with a connection of the admin login to another database.
func (c *Cluster) inDatabase(ctx context.Context, name string, fn func(*pgx.Conn) error) error {
	config := c.admin.Config().ConnConfig.Copy()
	config.Database = name
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to database %s: %w", name, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return fn(conn)
}

// inShared runs fn with a connection of the admin login to the shared database; those are kept.
func (c *Cluster) inShared(ctx context.Context, fn func(*pgx.Conn) error) error {
	c.sharedOnce.Lock()
	if c.shared == nil {
		config := c.admin.Config()
		config.ConnConfig.Database = SharedDatabase
		pool, err := pgxpool.NewWithConfig(ctx, config)
		if err != nil {
			c.sharedOnce.Unlock()
			return unreachable(err)
		}
		c.shared = pool
	}
	pool := c.shared
	c.sharedOnce.Unlock()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return unreachable(err)
	}
	defer conn.Release()
	return fn(conn.Conn())
}

func (c *Cluster) in(ctx context.Context, n Names, fn func(*pgx.Conn) error) error {
	if n.shared {
		return c.inShared(ctx, fn)
	}
	return c.inDatabase(ctx, n.Database(), fn)
}

// apply runs the migrations after version, each in a transaction of its own.
func (c *Cluster) apply(ctx context.Context, conn *pgx.Conn, v variables, after int, database, project bool) error {
	for _, m := range all {
		switch {
		case m.version <= after, m.scope == perProject && !project, m.scope != perProject && !database:
			continue
		case m.scope == perDatabaseSuperuser && !c.superuser:
			c.log.WarnContext(ctx, "the cluster's admin login is no superuser: a migration is left out", "migration", m.name)
			continue
		}
		sql, err := m.render(v)
		if err != nil {
			return err
		}
		if err := c.transact(ctx, conn, sql); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	return nil
}

// transact runs SQL text as one transaction in one round trip. A superuser's own changes are not told to workers.
func (c *Cluster) transact(ctx context.Context, conn *pgx.Conn, sql string) error {
	// The admin must not run what a project's owner planted in a schema of its own.
	head := "begin; set local lock_timeout = '2s'; set local client_min_messages = warning; set local search_path = pg_catalog, pg_temp;\n"
	_, err := conn.PgConn().Exec(ctx, head+sql+"\n;commit").ReadAll()
	if err != nil {
		_, _ = conn.PgConn().Exec(context.WithoutCancel(ctx), "rollback").ReadAll()
		var e *pgconn.PgError
		if errors.As(err, &e) && e.Where != "" {
			return fmt.Errorf("%w (%s)", err, e.Where)
		}
	}
	return err
}
