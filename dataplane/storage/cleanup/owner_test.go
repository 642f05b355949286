package cleanup_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/outbox"
	"github.com/wayli-app/fluxbase/dataplane/storage/blob"
	"github.com/wayli-app/fluxbase/dataplane/storage/cleanup"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

// traps run spy wherever storage's work comes by something of the owner's.
const traps = `
create table {public}.seen (who text, how text); grant insert on {public}.seen to public; grant usage on schema {public}, {extensions} to public;
create function {public}.spy(how text) returns boolean language plpgsql as $$ begin
	insert into {public}.seen values (current_user, how);
	begin update {storage}.usage_shards set bytes = 0; insert into {public}.seen values (current_user, 'falsified'); exception when others then null; end;
	return true;
end $$;
create function {extensions}.less(a double precision, b numeric) returns boolean language plpgsql as $$ begin perform {public}.spy('operator'); return a < b::float8; end $$;
create operator {extensions}.< (function = {extensions}.less, leftarg = double precision, rightarg = numeric);
create function {extensions}.octet_length(a varchar) returns int language plpgsql as $$ begin perform {public}.spy('overload'); return length(a); end $$;
create function {extensions}.starts_with(a varchar, b varchar) returns boolean language plpgsql as $$ begin return {public}.spy('overload'); end $$;
create function {extensions}.used(out bytes bigint, out blobs bigint) language plpgsql as $$ begin perform {public}.spy('same name'); bytes := 0; blobs := 0; end $$;
create table {extensions}.blobs (version text, size bigint); create view {extensions}.usage_shards as select {public}.spy('same name') as one;
create function {public}.springs() returns trigger language plpgsql as $$ begin perform {public}.spy('trigger'); return null; end $$;
create trigger springs after insert or update or delete on {storage}.objects for each row execute function {public}.springs();
create constraint trigger late after insert or delete on {storage}.objects deferrable initially deferred for each row execute function {public}.springs();
create policy spied on {storage}.objects using ({public}.spy('policy'));
create policy spied on {storage}.buckets using ({public}.spy('policy'));
create function {public}.peek(j jsonb) returns boolean language plpgsql as $$ begin return {public}.spy('domain'); end $$;
create domain {public}.odd as jsonb check ({public}.peek(value));
create function {public}.read(v text) returns boolean language plpgsql as $$ begin return {public}.spy('check'); end $$;
alter table {storage}.objects alter column user_metadata type {public}.odd, add check ({public}.read(version)), alter column created_at set default case when {public}.spy('default') then now() end;
alter function {storage}.bucket_rules(text) security invoker; alter function {storage}.versions_in_use(text[]) security invoker;
alter function {storage}.versions_between(text, text, int) security invoker; alter function {storage}.parts_under_way(text) security invoker`

// TestNothingOfTheOwnersRunsAsStorage has storage do all of its work in a project that is full of traps.
func TestNothingOfTheOwnersRunsAsStorage(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		first := b.Put("files", "first", "content")
		b.Owner(traps)
		for _, name := range []string{"a", "b", "c"} {
			b.Put("files", name, "content of "+name)
		}
		b.copy("a", "copied")
		b.Put("files", "b", "other content")
		b.delete("a", "copied", "c")
		dead := b.dead("dead", "never kept")
		b.tables("update removals set removed_at = now() - interval '1 hour'")
		b.remove()
		lease, _, _ := strings.Cut(dead.Version, "/")
		require.NoError(t, b.handle(b.service(), cleanup.KindLeaseEnded, blob.LeaseEnded{Lease: lease}))
		b.reconcile(cleanup.Options{Repair: true})
		b.drain(b.service(func(d *cleanup.Deps) { d.Slice = time.Minute }))
		require.Equal(t, int64(len("content")+len("other content")), storagetest.One[int64](b.Bundle, "select bytes from used()"))
		require.Equal(t, "content", b.Read("files", first.Name))
		rows := []string{}
		owner := *b.Service()
		owner.Caller.Developer = "test"
		require.NoError(t, owner.AsOwner(t.Context(), func(conn *pgx.Conn) error {
			found, err := conn.Query(t.Context(), "select distinct who || ' by ' || how from seen where who = any ($1) or how = 'falsified'", []string{b.Project.Storage.User, b.Project.Admin.User})
			if err != nil {
				return err
			}
			if rows, err = pgx.CollectRows(found, pgx.RowTo[string]); err != nil {
				return err
			}
			var sprung int
			err = conn.QueryRow(t.Context(), "select count(distinct how) from seen").Scan(&sprung)
			require.GreaterOrEqual(t, sprung, 4, "the traps work")
			return err
		}))
		require.Empty(t, rows)
	})
}

// TestBytesAreCountedThoughTheOwnerWouldNotHaveIt: an upload was cut off before it counted, the owner gives itself its bytes, and breaks what storage asks
// its tables by.
func TestBytesAreCountedThoughTheOwnerWouldNotHaveIt(t *testing.T) {
	both(t, func(t *testing.T, b *bundle) {
		kept, dead := b.Put("files", "kept", "content"), b.dead("free", "of charge")
		b.Owner("insert into {storage}.objects (bucket_id, name, version) values ('files', 'free', $1)", dead.Version)
		b.tables("delete from leases")
		b.tables("update blobs set size = 1")
		b.Owner("drop function {storage}.versions_in_use(text[]), {storage}.versions_between(text, text, int); alter table {storage}.objects rename column version to v")
		try := func(attempts int) error {
			return b.service().Handle(t.Context(), b.Service(), outbox.Item{ID: uuid.New(), Kind: cleanup.KindReconcile, Payload: []byte("{}"), Attempts: attempts, Created: time.Now()})
		}
		require.Error(t, try(0), "at first it may be for another reason")
		require.NoError(t, try(3))
		require.Equal(t, int64(len("content")+len("of charge")), storagetest.One[int64](b.Bundle, "select bytes from used()"))
		require.Equal(t, int64(2), storagetest.One[int64](b.Bundle, "select count(*) from blobs"))
		require.Len(t, b.StoredKeys(), 2, "nothing is removed that an object may have: "+kept.Name)
		require.NoError(t, try(3), "twice")
		require.Equal(t, int64(2), storagetest.One[int64](b.Bundle, "select blobs from used()"))
	})
}
