-- What a project stores, counted in place: a counter in shards, each changed by few sessions, in place of a log whose dead rows every upload read until they were
-- vacuumed; several uploads may be counted at once. And bytes that were replaced are noted row by row: an upload that may replace something, and does not, runs nothing for it.

set local check_function_bodies = off;
set local role {{.Storage}};

create table if not exists {{schema "storage"}}.usage_shards (
    shard int not null primary key,
    bytes bigint not null default 0,
    blobs bigint not null default 0
) with (fillfactor = 20); -- a change stays on its page, and leaves nothing that is not soon used again
comment on table {{schema "storage"}}.usage_shards is 'What is stored: the sum of all. A session changes its own, the number of its process by 32; corrections change -1.';
insert into {{schema "storage"}}.usage_shards (shard) select generate_series(-1, 31) on conflict do nothing;

do $do$ begin
    if to_regclass('{{schema "storage"}}.usage_log') is null then return; end if; -- had before
    lock table {{schema "storage"}}.usage_total, {{schema "storage"}}.usage_log in access exclusive mode;
    update {{schema "storage"}}.usage_shards s set bytes = s.bytes + u.bytes, blobs = s.blobs + u.blobs from {{schema "storage"}}.used() u where s.shard = -1;
end $do$;

-- As in 0014, but for the shards.
create or replace function {{schema "storage"}}.used(out bytes bigint, out blobs bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select sum(s.bytes)::bigint, sum(s.blobs)::bigint from {{schema "storage"}}.usage_shards s
$$;
create or replace function {{schema "storage"}}.keep_blob(blob_version text, blob_size bigint, most bigint default 0, out bytes bigint, out blobs bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare lease text := split_part(blob_version, '/', 1);
begin
    if right(session_user, 8) <> '_storage'
        and not (right(session_user, 14) = '_authenticator' and starts_with(current_query(), 'select bytes, blobs from keep_blob($1::text')) then
        raise insufficient_privilege using message = 'only uploads are counted';
    end if;
    perform pg_advisory_xact_lock_shared(hashtextextended(lease, 0));
    if not exists (select from {{schema "storage"}}.leases where id = lease and ends_at > now() - interval '7 days') then
        raise object_not_in_prerequisite_state using message = 'the upload took too long';
    end if;
    insert into {{schema "storage"}}.blobs (version, size) values (blob_version, blob_size);
    update {{schema "storage"}}.usage_shards s set bytes = s.bytes + blob_size, blobs = s.blobs + 1 where s.shard = pg_backend_pid() % 32;
    select sum(s.bytes), sum(s.blobs) into bytes, blobs from {{schema "storage"}}.usage_shards s;
    if most > 0 and bytes > most then raise disk_full using message = 'the storage is full'; end if;
end $$;

-- The same for several uploads at once. versions and sizes are as long as each other. For the worker's own statement too, package object's keep_many.sql.
create or replace function {{schema "storage"}}.keep_blobs(versions text[], sizes bigint[], most bigint default 0, out bytes bigint, out blobs bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    below text[] := array(select distinct split_part(v, '/', 1) from unnest(versions) v order by 1);
    lease text;
begin
    if right(session_user, 8) <> '_storage'
        and not (right(session_user, 14) = '_authenticator' and starts_with(current_query(), 'select bytes, blobs from keep_blobs($1::text[]')) then
        raise insufficient_privilege using message = 'only uploads are counted';
    end if;
    perform set_config('lock_timeout', '500ms', true); -- who waits for a row keeps the others waiting: then each goes by itself
    foreach lease in array below loop
        perform pg_advisory_xact_lock_shared(hashtextextended(lease, 0));
    end loop;
    if (select count(*) from {{schema "storage"}}.leases where id = any (below) and ends_at > now() - interval '7 days') < cardinality(below) then
        raise object_not_in_prerequisite_state using message = 'the upload took too long';
    end if;
    insert into {{schema "storage"}}.blobs (version, size) select * from unnest(versions, sizes);
    update {{schema "storage"}}.usage_shards s set bytes = s.bytes + (select sum(n) from unnest(sizes) n), blobs = s.blobs + cardinality(versions)
        where s.shard = pg_backend_pid() % 32;
    select sum(s.bytes), sum(s.blobs) into bytes, blobs from {{schema "storage"}}.usage_shards s;
    if most > 0 and bytes > most then raise disk_full using message = 'the storage is full'; end if;
end $$;

drop function if exists {{schema "storage"}}.fold_usage();
drop table if exists {{schema "storage"}}.usage_log;
drop table if exists {{schema "storage"}}.usage_total;
grant select on {{schema "storage"}}.usage_shards to {{.OwnerGroup}};
reset role;

grant usage, create on schema {{schema "storage"}} to {{.Owner}}; -- taken back below
set local role {{.Owner}};
create or replace function {{schema "storage"}}.objects_replaced() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if old.version is not null and old.version is distinct from new.version then
        perform {{schema "storage"}}.note_removals(array[old.version::text]);
    end if;
    return null;
end $$;
revoke execute on function {{schema "storage"}}.objects_replaced() from public;
drop trigger if exists objects_replaced on {{schema "storage"}}.objects;
create trigger objects_replaced after update on {{schema "storage"}}.objects
    for each row execute function {{schema "storage"}}.objects_replaced();
reset role;
revoke all on schema {{schema "storage"}} from {{.Owner}};
grant usage on schema {{schema "storage"}} to {{.OwnerGroup}};
