-- Tells workers that a project's schema changed: NOTIFY fluxbase_ddl, and the count that fluxbase.schema_version() reads.

create or replace function fluxbase.note_schema_change(refs text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    changed text;
begin
    foreach changed in array refs loop
        update fluxbase.schema_change set version = version + 1 where (ref, slot) = (
            select c.ref, c.slot from fluxbase.schema_change c where c.ref = changed order by c.slot limit 1 for update skip locked);
        if not found then
            insert into fluxbase.schema_change (ref, version) values (changed, 1);
        end if;
        perform pg_notify('fluxbase_ddl', changed);
    end loop;
end $$;
revoke all on function fluxbase.note_schema_change(text[]) from public;

create or replace function fluxbase.schema_version() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(sum(version), 0)::bigint from fluxbase.schema_change where ref = {{.SessionRef}}
$$;

-- The project that a physical schema belongs to: "abc…_public" to "abc…".
create or replace function fluxbase.ref_of(physical text) returns text language sql immutable as $$
    select (regexp_match(physical, '^"?([a-z]{20}|platform)_'))[1]
$$;

create or replace function fluxbase.on_ddl_command_end() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    refs text[];
begin
    if tg_tag = 'REFRESH MATERIALIZED VIEW' then
        return;
    end if;
{{- if .Shared}}
    -- Grants name no schema: then the project is the one that is logged in.
    select array_agg(distinct r) into refs from (
        select coalesce(fluxbase.ref_of(c.schema_name),
                        case when c.object_type = 'schema' then fluxbase.ref_of(c.object_identity) end,
                        fluxbase.ref_of(session_user)) as r
        from pg_event_trigger_ddl_commands() c
        where c.schema_name is distinct from 'pg_temp'
        union all
        select fluxbase.ref_of(session_user) where tg_tag in ('DROP OWNED', 'REASSIGN OWNED')
    ) changed where r is not null;
{{- else}}
    select array_agg(''::text) into refs from (
        select from pg_event_trigger_ddl_commands() c where c.schema_name is distinct from 'pg_temp'
        union all
        select where tg_tag in ('DROP OWNED', 'REASSIGN OWNED')
        limit 1
    ) changed;
{{- end}}
    if refs is not null then
        perform fluxbase.note_schema_change(refs);
    end if;
end $$;

create or replace function fluxbase.on_sql_drop() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    refs text[];
begin
{{- if .Shared}}
    select array_agg(distinct r) into refs from (
        select coalesce(fluxbase.ref_of(d.schema_name),
                        case when d.object_type = 'schema' then fluxbase.ref_of(d.object_name) end,
                        fluxbase.ref_of(session_user)) as r
        from pg_event_trigger_dropped_objects() d
        where not d.is_temporary
    ) changed where r is not null;
{{- else}}
    select array_agg(''::text) into refs from (
        select from pg_event_trigger_dropped_objects() d where not d.is_temporary limit 1
    ) changed;
{{- end}}
    if refs is not null then
        perform fluxbase.note_schema_change(refs);
    end if;
end $$;

revoke all on function fluxbase.on_ddl_command_end(), fluxbase.on_sql_drop(), fluxbase.ref_of(text) from public;

drop event trigger if exists fluxbase_ddl_command_end;
create event trigger fluxbase_ddl_command_end on ddl_command_end execute function fluxbase.on_ddl_command_end();
drop event trigger if exists fluxbase_sql_drop;
create event trigger fluxbase_sql_drop on sql_drop execute function fluxbase.on_sql_drop();
{{- if .Shared}}

-- A role may drop what is granted to any role that it is a member of, and every project's anon is a member of the plain one: one
-- project could take away the grants of all. Only the cluster's admin may.
create or replace function fluxbase.on_drop_owned() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if fluxbase.ref_of(session_user) is not null then
        raise insufficient_privilege using message = tg_tag || ' is not available in a database that projects share';
    end if;
end $$;
revoke all on function fluxbase.on_drop_owned() from public;
drop event trigger if exists fluxbase_drop_owned;
create event trigger fluxbase_drop_owned on ddl_command_start when tag in ('DROP OWNED')
    execute function fluxbase.on_drop_owned();
{{- end}}
