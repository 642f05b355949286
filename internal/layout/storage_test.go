package layout

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/pg"
)

// physical puts the project's names into SQL: {storage}, {auth}, {public}, {extensions}, and {Storage}, {Owner}, {Admin}, {ServiceRole}, {Anon}.
func (m *made) physical(sql string) string {
	var names []string
	for _, schema := range sharedSchemas {
		names = append(names, "{"+schema+"}", pg.Ident(m.Schema(schema)))
	}
	return strings.NewReplacer(append(names, "{Storage}", pg.Ident(m.Storage()), "{Owner}", pg.Ident(m.Owner()), "{Admin}", pg.Ident(m.Admin()),
		"{ServiceRole}", pg.Ident(m.Role(ServiceRole)), "{Anon}", pg.Ident(m.Role(Anon)))...).Replace(sql)
}

// storageTables are those that only the service may write.
var storageTables = []string{"blobs", "usage_shards", "removals", "leases", "resumable_uploads", "renditions", "s3_access_keys", "outbox"}

// attacksOnStorage change what storage counts and keeps, or lead to it.
func attacksOnStorage() []string {
	attacks := []string{
		"update {storage}.blobs set size = 0", "update {storage}.usage_shards set bytes = 0", "insert into {storage}.usage_shards (shard, bytes) values (99, -1)",
		"insert into {storage}.removals (version) values ('a/b')", "insert into {storage}.outbox (id, kind, payload) values (gen_random_uuid(), 'lease_ended', '{}')",
		"insert into {storage}.leases (id, worker, ends_at) values ('mine', 'me', 'infinity')", "update {storage}.resumable_uploads set size = 0",
		"select secret_sealed from {storage}.s3_access_keys", "select from {storage}.usage_shards for update", "lock table {storage}.usage_shards",
		"select from {storage}.leases for key share", "lock table {storage}.leases in row exclusive mode",
		"create or replace function {storage}.used(out bytes bigint, out blobs bigint) language sql as 'select 0::bigint, 0::bigint'",
		"create function {storage}.used(x int) returns int language sql as 'select 1'", "create operator {storage}.<> (function = int4eq, leftarg = int, rightarg = int)",
		"create table {storage}.x ()", "create temporary table x (like {storage}.blobs); alter table x set schema {storage}", "drop schema {storage} cascade",
		"alter schema {storage} owner to current_user", "grant create on schema {storage} to current_user; create table {storage}.x ()",
		"alter function {storage}.keep_blob(text, bigint, bigint) security invoker", "alter function {storage}.keep_blob(text, bigint, bigint) set search_path = public",
		"alter function {storage}.used() owner to current_user", "drop function {storage}.share_blob(text)",
		"create table {public}.heir () inherits ({storage}.blobs)", "create table {public}.key (v text references {storage}.blobs)",
		"create policy p on {storage}.blobs using (false)", "create rule r as on insert to {storage}.blobs do instead nothing",
		"create statistics {public}.s on version, size from {storage}.blobs", "create index i on {storage}.blobs (size)",
		"set role {Storage}", "set session authorization {Storage}", "grant {Storage} to current_user", "grant {Storage} to {Owner}", "reassign owned by {Storage} to current_user",
		"drop owned by {Storage}", "alter role {Storage} password 'x'", "alter role {Storage} set search_path = {public}", "alter role {Storage} set role = {Owner}",
		"alter role {Storage} in database current set search_path = {public}", "alter default privileges for role {Storage} grant all on tables to public",
		"alter default privileges for role {Storage} grant execute on functions to public", "create event trigger e on ddl_command_end execute function fluxbase.on_sql_drop()",
	}
	for _, table := range storageTables {
		attacks = append(attacks, "delete from {storage}."+table, "truncate {storage}."+table, "drop table {storage}."+table,
			"alter table {storage}."+table+" disable trigger all", "alter table {storage}."+table+" owner to current_user", "alter table {storage}."+table+" enable row level security",
			"alter table {storage}."+table+" add column x int default 1", "grant all on {storage}."+table+" to public; delete from {storage}."+table,
			"create trigger x after insert on {storage}."+table+" for each row execute function {public}.springs()")
	}
	return attacks
}

// TestNobodyButItsServiceReachesStorage tries the attacks as each role that SQL of the project's owner may run as: the owner, what signing up runs its
// triggers as, and what requests run as.
func TestNobodyButItsServiceReachesStorage(t *testing.T) {
	t.Parallel()
	c := open(t)
	bothIsolations(t, func(t *testing.T, shared bool) {
		m := create(t, c, shared)
		owner, admin, authenticator := m.owner(t), m.connect(t, m.Admin(), m.passwords.Admin), m.authenticator(t)
		exec(t, owner, "%s", m.physical(`create function {public}.springs() returns trigger language plpgsql as $$ begin return null; end $$;
			grant usage on schema {public} to public`))
		service := m.connect(t, m.Storage(), m.passwords.Storage)
		exec(t, service, "%s", m.physical(`insert into {storage}.blobs (version, size) values ('a/b', 7); update {storage}.usage_shards set bytes = 7, blobs = 1 where shard = 0;
			insert into {storage}.leases (id, worker, ends_at) values ('a', 'w', now() + interval '1 hour')`))
		try := func(as string, conn *pgx.Conn, become string) {
			for _, attack := range attacksOnStorage() {
				tx, err := conn.Begin(t.Context())
				require.NoError(t, err)
				if become != "" {
					_, err = tx.Exec(t.Context(), "set local role "+pg.Ident(become))
					require.NoError(t, err)
				}
				attack = strings.ReplaceAll(m.physical(attack), "database current ", "database "+pg.Ident(m.Database())+" ")
				_, err = tx.Exec(t.Context(), attack)
				require.Error(t, err, "%s: %s", as, attack)
				require.NoError(t, tx.Rollback(t.Context()))
			}
		}
		try("the owner", owner, "")
		try("auth", admin, "")
		try("the authenticator", authenticator, "")
		for _, r := range requestRoles {
			try(r, authenticator, m.Role(r))
			try(r, owner, m.Role(r))
		}
		require.Equal(t, "(7,1)", one[string](t, service, m.physical("select u::text from {storage}.used() u")))
		require.Equal(t, int64(7), one[int64](t, service, m.physical("select sum(size)::bigint from {storage}.blobs")))
	})
}

// TestATriggerOnUsersDoesNotReachStorage is what this is for: auth signs a user up, and the owner's trigger runs as auth.
func TestATriggerOnUsersDoesNotReachStorage(t *testing.T) {
	t.Parallel()
	c := open(t)
	bothIsolations(t, func(t *testing.T, shared bool) {
		m := create(t, c, shared)
		exec(t, m.owner(t), "%s", m.physical(`create table {public}.told (who text, code text); grant all on {public}.told to public; grant usage on schema {public} to public;
			create function {public}.falsify() returns trigger language plpgsql as $$ begin
				begin update {storage}.usage_shards set bytes = 0; insert into {public}.told values (current_user, 'done');
				exception when others then insert into {public}.told values (current_user, sqlstate); end;
				return new;
			end $$;
			create trigger falsify after insert on {auth}.users for each row execute function {public}.falsify()`))
		exec(t, m.connect(t, m.Admin(), m.passwords.Admin), "insert into %s.users (id) values (gen_random_uuid())", pg.Ident(m.Schema("auth")))
		require.Equal(t, m.Admin()+" "+pgerrcode.InsufficientPrivilege, one[string](t, m.owner(t), m.physical("select who || ' ' || code from {public}.told")))
	})
}

// traps run the function spy, wherever SQL of the service might come by.
const traps = `
create table {public}.seen (who text, how text); grant insert on {public}.seen to public; grant usage on schema {public}, {extensions} to public;
create function {public}.spy(how text) returns boolean language plpgsql as $$ begin
	insert into {public}.seen values (current_user, how);
	begin update {storage}.usage_shards set bytes = 0; insert into {public}.seen values (current_user, 'falsified');
	exception when others then null; end;
	return true;
end $$;
create function {extensions}.less(a double precision, b numeric) returns boolean language plpgsql as $$ begin return {public}.spy('operator'); end $$;
create operator {extensions}.< (function = {extensions}.less, leftarg = double precision, rightarg = numeric);
create function {extensions}.octet_length(a character varying) returns integer language plpgsql as $$ begin perform {public}.spy('overload'); return 53; end $$;
create function {extensions}.split_part(a character varying, b character varying, c integer) returns text language plpgsql as $$ begin perform {public}.spy('overload'); return ''; end $$;
create function {public}.used() returns bigint language plpgsql as $$ begin perform {public}.spy('function of the same name'); return 0; end $$;
create function {extensions}.sum(bigint) returns bigint language plpgsql as $$ begin perform {public}.spy('function of the same name'); return 0; end $$;
create table {public}.blobs (version text, size bigint); create table {extensions}.blobs (version text, size bigint);
create function {public}.springs() returns trigger language plpgsql as $$ begin perform {public}.spy('trigger'); return null; end $$;
create trigger springs after insert or update or delete on {storage}.objects for each row execute function {public}.springs();
create policy spied on {storage}.objects using ({public}.spy('policy'));
create policy spied on {storage}.buckets using ({public}.spy('policy')) with check ({public}.spy('policy'));
alter table {storage}.buckets force row level security; alter table {storage}.objects force row level security;
alter table {storage}.objects alter column user_metadata set default jsonb_build_object('x', {public}.spy('default'));
create type {public}.sly as (v text);
create function {public}.told(s {public}.sly) returns text language plpgsql as $$ begin perform {public}.spy('cast'); return (s).v; end $$;
create cast ({public}.sly as text) with function {public}.told({public}.sly) as implicit;
create function {public}.believed(v text) returns {public}.sly language sql as $$ select row(v)::{public}.sly $$;
create cast (text as {public}.sly) with function {public}.believed(text) as assignment;
create function {public}.peek(j jsonb) returns boolean language plpgsql as $$ begin return {public}.spy('domain'); end $$;
create domain {public}.odd as jsonb check ({public}.peek(value));
drop index {storage}.objects_version_idx;
alter table {storage}.objects alter column version type {public}.sly using row(version)::{public}.sly;
alter table {storage}.objects alter column metadata type {public}.odd;
alter table {storage}.objects alter column bucket_id type {public}.sly using row(bucket_id)::{public}.sly;
create function {public}.is(s {public}.sly, t text) returns boolean language plpgsql as $$ begin return {public}.spy('operator'); end $$;
create operator {extensions}.= (function = {public}.is, leftarg = {public}.sly, rightarg = text);
alter function {storage}.bucket_rules(text) security invoker;
alter function {storage}.versions_in_use(text[]) security invoker;
alter function {storage}.parts_under_way(text) security invoker`

// TestStorageRunsNothingOfTheOwners sets traps in everything of the owner's that storage comes by, and has storage work.
func TestStorageRunsNothingOfTheOwners(t *testing.T) {
	t.Parallel()
	c := open(t)
	bothIsolations(t, func(t *testing.T, shared bool) {
		m := create(t, c, shared)
		owner, service, requests := m.owner(t), m.connect(t, m.Storage(), m.passwords.Storage), m.authenticator(t)
		exec(t, owner, "%s", m.physical("alter table {storage}.objects drop constraint \"objects_bucketId_fkey\"; insert into {storage}.buckets (id, name, public) values ('b', 'b', true)"))
		exec(t, owner, "%s", m.physical(traps))
		version := "0123456789abcdef/" + "11111111-1111-1111-1111-111111111111"
		exec(t, service, "%s", m.physical(`insert into {storage}.leases (id, worker, ends_at) values ('0123456789abcdef', 'w', now() + interval '1 hour')`))
		do := func(statements ...string) {
			tx, err := requests.Begin(t.Context())
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), m.physical("set local role {ServiceRole}; set local search_path = {storage}, {public}, {extensions}"))
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), `select set_config('storage.events', 'ObjectCreated,ObjectRemoved,ObjectUpdated,ObjectMoved', true),
				set_config('storage.events_id', gen_random_uuid()::text, true), set_config('storage.purges_id', gen_random_uuid()::text, true)`)
			require.NoError(t, err)
			for _, sql := range statements {
				_, err = tx.Exec(t.Context(), sql)
				require.NoError(t, err, sql)
			}
			require.NoError(t, tx.Commit(t.Context()))
		}
		do(`insert into objects (bucket_id, name, version, metadata) values ('b'::text, 'x', '`+version+`'::text, '{}')`, `select * from used()`, `select * from bucket_rules('b')`, `select share_blob('x')`)
		do(`update buckets set public = false`)
		do(`delete from objects`)
		exec(t, service, "%s", m.physical("set search_path = {storage}, pg_temp"))
		for range 200 {
			exec(t, service, `begin; select keep_blob('0123456789abcdef/' || gen_random_uuid(), 5, 0); commit`)
		}
		for _, sql := range []string{
			`select bytes from used()`, `select share_blob(version) from blobs`, `delete from removals where id in (select id from removals order by id limit 5 for update skip locked)`,
			`update blobs set removing_at = clock_timestamp() where version = any (array['x'])`, `select exists (select from leases where starts_with(id, '0' || '1') and ends_at > now() - make_interval(secs => 5))`,
			`select sum(size)::bigint, count(*) from blobs where octet_length(version) = 53`,
		} {
			exec(t, service, "%s", sql)
		}
		rows, err := owner.Query(t.Context(), m.physical("select distinct who || ' by ' || how from {public}.seen where who <> all ($1)"), []string{m.Owner(), m.Role(ServiceRole)})
		require.NoError(t, err)
		seen, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		require.Empty(t, seen, "code of the owner ran as another role")
		require.True(t, one[bool](t, owner, m.physical("select count(distinct how) > 4 from {public}.seen")), "the traps work")
		require.Equal(t, "(1000,200)", one[string](t, service, "select u::text from used() u"))
		require.Equal(t, int64(2), one[int64](t, service, "select count(*) from outbox where kind = 'event' and payload::text like '%Removed%' or kind = 'remove'"), "what was removed was noted")
	})
}

// TestOnlyUploadsAreCounted has others than a worker's own statement tell of bytes: an upload that is counted before it is whole would be counted as small.
func TestOnlyUploadsAreCounted(t *testing.T) {
	t.Parallel()
	c := open(t)
	const keep = "select bytes, blobs from keep_blob($1::text, $2::bigint, $3::bigint)"
	const keepMany = "select bytes, blobs from keep_blobs($1::text[], $2::bigint[], $3::bigint)"
	bothIsolations(t, func(t *testing.T, shared bool) {
		m := create(t, c, shared)
		owner, service, requests := m.owner(t), m.connect(t, m.Storage(), m.passwords.Storage), m.authenticator(t)
		exec(t, service, "%s", m.physical(`insert into {storage}.leases (id, worker, ends_at) values ('lease', 'w', now() + interval '1 hour'), ('old', 'w', now() - interval '8 days')`))
		exec(t, owner, "%s", m.physical(`create view counted as select * from {storage}.keep_blob('lease/view', 0, 0);
			create function by_code() returns bigint language plpgsql as $$ begin return (select bytes from {storage}.keep_blob('lease/code', 0, 0)); end $$;
			create function by_text() returns bigint language plpgsql as $$ declare n bigint; begin
				execute '`+keep+`' into n using 'lease/text', 0, 0; return n; end $$;
			create function inlined() returns bigint language sql stable as $$ select bytes from {storage}.keep_blob('lease/inlined', 0, 0) $$;
			create function by_many() returns bigint language plpgsql as $$ declare n bigint; begin
				execute '`+keepMany+`' into n using '{lease/text}'::text[], '{0}'::bigint[], 0; return n; end $$;
			create function as_owner() returns bigint language plpgsql security definer as $$ begin return (select bytes from {storage}.keep_blob('lease/owner', 0, 0)); end $$;
			create table "select bytes, blobs from keep_blob($1::text" (a int);
			insert into "select bytes, blobs from keep_blob($1::text" values (1);
			create policy p on "select bytes, blobs from keep_blob($1::text" using (by_code() > 0);
			alter table "select bytes, blobs from keep_blob($1::text" force row level security, enable row level security;
			grant select on all tables in schema {public} to {Anon}`))
		ask := func(conn *pgx.Conn, role, sql string, args ...any) error {
			tx, err := conn.Begin(t.Context())
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), "set local role "+pg.Ident(role)+m.physical("; set local search_path = {storage}, {public}"))
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), sql, args...)
			if err != nil {
				require.NoError(t, tx.Rollback(t.Context()))
				return err
			}
			return tx.Commit(t.Context())
		}
		for _, attack := range []string{
			"select * from keep_blob('lease/direct', 0, 0)", "select bytes from counted", "table counted", "select by_code()", "select by_text()", "select inlined()", "select as_owner()",
			`select * from "select bytes, blobs from keep_blob($1::text"`, "do $$ begin perform from keep_blob('lease/do', 0, 0); end $$",
			"/* " + keep + " */ select * from keep_blob('lease/comment', 0, 0)", "select * from keep_blobs('{lease/direct}', '{0}', 0)", "select by_many()",
			"/* " + keepMany + " */ select * from keep_blobs('{lease/comment}', '{0}', 0)",
		} {
			for _, r := range []string{Anon, ServiceRole} {
				if r == ServiceRole && strings.Contains(attack, `"select`) {
					continue // no policy holds it
				}
				require.Equal(t, pgerrcode.InsufficientPrivilege, pg.Code(ask(requests, m.Role(r), attack)), attack)
			}
			require.Equal(t, pgerrcode.InsufficientPrivilege, pg.Code(ask(owner, m.Owner(), attack)), attack)
		}
		require.Equal(t, pgerrcode.InsufficientPrivilege, pg.Code(ask(owner, m.Owner(), keep, "lease/owner", int64(0), int64(0))))
		require.Equal(t, pgerrcode.InsufficientPrivilege, pg.Code(ask(owner, m.Role(ServiceRole), keep, "lease/owner", int64(0), int64(0))))
		require.NoError(t, ask(requests, m.Role(Anon), keep, "lease/upload", int64(5), int64(0)))
		require.Equal(t, pgerrcode.ObjectNotInPrerequisiteState, pg.Code(ask(requests, m.Role(Anon), keep, "old/upload", int64(5), int64(0))), "a lease that was kept from its end")
		require.Equal(t, pgerrcode.InsufficientPrivilege, pg.Code(ask(owner, m.Owner(), keepMany, []string{"lease/owner"}, []int64{0}, int64(0))))
		require.NoError(t, ask(requests, m.Role(Anon), keepMany, []string{"lease/one", "lease/two"}, []int64{6, 7}, int64(18)))
		for _, old := range [][]string{{"old/upload"}, {"lease/three", "old/upload"}, {"none/upload", "lease/three"}} {
			require.Equal(t, pgerrcode.ObjectNotInPrerequisiteState, pg.Code(ask(requests, m.Role(Anon), keepMany, old, make([]int64, len(old)), int64(0))))
		}
		require.Equal(t, pgerrcode.DiskFull, pg.Code(ask(requests, m.Role(Anon), keepMany, []string{"lease/three", "lease/four"}, []int64{0, 1}, int64(18))))
		require.Error(t, ask(requests, m.Role(Anon), keepMany, []string{"lease/three", "lease/four"}, []int64{1}, int64(0)), "each has a size")
		require.Error(t, ask(requests, m.Role(Anon), keepMany, []string{"lease/three", "lease/three"}, []int64{1, 1}, int64(0)), "none counts twice")
		require.Equal(t, "(18,3)", one[string](t, service, m.physical("select u::text from {storage}.used() u")))
	})
}

// TestTheOwnersLocksKeepNothingFromBeingCounted holds every lock that the owner can have.
func TestTheOwnersLocksKeepNothingFromBeingCounted(t *testing.T) {
	t.Parallel()
	c := open(t)
	bothIsolations(t, func(t *testing.T, shared bool) {
		m := create(t, c, shared)
		owner, service := m.owner(t), m.connect(t, m.Storage(), m.passwords.Storage)
		exec(t, service, "%s", m.physical(`update {storage}.usage_shards set bytes = 7, blobs = 1 where shard = 0`))
		exec(t, owner, "%s", m.physical(`begin; select pg_advisory_lock('{storage}.usage_shards'::regclass::oid::bigint); table {storage}.usage_shards`))
		exec(t, service, "%s", m.physical("set lock_timeout = '5s'; begin; select from {storage}.usage_shards for update; update {storage}.usage_shards set bytes = bytes + 1 where shard = 0; commit"))
		require.Equal(t, int64(8), one[int64](t, service, m.physical("select bytes from {storage}.used()")))
		exec(t, owner, "rollback")
	})
}

// TestProjectsFromBeforeStoragesLogin brings projects as they were before migration 13 to the newest.
func TestProjectsFromBeforeStoragesLogin(t *testing.T) {
	t.Parallel()
	c := open(t)
	bothIsolations(t, func(t *testing.T, shared bool) {
		for _, stopped := range []bool{false, true} {
			m := create(t, c, shared)
			exec(t, m.owner(t), "%s", m.physical("insert into {storage}.buckets (id, name) values ('b', 'b')"))
			m.backTo12(t)
			if stopped {
				require.NoError(t, c.SetConnectable(t.Context(), m.Names, false))
			}
			version, err := c.Migrate(t.Context(), m.Names, m.passwords, 12)
			require.NoError(t, err)
			require.Equal(t, Version(), version)
			_, err = pgx.Connect(t.Context(), m.url(t, m.Storage(), m.passwords.Storage, m.Database()))
			require.Equal(t, stopped, err != nil, "a project that is paused stays closed: %v", err)
			require.NoError(t, c.SetConnectable(t.Context(), m.Names, true))
			service := m.connect(t, m.Storage(), m.passwords.Storage)
			require.Equal(t, "(12,3)", one[string](t, service, m.physical("select u::text from {storage}.used() u")), "what was there stays")
			fresh := create(t, c, shared)
			require.Equal(t, fresh.storageOwners(t), m.storageOwners(t))
			_, err = m.connect(t, m.Admin(), m.passwords.Admin).Exec(t.Context(), m.physical("update {storage}.usage_shards set bytes = 0"))
			require.Equal(t, pgerrcode.InsufficientPrivilege, pg.Code(err))
			version, err = c.Migrate(t.Context(), m.Names, m.passwords, 12)
			require.NoError(t, err, "twice")
			require.Equal(t, Version(), version)
		}
	})
}

// backTo12 gives what is storage's to the admin again, and the login away.
func (m *made) backTo12(t *testing.T) {
	t.Helper()
	require.NoError(t, m.c.in(t.Context(), m.Names, func(conn *pgx.Conn) error {
		_, err := conn.Exec(t.Context(), m.physical(`drop table {storage}.usage_shards;
			create table {storage}.usage_log (id bigint generated always as identity primary key, bytes bigint not null, blobs bigint not null);
			create table {storage}.usage_total (one boolean not null primary key default true check (one), bytes bigint not null default 0, blobs bigint not null default 0);
			insert into {storage}.usage_total (bytes, blobs) values (7, 2); insert into {storage}.usage_log (bytes, blobs) values (10, 2), (-5, -1);
			alter table {storage}.usage_log owner to {Admin}; alter table {storage}.usage_total owner to {Admin};
			drop function {storage}.note_removals(text[]), {storage}.tell(uuid, text, jsonb);
			alter function {storage}.objects_gone() owner to {Admin}; alter function {storage}.objects_replaced() owner to {Admin};
			alter function {storage}.objects_told() owner to {Admin}; alter function {storage}.bucket_hidden() owner to {Admin};
			reassign owned by {Storage} to {Admin}; drop owned by {Storage}`))
		return err
	}))
	if !m.shared {
		_, err := m.c.admin.Exec(t.Context(), "drop owned by "+pg.Ident(m.Storage())) // what it may do with the database
		require.NoError(t, err)
	}
	_, err := m.c.admin.Exec(t.Context(), "drop role "+pg.Ident(m.Storage()))
	require.NoError(t, err)
}

// storageOwners tells whose everything in the schema storage is and who may use it, without names of the project.
func (m *made) storageOwners(t *testing.T) (out []string) {
	t.Helper()
	rows, err := m.owner(t).Query(t.Context(), `
		select format('%s %s %s', relkind, relname, pg_get_userbyid(relowner)), relacl::text[] from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'i', 'S')
		union all select format('function %s %s %s', proname, pg_get_userbyid(proowner), prosecdef), proacl::text[] from pg_proc where pronamespace = $1::regnamespace
		union all select format('type %s %s', typname, pg_get_userbyid(typowner)), typacl::text[] from pg_type where typnamespace = $1::regnamespace and typtype = 'e'
		union all select format('schema %s', pg_get_userbyid(nspowner)), nspacl::text[] from pg_namespace where oid = $1::regnamespace
		union all select format('trigger %s %s %s', tgname, tgenabled, pg_get_triggerdef(oid)), null from pg_trigger
			where not tgisinternal and tgrelid in (select oid from pg_class where relnamespace = $1::regnamespace)`, m.Schema("storage"))
	require.NoError(t, err)
	var what string
	var privileges []string
	_, err = pgx.ForEachRow(rows, []any{&what, &privileges}, func() error {
		for i := range privileges {
			privileges[i] = strings.ReplaceAll(privileges[i], m.Ref(), "ref")
		}
		slices.Sort(privileges)
		out = append(out, strings.ReplaceAll(what, m.Ref(), "ref")+" "+strings.Join(privileges, " "))
		return nil
	})
	require.NoError(t, err)
	slices.Sort(out)
	return out
}
