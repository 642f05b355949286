package layout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/internal/pg"
)

// Passwords are those of a project's logins.
type Passwords struct{ Authenticator, Admin, Storage, Owner string }

const currentUser = "current_user"

// createRole makes a role unless there is one, and sets its attributes either way.
func createRole(name, attributes string) string {
	return fmt.Sprintf(`do $$ begin
	if not exists (select from pg_roles where rolname = %[1]s) then create role %[2]s; end if;
exception when duplicate_object or unique_violation then null;
end $$; alter role %[2]s %[3]s;
`, pg.Literal(name), pg.Ident(name), attributes)
}

// grant makes to a member of roles. How is a clause "with inherit false, set true", for servers that know it (16).
func (c *Cluster) grant(how, to string, roles ...string) string {
	if c.major < 16 {
		how = ""
	}
	if to != currentUser {
		to = pg.Ident(to)
	}
	quoted := make([]string, len(roles))
	for i, r := range roles {
		quoted[i] = pg.Ident(r)
	}
	return fmt.Sprintf("grant %s to %s %s;\n", strings.Join(quoted, ", "), to, how)
}

// loginRole is what a login is made with.
type loginRole struct {
	name, password, timeout string
	inherit                 string
	connections             int
}

func (n Names) attributes(p Passwords) []loginRole {
	return []loginRole{
		{n.Authenticator(), p.Authenticator, "1min", "noinherit", maxAuthenticator},
		{n.Admin(), p.Admin, "1min", "inherit", maxAdmin},
		{n.Storage(), p.Storage, "1min", "noinherit", maxStorage},
		{n.Owner(), p.Owner, "10min", "inherit", maxOwner},
	}
}

// makeLogin is SQL that makes a login unless there is one, and sets its attributes either way.
func (c *Cluster) makeLogin(l loginRole) (string, error) {
	verifier, err := scramVerifier(l.password)
	if err != nil {
		return "", err
	}
	role := pg.Ident(l.name)
	sql := createRole(l.name, fmt.Sprintf("login %s connection limit %d password %s", l.inherit, l.connections, pg.Literal(verifier))) +
		fmt.Sprintf("alter role %[1]s set statement_timeout = '%[2]s';\nalter role %[1]s set idle_in_transaction_session_timeout = '1min';\n", role, l.timeout)
	if c.superuser {
		sql += fmt.Sprintf("alter role %s set temp_file_limit = '5GB';\n", role)
	}
	return sql, nil
}

// CreateRoles makes the project's roles and sets their passwords and limits.
func (c *Cluster) CreateRoles(ctx context.Context, n Names, p Passwords) error {
	var sql strings.Builder
	sql.WriteString("set local client_min_messages = warning;\n")
	if n.shared {
		for _, r := range requestRoles {
			attributes := "nologin inherit"
			if r == ServiceRole && c.superuser {
				attributes += " bypassrls"
			}
			sql.WriteString(createRole(n.Role(r), attributes))
			// Policies and grants to the plain role count for the project's own.
			sql.WriteString(c.grant("with inherit true, set false", n.Role(r), r))
		}
		sql.WriteString(createRole(n.Role(AuthAdmin), "nologin"))
	}
	for _, l := range n.attributes(p) {
		text, err := c.makeLogin(l)
		if err != nil {
			return err
		}
		sql.WriteString(text)
	}
	fmt.Fprintf(&sql, "alter role %s set search_path = %s, %s;\n", pg.Ident(n.Owner()), pg.Ident(n.Schema("public")), pg.Ident(n.Schema("extensions")))
	physical := []string{n.Role(Anon), n.Role(Authenticated), n.Role(ServiceRole)}
	sql.WriteString(c.grant("with inherit false, set true", n.Authenticator(), physical...))
	sql.WriteString(c.grant("with inherit false, set true", n.Owner(), physical...))
	sql.WriteString(c.grant("with inherit true, set false", n.Admin(), n.Role(AuthAdmin)))
	if !n.shared {
		sql.WriteString(c.grant("with inherit true, set false", n.Owner(), ownerGroup))
	}
	if !c.superuser {
		sql.WriteString(c.grant("with inherit true, set true", currentUser, n.roles()...))
	}
	if _, err := c.admin.Exec(ctx, sql.String()); err != nil {
		return fmt.Errorf("make roles of %s: %w", n.ref, err)
	}
	return nil
}

// CreateDatabase makes the database of a project of isolation "database" as a copy of the template, of the newest version. The
// copy takes no connections until it is closed to the public.
func (c *Cluster) CreateDatabase(ctx context.Context, n Names) error {
	name := pg.Ident(n.Database())
	fresh, err := c.cloneTemplate(ctx, name)
	if err != nil {
		return fmt.Errorf("create database %s: %w", n.ref, err)
	}
	_, err = c.admin.Exec(ctx, fmt.Sprintf(`revoke all on database %[1]s from public;
		grant connect on database %[1]s to %[2]s, %[3]s, %[4]s;
		grant connect, create, temporary on database %[1]s to %[5]s;
		alter database %[1]s with allow_connections true connection limit %[6]d`,
		name, pg.Ident(n.Authenticator()), pg.Ident(n.Admin()), pg.Ident(n.Storage()), pg.Ident(n.Owner()), maxDatabase))
	if err != nil {
		return fmt.Errorf("open database %s: %w", n.ref, err)
	}
	return c.inDatabase(ctx, n.Database(), func(db *pgx.Conn) error {
		sql := n.handOver() + n.defaultPrivileges(false)
		if err := c.transact(ctx, db, sql); err != nil {
			return fmt.Errorf("hand over database %s: %w", n.ref, err)
		}
		if fresh {
			return nil
		}
		return c.apply(ctx, db, n.variables(), 0, true, true) // it may be a copy of an older template
	})
}

// handOver gives the project's roles what the template's own. Who gets a table must be allowed to make one beside it: so schemas come first, and in
// storage's the owner may for that moment.
func (n Names) handOver() string {
	owner, admin, storage := pg.Ident(n.Owner()), pg.Ident(n.Admin()), pg.Ident(n.Storage())
	return fmt.Sprintf(`alter schema auth owner to %[2]s; alter schema realtime owner to %[2]s; alter schema extensions owner to %[2]s; alter schema storage owner to %[3]s;
grant create on schema storage to %[1]s;
reassign owned by %[4]s to %[1]s; reassign owned by %[5]s to %[2]s; reassign owned by %[6]s to %[3]s;
revoke create on schema storage from %[1]s;
`, owner, admin, storage, templateOwner, templateAdmin, templateStorage)
}

// cloneTemplate reports whether it made the database; false means that there was one.
func (c *Cluster) cloneTemplate(ctx context.Context, name string) (bool, error) {
	clone := fmt.Sprintf("create database %s template %s allow_connections false", name, pg.Ident(templateDatabase()))
	_, err := c.admin.Exec(ctx, clone)
	if pg.Code(err) == pgerrcode.InvalidCatalogName { // another version of Fluxbase removed this one's template
		if err := c.Prepare(ctx); err != nil {
			return false, err
		}
		_, err = c.admin.Exec(ctx, clone)
	}
	if pg.Code(err) == pgerrcode.DuplicateDatabase {
		return false, nil
	}
	return err == nil, err
}

// turnLock is held while the privileges on the shared database change.
const turnLock = 0x666c7578_7475726e // "fluxturn"

// takeTurns is SQL that waits until no other transaction changes the privileges on the shared database: Postgres fails two
// that do so at once ("tuple concurrently updated").
var takeTurns = fmt.Sprintf("set local lock_timeout = '30s'; select pg_advisory_xact_lock(%d); set local lock_timeout = '2s';\n", turnLock)

// CreateSchemas makes the schemas of a project of isolation "schema", of the newest version.
func (c *Cluster) CreateSchemas(ctx context.Context, n Names) error {
	var sql strings.Builder
	if c.superuser {
		sql.WriteString("set local session_replication_role = replica;\n") // no one watches yet: leave out the notices
	}
	for _, m := range all {
		if m.scope != perProject {
			continue
		}
		text, err := m.render(n.variables())
		if err != nil {
			return err
		}
		sql.WriteString(text + "\n;\n")
	}
	sql.WriteString(n.defaultPrivileges(false) + takeTurns)
	fmt.Fprintf(&sql, "grant connect on database %s to %s, %s, %s, %s;\ngrant temporary on database %s to %s;\n", SharedDatabase,
		pg.Ident(n.Authenticator()), pg.Ident(n.Admin()), pg.Ident(n.Storage()), pg.Ident(n.Owner()), SharedDatabase, pg.Ident(n.Owner()))
	return c.inShared(ctx, func(conn *pgx.Conn) error {
		if err := c.transact(ctx, conn, sql.String()); err != nil {
			return fmt.Errorf("make schemas of %s: %w", n.ref, err)
		}
		return nil
	})
}

// defaultPrivileges is the SQL of what the owner's new tables are granted: everything to service_role, and to anon and
// authenticated only if exposed.
func (n Names) defaultPrivileges(exposed bool) string {
	owner, schema := pg.Ident(n.Owner()), pg.Ident(n.Schema("public"))
	to := pg.Ident(n.Role(ServiceRole))
	requesters := pg.Ident(n.Role(Anon)) + ", " + pg.Ident(n.Role(Authenticated))
	var sql strings.Builder
	for _, what := range []string{"tables", "sequences", "functions"} {
		fmt.Fprintf(&sql, "alter default privileges for role %s grant all on %s to %s;\n", owner, what, to)
	}
	deed, toOrFrom := "revoke", "from"
	if exposed {
		deed, toOrFrom = "grant", "to"
	}
	for what, rights := range map[string]string{"tables": "select, insert, update, delete", "sequences": "usage, select"} {
		fmt.Fprintf(&sql, "alter default privileges for role %s in schema %s %s %s on %s %s %s;\n",
			owner, schema, deed, rights, what, toOrFrom, requesters)
	}
	return sql.String()
}

// Settings are the project settings that live in its database.
type Settings struct {
	// ExposeNewTables grants the owner's new tables in "public" to anon and authenticated.
	ExposeNewTables bool
}

// ApplySettings carries settings into the project's database. Tables that exist keep their grants.
func (c *Cluster) ApplySettings(ctx context.Context, n Names, s Settings) error {
	return c.in(ctx, n, func(conn *pgx.Conn) error {
		if err := c.transact(ctx, conn, n.defaultPrivileges(s.ExposeNewTables)); err != nil {
			return fmt.Errorf("apply settings of %s: %w", n.ref, err)
		}
		return nil
	})
}

// Migrate brings a project from a version to the newest and returns that. Projects of isolation "schema" share what is
// common to their database: Prepare migrates that.
func (c *Cluster) Migrate(ctx context.Context, n Names, p Passwords, from int) (int, error) {
	if from >= Version() {
		return from, nil
	}
	if from < StorageVersion {
		if err := c.addStorage(ctx, n, p); err != nil {
			return from, fmt.Errorf("migrate %s: %w", n.ref, err)
		}
	}
	err := c.in(ctx, n, func(conn *pgx.Conn) error { return c.apply(ctx, conn, n.variables(), from, !n.shared, true) })
	if err != nil {
		return from, fmt.Errorf("migrate %s: %w", n.ref, err)
	}
	return Version(), nil
}

// addStorage makes storage's login in a project from before it. Where the project's other logins are kept out, so is it.
func (c *Cluster) addStorage(ctx context.Context, n Names, p Passwords) error {
	var open bool
	err := c.admin.QueryRow(ctx, "select coalesce((select rolcanlogin from pg_roles where rolname = $1), true)", n.Admin()).Scan(&open)
	if err != nil {
		return fmt.Errorf("look for roles: %w", err)
	}
	var sql strings.Builder
	for _, l := range n.attributes(p) {
		if l.name == n.Storage() {
			text, err := c.makeLogin(l)
			if err != nil {
				return err
			}
			sql.WriteString(text)
		}
	}
	if !open {
		fmt.Fprintf(&sql, "alter role %s nologin;\n", pg.Ident(n.Storage()))
	}
	if !c.superuser {
		sql.WriteString(c.grant("with inherit true, set true", currentUser, n.Storage()))
	}
	fmt.Fprintf(&sql, "grant connect on database %s to %s", pg.Ident(n.Database()), pg.Ident(n.Storage()))
	if _, err := c.admin.Exec(ctx, takeTurns+"set local client_min_messages = warning; "+sql.String()); err != nil {
		return fmt.Errorf("make storage's login: %w", err)
	}
	return nil
}

// SetConnectable lets the project's logins in, or keeps them out and ends their sessions.
func (c *Cluster) SetConnectable(ctx context.Context, n Names, connectable bool) error {
	attribute := "nologin"
	if connectable {
		attribute = "login"
	}
	exist, err := c.rolesThatExist(ctx, n)
	if err != nil {
		return err
	}
	var sql strings.Builder
	for _, r := range n.logins() {
		if connectable || slices.Contains(exist, r) { // a project that was never made whole can be stopped too
			fmt.Fprintf(&sql, "alter role %s %s;\n", pg.Ident(r), attribute)
		}
	}
	if _, err := c.admin.Exec(ctx, sql.String()); err != nil {
		return fmt.Errorf("set logins of %s: %w", n.ref, err)
	}
	if connectable {
		return nil
	}
	return c.endSessions(ctx, n)
}

// endSessions ends all sessions of the project's logins and waits until they are gone.
func (c *Cluster) endSessions(ctx context.Context, n Names) error {
	for range 10 {
		var found int
		err := c.admin.QueryRow(ctx, `select count(*) from (
			select pg_terminate_backend(pid, 1000) from pg_stat_activity where usename = any($1)) ended`, n.logins()).Scan(&found)
		if err != nil {
			return fmt.Errorf("end sessions of %s: %w", n.ref, err)
		}
		if found == 0 {
			return nil
		}
	}
	return fmt.Errorf("sessions of %s do not end", n.ref)
}

// Drop removes everything that the project has on the cluster, for good.
func (c *Cluster) Drop(ctx context.Context, n Names) error {
	exists, err := c.rolesThatExist(ctx, n)
	if err != nil {
		return err
	}
	if err := c.SetConnectable(ctx, n, false); err != nil {
		return err
	}
	if n.shared {
		err = c.dropSchemas(ctx, n, exists)
	} else {
		err = c.dropDatabase(ctx, n.Database())
	}
	if err != nil {
		return err
	}
	return c.dropRoles(ctx, n)
}

func (c *Cluster) rolesThatExist(ctx context.Context, n Names) ([]string, error) {
	rows, err := c.admin.Query(ctx, "select rolname from pg_roles where rolname = any($1)", n.roles())
	if err == nil {
		var out []string
		if out, err = pgx.CollectRows(rows, pgx.RowTo[string]); err == nil {
			return out, nil
		}
	}
	return nil, fmt.Errorf("look for roles of %s: %w", n.ref, err)
}

func (c *Cluster) dropSchemas(ctx context.Context, n Names, roles []string) error {
	return c.inShared(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, "select nspname from pg_namespace where starts_with(nspname, $1)", n.SchemaPrefix())
		if err != nil {
			return fmt.Errorf("list schemas of %s: %w", n.ref, err)
		}
		schemas, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("list schemas of %s: %w", n.ref, err)
		}
		for _, s := range schemas {
			if err := c.transact(ctx, conn, "drop schema if exists "+pg.Ident(s)+" cascade"); err != nil {
				return fmt.Errorf("drop schema %s: %w", s, err)
			}
		}
		var sql strings.Builder
		sql.WriteString(takeTurns)
		for _, r := range roles {
			fmt.Fprintf(&sql, "drop owned by %s cascade;\n", pg.Ident(r))
		}
		fmt.Fprintf(&sql, "delete from fluxbase.schema_change where ref = %s", pg.Literal(n.ref))
		if err := c.transact(ctx, conn, sql.String()); err != nil {
			return fmt.Errorf("drop what is left of %s: %w", n.ref, err)
		}
		return nil
	})
}

// dropRoles removes the project's roles. Another project's owner may have granted something to one of them by its name, which
// would keep it: such grants are taken away first.
func (c *Cluster) dropRoles(ctx context.Context, n Names) error {
	var sql strings.Builder
	sql.WriteString("set local client_min_messages = warning;\n")
	for _, r := range n.roles() {
		fmt.Fprintf(&sql, "drop role if exists %s;\n", pg.Ident(r))
	}
	_, err := c.admin.Exec(ctx, sql.String())
	if pg.Code(err) == pgerrcode.DependentObjectsStillExist {
		if err := c.dropStrayGrants(ctx, n); err != nil {
			return err
		}
		_, err = c.admin.Exec(ctx, sql.String())
	}
	if err != nil {
		return fmt.Errorf("drop roles of %s: %w", n.ref, err)
	}
	return nil
}

func (c *Cluster) dropStrayGrants(ctx context.Context, n Names) error {
	roles, err := c.rolesThatExist(ctx, n)
	if err != nil {
		return err
	}
	rows, err := c.admin.Query(ctx, `select distinct coalesce(d.datname, current_database()) from pg_shdepend s
		left join pg_database d on d.oid = s.dbid
		where s.refclassid = 'pg_authid'::regclass and s.refobjid = any(select oid from pg_roles where rolname = any($1))`, roles)
	if err != nil {
		return fmt.Errorf("look for grants to roles of %s: %w", n.ref, err)
	}
	databases, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look for grants to roles of %s: %w", n.ref, err)
	}
	var failed error
	for _, name := range databases {
		failed = errors.Join(failed, c.inDatabase(ctx, name, func(conn *pgx.Conn) error {
			var sql strings.Builder
			sql.WriteString(takeTurns)
			for _, r := range roles {
				fmt.Fprintf(&sql, "drop owned by %s cascade;\n", pg.Ident(r))
			}
			return c.transact(ctx, conn, sql.String())
		}))
	}
	return failed
}
