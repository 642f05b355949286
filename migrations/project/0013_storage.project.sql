-- Files. Buckets and objects are laid out as Supabase Storage's, and belong to the project's owner, who writes policies on them. What tells of
-- bytes belongs to a role of the service's own, as which no code of the project's runs: nobody else can change what is counted and removed. So
-- whatever runs as it names nothing of the owner's: no table, function, type or operator (docs/adr/0015). The functions are in 0014.

grant usage, create on schema {{schema "storage"}} to {{.Owner}}; -- taken back at the end of 0014

-- In projects from before that role all of it was the admin's, the functions of triggers included, which are the owner's now.
alter schema {{schema "storage"}} owner to {{.Storage}};
do $do$
declare change text;
begin
    if not exists (select from pg_class where oid = to_regclass('{{schema "storage"}}.blobs') and relowner = '{{.Admin}}'::regrole) then return; end if;
    for change in
        select format('alter table %s owner to {{.Storage}}', oid::regclass) from pg_class
            where relnamespace = '{{schema "storage"}}'::regnamespace and relkind = 'r' and relowner = '{{.Admin}}'::regrole
        union all
        select format('alter type %s owner to {{.Storage}}', oid::regtype) from pg_type
            where typnamespace = '{{schema "storage"}}'::regnamespace and typtype = 'e' and typowner = '{{.Admin}}'::regrole
        union all
        select format('alter function %s owner to %s', oid::regprocedure, case when prorettype = 'trigger'::regtype then '{{.Owner}}' else '{{.Storage}}' end) from pg_proc
            where pronamespace = '{{schema "storage"}}'::regnamespace and proowner = '{{.Admin}}'::regrole
    loop
        execute change;
    end loop;
end $do$;

set local role {{.Storage}};

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

create index if not exists outbox_kind_idx on {{schema "storage"}}.outbox (kind, created_at, id) where failed_at is null;

grant select on {{schema "storage"}}.blobs, {{schema "storage"}}.usage_log, {{schema "storage"}}.usage_total, {{schema "storage"}}.removals,
    {{schema "storage"}}.leases, {{schema "storage"}}.resumable_uploads, {{schema "storage"}}.renditions, {{schema "storage"}}.outbox to {{.OwnerGroup}};
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
reset role;
