-- What storage's tables are used by. Functions of the service's run as its role and are called with values of Postgres' own types; whatever reads
-- rows of the owner's, whose columns may have types, casts and policies of the owner's by now, runs as the owner.

set local check_function_bodies = off; -- whatever the owner did to its tables, these are made
set local role {{.Storage}};

-- Policies read these.
create or replace function {{schema "storage"}}.foldername(name text) returns text[] language sql immutable parallel safe as $$
    select (string_to_array(name, '/'))[1 : array_length(string_to_array(name, '/'), 1) - 1]
$$;
create or replace function {{schema "storage"}}.filename(name text) returns text language sql immutable parallel safe as $$
    select (string_to_array(name, '/'))[array_length(string_to_array(name, '/'), 1)]
$$;
create or replace function {{schema "storage"}}.extension(name text) returns text language sql immutable parallel safe as $$
    select reverse(split_part(reverse((string_to_array(name, '/'))[array_length(string_to_array(name, '/'), 1)]), '.', 1))
$$;
-- What is being done, as "storage.object.upload".
create or replace function {{schema "storage"}}.operation() returns text language sql stable as $$
    select nullif(current_setting('storage.operation', true), '')
$$;

-- Puts the log into the total. Whoever comes second while that is done leaves it.
create or replace function {{schema "storage"}}.fold_usage() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform from {{schema "storage"}}.usage_total for update skip locked;
    if not found then return; end if;
    with gone as (delete from {{schema "storage"}}.usage_log returning bytes, blobs)
    update {{schema "storage"}}.usage_total set bytes = usage_total.bytes + s.bytes, blobs = usage_total.blobs + s.blobs
    from (select coalesce(sum(bytes), 0)::bigint as bytes, coalesce(sum(blobs), 0)::bigint as blobs from gone) s;
end $$;

-- An upload's bytes are durable: they count from now on. Called in the transaction that writes the object's row. most
-- is what the project may store, or 0. What it stores now comes back. Below a lease that has ended
-- nothing can be kept any more, whenever a worker that stood still goes on: who ends a lease takes the same lock for itself. (Anybody can take that lock:
-- what is a week over its time has ended, lock or no lock.) It is for the worker's own statement, package object's keep.sql: called by a function, a view
-- or a policy of the owner's, it would count an upload as smaller than it is going to be.
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
    insert into {{schema "storage"}}.usage_log (bytes, blobs) values (blob_size, 1);
    if random() < 0.02 then perform {{schema "storage"}}.fold_usage(); end if;
    select u.bytes, u.blobs into bytes, blobs from {{schema "storage"}}.used() u;
    if most > 0 and bytes > most then raise disk_full using message = 'the storage is full'; end if;
end $$;

-- Holds a version's bytes for another object until the transaction ends.
create or replace function {{schema "storage"}}.share_blob(blob_version text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare b record;
begin
    select size, removing_at into b from {{schema "storage"}}.blobs where version = blob_version for share;
    if not found then return null; end if;
    if b.removing_at is not null then raise serialization_failure using message = 'the bytes are being removed'; end if;
    return b.size;
end $$;

-- What the project stores.
create or replace function {{schema "storage"}}.used(out bytes bigint, out blobs bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select t.bytes + l.bytes, t.blobs + l.blobs
    from {{schema "storage"}}.usage_total t,
        (select coalesce(sum(bytes), 0)::bigint as bytes, coalesce(sum(blobs), 0)::bigint as blobs from {{schema "storage"}}.usage_log) l
$$;

-- Notes versions that lost an object, and leaves their removal for later. The owner may call it too, and loses no more than it could remove: bytes go
-- when they count no more, and none that an object has.
create or replace function {{schema "storage"}}.note_removals(versions text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare due timestamptz := date_trunc('minute', clock_timestamp()) + interval '1 minute';
begin
    insert into {{schema "storage"}}.removals (version)
        select distinct v from unnest(versions) v where octet_length(v) = 53; -- as package blob makes them
    if not found then return; end if;
    insert into {{schema "storage"}}.outbox (id, kind, payload, created_at)
        select gen_random_uuid(), 'remove', '{}', due
        where not exists (select from {{schema "storage"}}.outbox where kind = 'remove' and created_at = due and failed_at is null);
end $$;
-- Leaves events to be told, or paths to be purged, for later: to the addresses in the project's settings, so the owner may tell what it likes.
create or replace function {{schema "storage"}}.tell(item uuid, item_kind text, item_payload jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if item_kind <> all ('{event,purge}') then raise insufficient_privilege using message = 'no such kind'; end if;
    insert into {{schema "storage"}}.outbox (id, kind, payload) values (item, item_kind, item_payload);
end $$;

-- A function is everyone's by default: the one is the service's, the others are for the owner's triggers.
revoke execute on function {{schema "storage"}}.fold_usage(), {{schema "storage"}}.note_removals(text[]), {{schema "storage"}}.tell(uuid, text, jsonb) from public;
grant execute on function {{schema "storage"}}.note_removals(text[]), {{schema "storage"}}.tell(uuid, text, jsonb) to {{.OwnerGroup}};
reset role;

set local role {{.Owner}};

create or replace function {{schema "storage"}}.objects_gone() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    lost text[] := '{}';
    one text;
begin
    for one in select distinct version::text from gone where version is not null loop
        lost := lost || one;
        if cardinality(lost) = 10000 then
            perform {{schema "storage"}}.note_removals(lost);
            lost := '{}';
        end if;
    end loop;
    if lost <> '{}' then perform {{schema "storage"}}.note_removals(lost); end if;
    return null;
end $$;
create or replace function {{schema "storage"}}.objects_replaced() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    lost text[] := '{}';
    one text;
begin
    for one in select distinct gone.version::text from gone join kept using (id) where gone.version is distinct from kept.version and gone.version is not null loop
        lost := lost || one;
        if cardinality(lost) = 10000 then
            perform {{schema "storage"}}.note_removals(lost);
            lost := '{}';
        end if;
    end loop;
    if lost <> '{}' then perform {{schema "storage"}}.note_removals(lost); end if;
    return null;
end $$;

-- Events of objects, for webhooks, and paths that a cache must forget: written in the transaction that changes the rows, when the service asked for
-- it by settings of that transaction.
--   storage.events     which events are to be told, by their names with commas between
--   storage.events_id  the id of the first item of kind "event", so that the service can see to it at once
--   storage.purges_id  the same of kind "purge"; without it nothing is purged
-- An item holds up to about 60 kB of events, and the id of the one that follows.
create or replace function {{schema "storage"}}.objects_told() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    most constant int := 60000;
    told text[] := string_to_array(coalesce(current_setting('storage.events', true), ''), ',');
    purged boolean := coalesce(current_setting('storage.purges_id', true), '') <> '';
    stamp text := to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    changes refcursor;
    change record;
    entry text;
    events text := '';
    event_id uuid := nullif(current_setting('storage.events_id', true), '')::uuid;
    purges text := '';
    purge_id uuid := nullif(current_setting('storage.purges_id', true), '')::uuid;
    following uuid;
    last_bucket text;
    last_public boolean := false;
begin
    if tg_op = 'INSERT' then
        open changes for
            select 'ObjectCreated' as event, null::text as was_bucket, null::text as was_name, k.bucket_id, k.name, k.version, k.metadata, k.owner_id from kept k;
    elsif tg_op = 'DELETE' then
        open changes for
            select 'ObjectRemoved' as event, g.bucket_id as was_bucket, g.name as was_name, g.bucket_id, g.name, g.version, g.metadata, g.owner_id from gone g;
    else
        open changes for
            select case when (g.bucket_id, g.name) is distinct from (k.bucket_id, k.name) then 'ObjectMoved' else 'ObjectUpdated' end as event,
                g.bucket_id as was_bucket, g.name as was_name, k.bucket_id, k.name, k.version, k.metadata, k.owner_id
            from gone g join kept k using (id)
            where (g.bucket_id, g.name, g.version, g.metadata, g.user_metadata) is distinct from (k.bucket_id, k.name, k.version, k.metadata, k.user_metadata);
    end if;
    -- A statement may be the second of its transaction.
    if event_id is null or exists (select from {{schema "storage"}}.outbox where id = event_id) then event_id := gen_random_uuid(); end if;
    if purge_id is null or exists (select from {{schema "storage"}}.outbox where id = purge_id) then purge_id := gen_random_uuid(); end if;
    loop
        fetch changes into change;
        exit when not found;
        if change.event = any (told) then
            entry := jsonb_strip_nulls(jsonb_build_object('type', change.event, 'time', stamp, 'bucket', change.bucket_id, 'name', change.name,
                'old_bucket', case when change.event = 'ObjectMoved' then change.was_bucket end, 'old_name', case when change.event = 'ObjectMoved' then change.was_name end,
                'version', change.version, 'size', change.metadata -> 'size', 'mime_type', change.metadata ->> 'mimetype', 'etag', change.metadata ->> 'eTag',
                'owner_id', change.owner_id))::text;
            if events <> '' and octet_length(events) + octet_length(entry) > most then
                following := gen_random_uuid();
                perform {{schema "storage"}}.tell(event_id, 'event', ('{"next":"' || following || '","events":[' || events || ']}')::jsonb);
                event_id := following;
                events := '';
            end if;
            events := concat_ws(',', nullif(events, ''), entry);
        end if;
        if purged and change.was_name is not null then
            if change.was_bucket is distinct from last_bucket then
                last_bucket := change.was_bucket;
                last_public := coalesce((select r.public from {{schema "storage"}}.bucket_rules(last_bucket) r), false);
            end if;
            if last_public then
                entry := jsonb_build_object('bucket', change.was_bucket, 'name', change.was_name)::text;
                if purges <> '' and octet_length(purges) + octet_length(entry) > most then
                    following := gen_random_uuid();
                    perform {{schema "storage"}}.tell(purge_id, 'purge', ('{"next":"' || following || '","purges":[' || purges || ']}')::jsonb);
                    purge_id := following;
                    purges := '';
                end if;
                purges := concat_ws(',', nullif(purges, ''), entry);
            end if;
        end if;
    end loop;
    close changes;
    if events <> '' then
        perform {{schema "storage"}}.tell(event_id, 'event', ('{"events":[' || events || ']}')::jsonb);
    end if;
    if purges <> '' then
        perform {{schema "storage"}}.tell(purge_id, 'purge', ('{"purges":[' || purges || ']}')::jsonb);
    end if;
    return null;
end $$;

-- What a bucket held is no longer public: nobody may read it from a cache.
create or replace function {{schema "storage"}}.bucket_hidden() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare purge_id uuid := current_setting('storage.purges_id', true)::uuid;
begin
    if exists (select from {{schema "storage"}}.outbox where id = purge_id) then purge_id := gen_random_uuid(); end if;
    perform {{schema "storage"}}.tell(purge_id, 'purge', jsonb_build_object('purges', jsonb_build_array(jsonb_build_object('bucket', old.id))));
    return null;
end $$;

-- The rules of a bucket, whoever asks: an upload by somebody who may not see the bucket keeps to them too.
create or replace function {{schema "storage"}}.bucket_rules(bucket text)
returns table (public boolean, file_size_limit bigint, allowed_mime_types text[], type text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(b.public, false), b.file_size_limit, b.allowed_mime_types, b.type::text from {{schema "storage"}}.buckets b where b.id = bucket
$$;
-- Which of some versions objects have, and which versions in a range, in order. Whoever removes bytes asks: seeing less than all objects, as
-- row security would have it, is an error.
create or replace function {{schema "storage"}}.versions_in_use(asked text[]) returns setof text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    if row_security_active('{{schema "storage"}}.objects') then raise insufficient_privilege using message = 'row security hides objects'; end if;
    return query select distinct o.version from {{schema "storage"}}.objects o where o.version = any (asked);
end $$;
create or replace function {{schema "storage"}}.versions_between(after text, upto text, most int)
returns table (version text, bucket_id text, name text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$ -- page by page along the index, also before anybody has analyzed it
begin
    if row_security_active('{{schema "storage"}}.objects') then raise insufficient_privilege using message = 'row security hides objects'; end if;
    return query select distinct on (o.version) o.version, o.bucket_id, o.name from {{schema "storage"}}.objects o
        where o.version > after and (upto is null or o.version <= upto) order by o.version limit most;
end $$;
-- How many uploads in S3's parts that began below a lease are under way.
create or replace function {{schema "storage"}}.parts_under_way(lease text) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select count(*) from {{schema "storage"}}.s3_multipart_uploads where starts_with(version, lease || '/')
$$;
-- No one whom row security holds may learn by them what there is.
revoke execute on function {{schema "storage"}}.versions_in_use(text[]), {{schema "storage"}}.versions_between(text, text, int),
    {{schema "storage"}}.parts_under_way(text) from public;
grant execute on function {{schema "storage"}}.versions_in_use(text[]), {{schema "storage"}}.versions_between(text, text, int),
    {{schema "storage"}}.parts_under_way(text) to {{.ServiceRole}};
create or replace function {{schema "storage"}}.get_size_by_bucket() returns table (size bigint, bucket_id text) language sql stable as $$
    select sum((metadata ->> 'size')::bigint)::bigint, objects.bucket_id from {{schema "storage"}}.objects group by objects.bucket_id
$$;
create or replace function {{schema "storage"}}.update_updated_at_column() returns trigger language plpgsql as $$
begin
    new.updated_at = now();
    return new;
end $$;
-- Whatever the owner made of them, they are these again.
drop trigger if exists update_objects_updated_at on {{schema "storage"}}.objects;
create trigger update_objects_updated_at before update on {{schema "storage"}}.objects
    for each row execute function {{schema "storage"}}.update_updated_at_column();
drop trigger if exists objects_gone on {{schema "storage"}}.objects;
create trigger objects_gone after delete on {{schema "storage"}}.objects
    referencing old table as gone for each statement execute function {{schema "storage"}}.objects_gone();
drop trigger if exists objects_replaced on {{schema "storage"}}.objects;
create trigger objects_replaced after update on {{schema "storage"}}.objects
    referencing old table as gone new table as kept for each statement execute function {{schema "storage"}}.objects_replaced();
drop trigger if exists objects_told_created on {{schema "storage"}}.objects;
create trigger objects_told_created after insert on {{schema "storage"}}.objects
    referencing new table as kept for each statement
    when (coalesce(current_setting('storage.events', true), '') <> '')
    execute function {{schema "storage"}}.objects_told();
drop trigger if exists objects_told_changed on {{schema "storage"}}.objects;
create trigger objects_told_changed after update on {{schema "storage"}}.objects
    referencing old table as gone new table as kept for each statement
    when (coalesce(current_setting('storage.events', true), '') <> '' or coalesce(current_setting('storage.purges_id', true), '') <> '')
    execute function {{schema "storage"}}.objects_told();
drop trigger if exists objects_told_removed on {{schema "storage"}}.objects;
create trigger objects_told_removed after delete on {{schema "storage"}}.objects
    referencing old table as gone for each statement
    when (coalesce(current_setting('storage.events', true), '') <> '' or coalesce(current_setting('storage.purges_id', true), '') <> '')
    execute function {{schema "storage"}}.objects_told();
drop trigger if exists bucket_hidden on {{schema "storage"}}.buckets;
create trigger bucket_hidden after update on {{schema "storage"}}.buckets for each row
    when (old.public and not coalesce(new.public, false) and coalesce(current_setting('storage.purges_id', true), '') <> '')
    execute function {{schema "storage"}}.bucket_hidden();

-- A trigger function is used by who may execute it.
revoke execute on function {{schema "storage"}}.objects_gone(), {{schema "storage"}}.objects_replaced(), {{schema "storage"}}.objects_told(),
    {{schema "storage"}}.bucket_hidden() from public;
reset role;
revoke all on schema {{schema "storage"}} from {{.Owner}};
grant usage on schema {{schema "storage"}} to {{.OwnerGroup}};
