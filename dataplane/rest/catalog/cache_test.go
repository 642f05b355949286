package catalog_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
)

func TestCacheChecksBehindRequests(t *testing.T) {
	t.Parallel()
	s := setup(t, true, "create table a (id int)")
	ctx := context.Background()
	cache := catalog.NewCache()
	cache.At(0)
	first, err := cache.Get(ctx, s, exposed(s))
	require.NoError(t, err)
	require.True(t, first.Timezones["Europe/Paris"])
	owner(t, s, "create table b (id int)")
	again, err := cache.Get(ctx, s, exposed(s))
	require.NoError(t, err)
	require.Same(t, first, again, "it was looked at within the second")
	cache.At(2 * time.Second)
	again, err = cache.Get(ctx, s, exposed(s))
	require.NoError(t, err)
	require.Same(t, first, again, "requests go on with the old one")
	require.Eventually(t, func() bool {
		newer, err := cache.Get(ctx, s, exposed(s))
		return err == nil && newer != first && newer.Schemas["public"].Relations["b"] != nil
	}, 20*time.Second, time.Millisecond)
	owner(t, s, "create table c (id int)")
	cache.At(time.Hour)
	idle, err := cache.Get(ctx, s, exposed(s))
	require.NoError(t, err)
	require.Contains(t, idle.Schemas["public"].Relations, "c", "one that was idle is checked first")
	require.Same(t, first.Schemas["public"].Relations["a"], idle.Schemas["public"].Relations["a"])
}

func TestCacheOfUnversioned(t *testing.T) {
	t.Parallel()
	s := setup(t, true, "create table a (id int)")
	ctx := context.Background()
	cache := catalog.NewCache()
	cache.At(0)
	e := exposed(s)
	e.Unversioned = true
	first, err := cache.Get(ctx, s, e)
	require.NoError(t, err)
	require.Zero(t, first.Version)
	owner(t, s, "create table b (id int)")
	cache.At(time.Hour)
	for _, ask := range []func(*catalog.Cache) (*catalog.Catalog, error){
		func(c *catalog.Cache) (*catalog.Catalog, error) { return c.Get(ctx, s, e) },
		func(c *catalog.Cache) (*catalog.Catalog, error) { return c.Check(ctx, s, e) },
	} {
		same, err := ask(cache)
		require.NoError(t, err)
		require.Same(t, first, same, "nobody said that it changed")
	}
	cache.Invalidate()
	second, err := cache.Get(ctx, s, e)
	require.NoError(t, err)
	require.Contains(t, second.Schemas["public"].Relations, "b")
	require.Same(t, first.Schemas["public"].Relations["a"], second.Schemas["public"].Relations["a"])
	same, err := cache.Check(ctx, s, e)
	require.NoError(t, err)
	require.Same(t, second, same)

	cache.Invalidate()
	broken := *s.Project
	broken.Revision++
	broken.Authenticator.Password = "wrong"
	s.Project = &broken
	same, err = cache.Get(ctx, s, e)
	require.NoError(t, err)
	require.Same(t, second, same, "better an old one than none")
	_, err = cache.Check(ctx, s, e)
	require.Error(t, err)
}

// TestCheckIsAsNewAsTheCall holds that whoever has just changed the schema finds the change, whatever others are loading.
func TestCheckIsAsNewAsTheCall(t *testing.T) {
	t.Parallel()
	s := setup(t, true, "create table a (id int)")
	cache := catalog.NewCache()
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 4 {
				name := fmt.Sprintf("t%d_%d", worker, i)
				err := s.AsOwner(context.Background(), func(c *pgx.Conn) error {
					_, err := c.PgConn().Exec(context.Background(), "create table "+name+" (id int primary key references a2)").ReadAll()
					if err != nil {
						_, err = c.PgConn().Exec(context.Background(), "create table "+name+" (id int primary key)").ReadAll()
					}
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				c, err := cache.Check(context.Background(), s, exposed(s))
				if assert.NoError(t, err) {
					assert.Contains(t, c.Schemas["public"].Relations, name)
					assert.Empty(t, c.Schemas["public"].Relationships(name))
				}
			}
		})
	}
	all.Wait()
}

// TestLockedViews holds that a table that is being changed keeps nobody from the rest, and is asked for again.
func TestLockedViews(t *testing.T) {
	t.Parallel()
	s := setup(t, true, "create table a (id int primary key default 5); create table b (id int); create view va as select * from a; create view vb as select * from b")
	cache := catalog.NewCache()
	ctx := context.Background()
	require.NoError(t, s.AsOwner(ctx, func(c *pgx.Conn) error {
		_, err := c.PgConn().Exec(ctx, "begin; lock table va in access exclusive mode").ReadAll()
		require.NoError(t, err)
		got, err := cache.Get(ctx, s, exposed(s))
		require.NoError(t, err)
		public := got.Schemas["public"]
		require.Equal(t, "5", public.Relations["a"].Column("id").Default)
		require.False(t, public.Relations["va"].Updatable)
		require.True(t, public.Relations["vb"].Updatable)
		require.Equal(t, []string{"id"}, public.Relations["va"].PrimaryKey())
		_, err = c.PgConn().Exec(ctx, "rollback").ReadAll()
		return err
	}))
	got, err := cache.Check(ctx, s, exposed(s))
	require.NoError(t, err)
	require.True(t, got.Schemas["public"].Relations["va"].Updatable)
	same, err := cache.Check(ctx, s, exposed(s))
	require.NoError(t, err)
	require.Same(t, got, same)
}

// TestHostileSearchPath holds that what a project names like what the catalog is read with is not taken for it.
func TestHostileSearchPath(t *testing.T) {
	t.Parallel()
	s := setup(t, false, `
		create function called() returns int language plpgsql volatile as 'begin raise exception ''the load ran code''; end';
		create function left(text, int) returns text language plpgsql as 'begin raise exception ''the load ran code''; end';
		create function format_type(oid, int) returns text language plpgsql as 'begin raise exception ''the load ran code''; end';
		create function hashtextextended(text, bigint) returns bigint language plpgsql as 'begin raise exception ''the load ran code''; end';
		create function tripped(oid, oid) returns boolean language plpgsql as 'begin raise exception ''the load ran code''; end';
		create operator = (leftarg = oid, rightarg = oid, function = tripped);
		create domain text as int check (called() > 0); create domain oid as int; create domain bigint as int check (called() > 0);
		create table pg_class (a int default called()); create table pg_attribute (x int); create view pg_namespace as select called() as nspname;`)
	c, err := catalog.Load(context.Background(), s, exposed(s))
	require.NoError(t, err)
	require.Len(t, c.Schemas["public"].Relations, 3)
	require.False(t, c.Schemas["public"].Relations["pg_attribute"].Plain)
	require.True(t, strings.HasSuffix(c.Schemas["public"].Relations["pg_class"].Column("a").Default, "called()"))
}
