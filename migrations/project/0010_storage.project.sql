-- Files. Buckets and objects are laid out as Supabase Storage's, and belong to the project's owner, who writes policies on them. What tells of
-- bytes belongs to the service: nobody else can change what is counted and removed.

set local role {{.Admin}};

do $$ begin
    create type {{schema "storage"}}.buckettype as enum ('STANDARD', 'ANALYTICS', 'VECTOR');
exception when duplicate_object then null;
end $$;
grant usage on type {{schema "storage"}}.buckettype to public;

-- What every stored file of bytes is: an object's version names one. Copies share one.
create table if not exists {{schema "storage"}}.blobs (
    version text collate "C" not null primary key, -- in the order in which the bucket is listed
    size bigint not null check (size >= 0),
    created_at timestamptz not null default now(),
    removing_at timestamptz
);
comment on table {{schema "storage"}}.blobs is 'Bytes in the bucket, by version. Written by the service.';

create table if not exists {{schema "storage"}}.usage_log (
    id bigint generated always as identity primary key,
    bytes bigint not null,
    blobs bigint not null
);
comment on table {{schema "storage"}}.usage_log is 'Changes that are not in usage_total yet.';
create table if not exists {{schema "storage"}}.usage_total (
    one boolean not null primary key default true check (one),
    bytes bigint not null default 0,
    blobs bigint not null default 0
);
comment on table {{schema "storage"}}.usage_total is 'The sum of what is stored, but for usage_log.';
insert into {{schema "storage"}}.usage_total default values on conflict do nothing;

create table if not exists {{schema "storage"}}.removals (
    id bigint generated always as identity primary key, -- what two transactions note of one version is two rows: neither waits, none is lost
    version text collate "C" not null,
    removed_at timestamptz not null default now()
);
comment on table {{schema "storage"}}.removals is 'Versions that lost an object. Their bytes go unless another object has them.';
create index if not exists removals_version_idx on {{schema "storage"}}.removals (version);
create index if not exists blobs_removing_at_idx on {{schema "storage"}}.blobs (removing_at) where removing_at is not null;

-- Every upload writes below a lease. When it has ended, what lies below it and is not in blobs belongs to an upload that died.
create table if not exists {{schema "storage"}}.leases (
    id text not null primary key,
    worker text not null,
    created_at timestamptz not null default now(),
    ends_at timestamptz not null
);
comment on table {{schema "storage"}}.leases is 'Folders of the bucket that uploads write to.';

create table if not exists {{schema "storage"}}.resumable_uploads (
    id text not null primary key,
    bucket_id text not null,
    name text not null,
    version text not null,
    size bigint,
    owner_id text,
    role text not null,
    upsert boolean not null default false,
    metadata jsonb not null default '{}',
    user_metadata jsonb,
    state jsonb not null default '{}',
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
comment on table {{schema "storage"}}.resumable_uploads is 'Uploads by TUS that are under way.';
create index if not exists resumable_uploads_expires_at_idx on {{schema "storage"}}.resumable_uploads (expires_at);

create table if not exists {{schema "storage"}}.renditions (
    version text not null,
    recipe text not null,
    key text collate "C" not null unique,
    size bigint not null,
    mime_type text not null,
    created_at timestamptz not null default now(),
    used_at timestamptz not null default now(),
    primary key (version, recipe)
);
comment on table {{schema "storage"}}.renditions is 'Images that were made of others and are kept for a while.';
create index if not exists renditions_used_at_idx on {{schema "storage"}}.renditions (used_at);

create table if not exists {{schema "storage"}}.s3_access_keys (
    id text not null primary key,
    description text not null default '',
    secret_sealed bytea not null,
    created_at timestamptz not null default now(),
    last_used_at timestamptz
);
comment on table {{schema "storage"}}.s3_access_keys is 'Access keys of the S3 protocol.';

create table if not exists {{schema "storage"}}.outbox (
    id uuid not null primary key,
    kind text not null,
    payload jsonb not null,
    created_at timestamptz not null default now(),
    attempts int not null default 0,
    last_error text not null default '',
    failed_at timestamptz
);
comment on table {{schema "storage"}}.outbox is 'What is left for later: bytes to remove, leases and uploads to end, events to tell.';
create index if not exists outbox_created_at_idx on {{schema "storage"}}.outbox (created_at) where failed_at is null;

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
    if not pg_try_advisory_xact_lock('{{schema "storage"}}.usage_total'::regclass::oid::bigint) then return; end if;
    with gone as (delete from {{schema "storage"}}.usage_log returning bytes, blobs)
    update {{schema "storage"}}.usage_total set bytes = usage_total.bytes + s.bytes, blobs = usage_total.blobs + s.blobs
    from (select coalesce(sum(bytes), 0)::bigint as bytes, coalesce(sum(blobs), 0)::bigint as blobs from gone) s;
end $$;

-- An upload's bytes are durable: they count from now on. Called in the transaction that writes the object's row. most
-- is what the project may store, or 0. What it stores now comes back. Below a lease that has ended
-- nothing can be kept any more, whenever a worker that stood still goes on: who ends a lease takes the same lock for itself.
create or replace function {{schema "storage"}}.keep_blob(blob_version text, blob_size bigint, most bigint default 0, out bytes bigint, out blobs bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare lease text := split_part(blob_version, '/', 1);
begin
    perform pg_advisory_xact_lock_shared(hashtextextended(lease, 0));
    if not exists (select from {{schema "storage"}}.leases where id = lease) then
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

-- A function is everyone's by default: these are the service's.
revoke execute on function {{schema "storage"}}.fold_usage() from public;

-- What the project stores.
create or replace function {{schema "storage"}}.used(out bytes bigint, out blobs bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select t.bytes + l.bytes, t.blobs + l.blobs
    from {{schema "storage"}}.usage_total t,
        (select coalesce(sum(bytes), 0)::bigint as bytes, coalesce(sum(blobs), 0)::bigint as blobs from {{schema "storage"}}.usage_log) l
$$;

-- Notes versions that lost an object, and leaves their removal for later.
create or replace function {{schema "storage"}}.objects_gone() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare due timestamptz := date_trunc('minute', clock_timestamp()) + interval '1 minute';
begin
    insert into {{schema "storage"}}.removals (version)
        select distinct version from gone where octet_length(version) = 53; -- as package blob makes them
    if not found then return null; end if;
    insert into {{schema "storage"}}.outbox (id, kind, payload, created_at)
        select gen_random_uuid(), 'remove', '{}', due
        where not exists (select from {{schema "storage"}}.outbox where kind = 'remove' and created_at = due and failed_at is null);
    return null;
end $$;
create or replace function {{schema "storage"}}.objects_replaced() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare due timestamptz := date_trunc('minute', clock_timestamp()) + interval '1 minute';
begin
    insert into {{schema "storage"}}.removals (version)
        select distinct gone.version from gone join kept using (id) where gone.version is distinct from kept.version and octet_length(gone.version) = 53;
    if not found then return null; end if;
    insert into {{schema "storage"}}.outbox (id, kind, payload, created_at)
        select gen_random_uuid(), 'remove', '{}', due
        where not exists (select from {{schema "storage"}}.outbox where kind = 'remove' and created_at = due and failed_at is null);
    return null;
end $$;

grant select on {{schema "storage"}}.blobs, {{schema "storage"}}.usage_log, {{schema "storage"}}.usage_total, {{schema "storage"}}.removals,
    {{schema "storage"}}.leases, {{schema "storage"}}.resumable_uploads, {{schema "storage"}}.renditions, {{schema "storage"}}.outbox to {{.OwnerGroup}};
grant usage, create on schema {{schema "storage"}} to {{.Owner}}; -- create is taken back at the end
reset role;

set local role {{.Owner}};

create table if not exists {{schema "storage"}}.buckets (
    id text not null primary key,
    name text not null,
    owner uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    public boolean default false,
    avif_autodetection boolean default false,
    file_size_limit bigint,
    allowed_mime_types text[],
    owner_id text,
    type {{schema "storage"}}.buckettype not null default 'STANDARD'
);
comment on column {{schema "storage"}}.buckets.owner is 'Deprecated, use owner_id instead';
create unique index if not exists bname on {{schema "storage"}}.buckets (name);

create table if not exists {{schema "storage"}}.objects (
    id uuid not null primary key default gen_random_uuid(),
    bucket_id text constraint "objects_bucketId_fkey" references {{schema "storage"}}.buckets,
    name text collate "C", -- names sort by their bytes, as in S3
    owner uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    last_accessed_at timestamptz default now(),
    metadata jsonb,
    path_tokens text[] generated always as (string_to_array(name, '/')) stored,
    version text collate "C",
    owner_id text,
    user_metadata jsonb
);
comment on column {{schema "storage"}}.objects.owner is 'Deprecated, use owner_id instead';
create unique index if not exists bucketid_objname on {{schema "storage"}}.objects (bucket_id, name);
create index if not exists objects_version_idx on {{schema "storage"}}.objects (version);

create table if not exists {{schema "storage"}}.s3_multipart_uploads (
    id text not null primary key,
    in_progress_size bigint not null default 0,
    upload_signature text not null,
    bucket_id text not null references {{schema "storage"}}.buckets,
    key text collate "C" not null,
    version text not null,
    owner_id text,
    created_at timestamptz not null default now(),
    user_metadata jsonb,
    metadata jsonb
);
create index if not exists idx_multipart_uploads_list on {{schema "storage"}}.s3_multipart_uploads (bucket_id, key, created_at);

create table if not exists {{schema "storage"}}.s3_multipart_uploads_parts (
    id uuid not null primary key default gen_random_uuid(),
    upload_id text not null references {{schema "storage"}}.s3_multipart_uploads on delete cascade,
    size bigint not null default 0,
    part_number integer not null,
    bucket_id text not null references {{schema "storage"}}.buckets,
    key text collate "C" not null,
    etag text not null,
    owner_id text,
    version text not null,
    created_at timestamptz not null default now()
);
create index if not exists s3_multipart_uploads_parts_upload_id_idx on {{schema "storage"}}.s3_multipart_uploads_parts (upload_id, part_number);

alter table {{schema "storage"}}.buckets enable row level security;
alter table {{schema "storage"}}.objects enable row level security;
alter table {{schema "storage"}}.s3_multipart_uploads enable row level security;
alter table {{schema "storage"}}.s3_multipart_uploads_parts enable row level security;

grant select, insert, update, delete on {{schema "storage"}}.buckets, {{schema "storage"}}.objects to {{.Anon}}, {{.Authenticated}}, {{.ServiceRole}};
grant select, insert, update, delete on {{schema "storage"}}.s3_multipart_uploads, {{schema "storage"}}.s3_multipart_uploads_parts to {{.ServiceRole}};
grant select on {{schema "storage"}}.s3_multipart_uploads, {{schema "storage"}}.s3_multipart_uploads_parts to {{.Anon}}, {{.Authenticated}};

create or replace function {{schema "storage"}}.update_updated_at_column() returns trigger language plpgsql as $$
begin
    new.updated_at = now();
    return new;
end $$;
create or replace trigger update_objects_updated_at before update on {{schema "storage"}}.objects
    for each row execute function {{schema "storage"}}.update_updated_at_column();
create or replace trigger objects_gone after delete on {{schema "storage"}}.objects
    referencing old table as gone for each statement execute function {{schema "storage"}}.objects_gone();
create or replace trigger objects_replaced after update on {{schema "storage"}}.objects
    referencing old table as gone new table as kept for each statement execute function {{schema "storage"}}.objects_replaced();

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
reset role;
revoke create on schema {{schema "storage"}} from {{.Owner}};
