-- Events of objects, for webhooks, and paths that a cache must forget: written in the transaction that changes the rows, when the service asked for
-- it by settings of that transaction.
--   storage.events     which events are to be told, by their names with commas between
--   storage.events_id  the id of the first item of kind "event", so that the service can see to it at once
--   storage.purges_id  the same of kind "purge"; without it nothing is purged
-- An item holds up to about 60 kB of events, and the id of the one that follows.

set local role {{.Admin}};

create index if not exists outbox_kind_idx on {{schema "storage"}}.outbox (kind, created_at, id) where failed_at is null;

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
                insert into {{schema "storage"}}.outbox (id, kind, payload) values (event_id, 'event', ('{"next":"' || following || '","events":[' || events || ']}')::jsonb);
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
                    insert into {{schema "storage"}}.outbox (id, kind, payload) values (purge_id, 'purge', ('{"next":"' || following || '","purges":[' || purges || ']}')::jsonb);
                    purge_id := following;
                    purges := '';
                end if;
                purges := concat_ws(',', nullif(purges, ''), entry);
            end if;
        end if;
    end loop;
    close changes;
    if events <> '' then
        insert into {{schema "storage"}}.outbox (id, kind, payload) values (event_id, 'event', ('{"events":[' || events || ']}')::jsonb);
    end if;
    if purges <> '' then
        insert into {{schema "storage"}}.outbox (id, kind, payload) values (purge_id, 'purge', ('{"purges":[' || purges || ']}')::jsonb);
    end if;
    return null;
end $$;

-- What a bucket held is no longer public: nobody may read it from a cache.
create or replace function {{schema "storage"}}.bucket_hidden() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare purge_id uuid := current_setting('storage.purges_id', true)::uuid;
begin
    if exists (select from {{schema "storage"}}.outbox where id = purge_id) then purge_id := gen_random_uuid(); end if;
    insert into {{schema "storage"}}.outbox (id, kind, payload)
        values (purge_id, 'purge', jsonb_build_object('purges', jsonb_build_array(jsonb_build_object('bucket', old.id))));
    return null;
end $$;
reset role;

set local role {{.Owner}};
create or replace trigger objects_told_created after insert on {{schema "storage"}}.objects
    referencing new table as kept for each statement
    when (coalesce(current_setting('storage.events', true), '') <> '')
    execute function {{schema "storage"}}.objects_told();
create or replace trigger objects_told_changed after update on {{schema "storage"}}.objects
    referencing old table as gone new table as kept for each statement
    when (coalesce(current_setting('storage.events', true), '') <> '' or coalesce(current_setting('storage.purges_id', true), '') <> '')
    execute function {{schema "storage"}}.objects_told();
create or replace trigger objects_told_removed after delete on {{schema "storage"}}.objects
    referencing old table as gone for each statement
    when (coalesce(current_setting('storage.events', true), '') <> '' or coalesce(current_setting('storage.purges_id', true), '') <> '')
    execute function {{schema "storage"}}.objects_told();
create or replace trigger bucket_hidden after update on {{schema "storage"}}.buckets for each row
    when (old.public and not coalesce(new.public, false) and coalesce(current_setting('storage.purges_id', true), '') <> '')
    execute function {{schema "storage"}}.bucket_hidden();
reset role;
