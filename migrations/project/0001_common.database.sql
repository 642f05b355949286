-- What every database that holds projects has once: the readers of a request's claims, and the schema "fluxbase".

create schema if not exists auth;
grant usage on schema auth to public;

-- The claims of the request's token. Plain SQL, so that the planner inlines them into policies.
create or replace function auth.jwt() returns jsonb language sql stable as $$
    select coalesce(
        nullif(current_setting('request.jwt.claims', true), ''),
        nullif(current_setting('request.jwt.claim', true), '')
    )::jsonb
$$;
comment on function auth.jwt() is 'Claims of the request''s token.';

create or replace function auth.uid() returns uuid language sql stable as $$
    select coalesce(
        nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', ''),
        nullif(current_setting('request.jwt.claim.sub', true), '')
    )::uuid
$$;
comment on function auth.uid() is 'Id of the user who asks, or null.';

create or replace function auth.role() returns text language sql stable as $$
    select coalesce(
        nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role', ''),
        nullif(current_setting('request.jwt.claim.role', true), '')
    )
$$;
comment on function auth.role() is 'Role of the request: anon, authenticated or service_role.';

create or replace function auth.email() returns text language sql stable as $$
    select coalesce(
        nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email', ''),
        nullif(current_setting('request.jwt.claim.email', true), '')
    )
$$;
comment on function auth.email() is 'Email address of the user who asks, or null.';

create schema if not exists fluxbase;
grant usage on schema fluxbase to public;

-- Counts schema changes. Several slots a project, so that two transactions that both change the schema do not wait for
-- each other; the version is their sum. In a project's own database "ref" is empty.
create table if not exists fluxbase.schema_change (
    ref text not null,
    slot bigint generated always as identity,
    version bigint not null,
    primary key (ref, slot)
);
revoke all on fluxbase.schema_change from public;
{{- if not .Shared}}
grant select on fluxbase.schema_change, fluxbase.schema_change_slot_seq to {{.OwnerGroup}}; -- for pg_dump
{{- end}}

-- Where no superuser can make the event trigger of 0002, the version is a sum over the catalogs: slower, but any change shows.
create or replace function fluxbase.schema_version() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(sum(v), 0)::bigint from (
        select oid::bigint + xmin::text::bigint as v from pg_class where oid >= 16384
        union all select oid::bigint + xmin::text::bigint from pg_proc where oid >= 16384
        union all select oid::bigint + xmin::text::bigint from pg_constraint where oid >= 16384
        union all select attrelid::bigint + attnum + xmin::text::bigint from pg_attribute where attrelid >= 16384
    ) catalogs
$$;
comment on function fluxbase.schema_version() is 'Differs after each change of the project''s schema.';

{{if .Shared -}}
-- Nothing is made in the real "public" of a shared database.
revoke all on schema public from public;
{{- end}}
