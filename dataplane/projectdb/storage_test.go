package projectdb

import (
	"testing"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// TestStorageHasALoginOfItsOwn looks at what a transaction of the service storage can come by.
func TestStorageHasALoginOfItsOwn(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		d, p := newDoor(t, Deps{MaxConnections: 4}), newProject(t, shared)
		s := anon(d, p)
		require.NoError(t, s.InService(ctx, "storage", func(tx pgx.Tx) error {
			var user, session, path, first string
			require.NoError(t, tx.QueryRow(ctx, "select current_user, session_user, current_setting('search_path'), current_schemas(true)::text").Scan(&user, &session, &path, &first))
			require.Equal(t, p.Storage.User, user)
			require.Equal(t, p.Storage.User, session)
			require.Equal(t, `"`+p.Schema("storage")+`", pg_temp`, path)
			require.Equal(t, "{pg_catalog,"+p.Schema("storage")+"}", first, "Postgres' own come first, temporary tables last")
			var reach, memberships int
			require.NoError(t, tx.QueryRow(ctx, `select count(*) from pg_namespace where nspname = any ($1) and (has_schema_privilege(oid, 'usage') or has_schema_privilege(oid, 'create'))`,
				[]string{p.Schema("public"), p.Schema("extensions"), p.Schema("realtime")}).Scan(&reach))
			require.Zero(t, reach, "what the owner may create in is not storage's to use")
			require.NoError(t, tx.QueryRow(ctx, `select count(*) from pg_roles where rolname <> session_user and pg_has_role(session_user, oid, 'member')`).Scan(&memberships))
			require.Zero(t, memberships)
			var temporary, create bool
			require.NoError(t, tx.QueryRow(ctx, `select has_database_privilege(current_database(), 'temporary'), has_database_privilege(current_database(), 'create')`).Scan(&temporary, &create))
			require.False(t, temporary || create)
			return nil
		}))
		for _, sql := range []string{"table objects", "table buckets", "select from s3_multipart_uploads", "select versions_in_use('{}')", "set role " + pg.Ident(p.Role("anon")), "set role " + pg.Ident(p.Admin.User), "set role " + pg.Ident(p.Owner.User),
			"create temporary table blobs ()", "select from " + p.Schema("auth") + ".users"} {
			err := s.InService(ctx, "storage", func(tx pgx.Tx) error { _, err := tx.Exec(ctx, sql); return err })
			require.Equal(t, pgerrcode.InsufficientPrivilege, pg.Code(err), sql)
		}
		for _, by := range []string{"auth", "realtime"} {
			err := s.InService(ctx, by, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "update "+p.Schema("storage")+".usage_shards set bytes = 0")
				return err
			})
			require.Equal(t, pgerrcode.InsufficientPrivilege, pg.Code(err), by)
		}
	})
}

// A project that is not migrated yet has no login for storage: its admin serves until the snapshot tells of one.
func TestStorageIsTheAdminsUntilThereIsALogin(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, shared bool) {
		d, p := newDoor(t, Deps{MaxConnections: 4}), newProject(t, shared)
		who := func(p *directory.Project) (user string) {
			require.NoError(t, anon(d, p).InService(ctx, "storage", func(tx pgx.Tx) error { return tx.QueryRow(ctx, "select current_user").Scan(&user) }))
			return user
		}
		before := *p
		before.Storage = directory.Login{}
		require.Equal(t, p.Admin.User, who(&before))
		migrated := *p
		migrated.Revision++
		require.Equal(t, p.Storage.User, who(&migrated))
		require.Equal(t, p.Storage.User, who(&migrated))
		_, idle := d.Connections()
		require.LessOrEqual(t, idle, 1, "the admin's connection is gone")
	})
}
