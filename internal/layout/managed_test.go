package layout

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/id"
)

// TestAdminWithoutSuperuser makes a project of each isolation with a login like those of managed servers: it may make databases
// and roles and nothing more. A server has one set of plain roles, which belongs to the superuser here, so the login
// is given what it would have had it made them.
func TestAdminWithoutSuperuser(t *testing.T) {
	t.Parallel()
	c := open(t)
	if c.major < 16 {
		return // up to 15, CREATEROLE reaches every role: nothing to be told apart here
	}
	login, password := "managed_"+id.NewRef(), id.NewPassword()
	conn, err := pgx.Connect(t.Context(), adminURL(t))
	require.NoError(t, err)
	cleanUp := func(format string, args ...any) {
		_, err := conn.Exec(context.WithoutCancel(t.Context()), fmt.Sprintf(format, args...))
		require.NoError(t, err)
	}
	exec(t, conn, `create role %[1]s login createdb createrole password '%[2]s'; grant connect on database postgres to %[1]s;
		grant anon, authenticated, service_role, supabase_auth_admin, fluxbase_owner, fluxbase_template_owner, fluxbase_template_admin, fluxbase_template_storage to %[1]s with admin true, inherit true, set true`, login, password)
	u, err := url.Parse(adminURL(t))
	require.NoError(t, err)
	u.User = url.UserPassword(login, password)
	managed, err := Open(t.Context(), u.String(), slog.New(slog.NewTextHandler(t.Output(), nil)))
	require.NoError(t, err)
	defer managed.Close()

	// Its own template, made as Prepare makes it.
	ac, err := managed.admin.Acquire(t.Context())
	require.NoError(t, err)
	name := "managed_" + id.NewRef()
	t.Cleanup(func() {
		cleanUp("drop database if exists %s with (force)", name)
		cleanUp("drop owned by %[1]s cascade; drop role %[1]s", login)
		require.NoError(t, conn.Close(context.WithoutCancel(t.Context())))
	})
	require.NoError(t, managed.createDatabase(t.Context(), ac, name))
	ac.Release()
	require.NoError(t, managed.inDatabase(t.Context(), name, func(db *pgx.Conn) error {
		return managed.apply(t.Context(), db, templateVariables(), 0, true, true)
	}))

	n := Of(id.NewRef(), false)
	require.NoError(t, managed.CreateRoles(t.Context(), n, Passwords{id.NewPassword(), id.NewPassword(), id.NewPassword(), id.NewPassword()}))
	exec(t, conn, "revoke all on database %s from public", name)
	require.NoError(t, managed.inDatabase(t.Context(), name, func(db *pgx.Conn) error {
		before := one[int64](t, db, "select fluxbase.schema_version()")
		for _, change := range []string{
			"create table extensions.x (a int)", "create policy p on extensions.x using (true)", "alter policy p on extensions.x using (false)",
			"alter table extensions.x alter a set default 1", "comment on table extensions.x is 'X'", "create type extensions.e as enum ('a')",
			"alter type extensions.e add value 'b'", "create statistics extensions.s on (a + 1), (a + 2) from extensions.x", "drop table extensions.x",
		} {
			exec(t, db, "%s", change)
			after := one[int64](t, db, "select fluxbase.schema_version()")
			require.NotEqual(t, before, after, "the version changes without an event trigger: %s", change)
			before = after
		}
		return managed.transact(t.Context(), db, n.handOver())
	}))
	require.NoError(t, managed.SetConnectable(t.Context(), n, false))
	require.NoError(t, managed.dropDatabase(t.Context(), name))
	require.NoError(t, managed.dropRoles(t.Context(), n))
}
