-- Hides other projects from the catalogs that all databases of a server share, and closes what no tool of a project's owner needs.
--
-- A system view is replaced in its place by its rows that concern this project: it keeps its object id, without which pg_dump
-- refuses it. A shared table is renamed to "fluxbase_all_<name>", closed to the public, and a view takes its name: Postgres
-- itself goes by object ids and does not notice. As pg_dump reads pg_database, that one takes the place of a system view too: of
-- pg_group, which has been obsolete since PostgreSQL 8.1.

set local allow_system_table_mods = on;

-- The views as Postgres made them, so that this can be done again.
create table if not exists fluxbase.system_view (name text primary key, definition text not null);
revoke all on fluxbase.system_view from public;
{{- if not .Shared}}
grant select on fluxbase.system_view to {{.OwnerGroup}}; -- for pg_dump
{{- end}}

do $do$
declare
    r record;
    original text;
begin
    if exists (select from pg_class where oid = 'pg_catalog.pg_database'::regclass and relkind = 'r') then
        alter table pg_catalog.pg_database rename to fluxbase_all_pg_database;
        revoke all on pg_catalog.fluxbase_all_pg_database from public;
        alter view pg_catalog.pg_group rename to pg_database;
        alter view pg_catalog.pg_database rename column groname to datname;
        alter view pg_catalog.pg_database rename column grosysid to oid;
        alter view pg_catalog.pg_database rename column grolist to fluxbase_unused;
    end if;
    select string_agg(quote_ident(attname), ', ' order by attnum) into original from pg_attribute
        where attrelid = 'pg_catalog.fluxbase_all_pg_database'::regclass and attnum > 0 and attname not in ('datname', 'oid');
    execute format('create or replace view pg_catalog.pg_database with (security_barrier) as
        select datname, oid, null::oid[] as fluxbase_unused, %s, tableoid from pg_catalog.fluxbase_all_pg_database where datname = current_database()', original);

    for r in
        select * from (values
            ('pg_auth_members', $$exists (select from pg_catalog.pg_roles o where o.oid = roleid) and exists (select from pg_catalog.pg_roles o where o.oid = member)$$),
            ('pg_db_role_setting', $$setdatabase in (0, (select d.oid from pg_catalog.pg_database d))
                and (setrole = 0 or exists (select from pg_catalog.pg_roles o where o.oid = setrole and starts_with(o.rolname, {{.MyRef}} || '_')))$$),
            ('pg_shdepend', 'dbid = (select d.oid from pg_catalog.pg_database d)')
        ) as t (name, keep)
    loop
        if not exists (select from pg_class where relname = 'fluxbase_all_' || r.name and relnamespace = 'pg_catalog'::regnamespace) then
            execute format('alter table pg_catalog.%I rename to %I', r.name, 'fluxbase_all_' || r.name);
            execute format('revoke all on pg_catalog.%I from public', 'fluxbase_all_' || r.name);
        end if;
        execute format('create or replace view pg_catalog.%I with (security_barrier) as select * from pg_catalog.%I where %s',
            r.name, 'fluxbase_all_' || r.name, r.keep);
        execute format('grant select on pg_catalog.%I to public', r.name);
    end loop;

    for r in
        select * from (values
            ('pg_roles', false, $$oid < 16384
                or rolname in ('anon', 'authenticated', 'service_role', 'fluxbase_owner')
                or starts_with(rolname, {{.MyRef}} || '_')
                or oid = (select d.datdba from pg_catalog.fluxbase_all_pg_database d where d.datname = current_database())$$),
            ('pg_user', false, $$usesysid < 16384 or starts_with(usename, {{.MyRef}} || '_')$$),
            ('pg_stat_activity', true, $$datname = current_database() {{if .Shared}}and starts_with(usename, {{.MyRef}} || '_'){{end}}$$),
            ('pg_stat_database', true, 'datname = current_database()'),
            ('pg_locks', true, 'database = (select d.oid from pg_catalog.pg_database d)'),
            ('pg_prepared_xacts', true, $$database = current_database() {{if .Shared}}and starts_with(owner, {{.MyRef}} || '_'){{end}}$$),
            ('pg_stat_progress_create_index', true, 'datname = current_database()'),
            ('pg_stat_progress_vacuum', true, 'datname = current_database()'),
            ('pg_stat_progress_analyze', true, 'datname = current_database()'),
            ('pg_stat_progress_cluster', true, 'datname = current_database()'),
            ('pg_stat_progress_copy', true, 'datname = current_database()')
        ) as t (name, by_function, keep)
    loop
        insert into fluxbase.system_view values (r.name, rtrim(pg_get_viewdef(('pg_catalog.' || r.name)::regclass), ';')) on conflict do nothing;
        select definition into original from fluxbase.system_view where name = r.name;
        if r.by_function then
            -- A view calls functions as its reader, who may not call these any more: a definer's function stands between.
            execute format('create or replace view pg_catalog.%I as %s', 'fluxbase_all_' || r.name, original);
            execute format('revoke all on pg_catalog.%I from public', 'fluxbase_all_' || r.name);
            execute format(
                'create or replace function pg_catalog.%I() returns setof pg_catalog.%I language sql stable security definer '
                'set search_path = pg_catalog, pg_temp as %L',
                'fluxbase_own_' || r.name, 'fluxbase_all_' || r.name,
                format('select * from pg_catalog.%I where %s', 'fluxbase_all_' || r.name, r.keep));
            execute format('create or replace view pg_catalog.%I as select * from pg_catalog.%I()', r.name, 'fluxbase_own_' || r.name);
        else
            -- Whoever runs as a plain role may change its settings: shown to all, they would carry messages.
            execute format('create or replace view pg_catalog.%I with (security_barrier) as select %s from (%s) every_row where %s', r.name,
                (select string_agg(case attname when 'rolconfig' then $$case when starts_with(rolname, {{.MyRef}} || '_') then rolconfig end as rolconfig$$
                    else quote_ident(attname) end, ', ' order by attnum)
                    from pg_attribute where attrelid = ('pg_catalog.' || r.name)::regclass and attnum > 0),
                original, r.keep);
        end if;
    end loop;

    for r in select oid::regprocedure as function from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace and (
            proname like 'pg\_stat\_get\_backend\_%' or proname like 'pg\_stat\_get\_db\_%' or proname in (
                'pg_stat_get_activity', 'pg_stat_get_wal_senders', 'pg_stat_get_progress_info', 'pg_stat_get_subscription',
                'pg_stat_get_subscription_stats', 'pg_stat_get_replication_slot', 'pg_get_replication_slots',
                'pg_show_replication_origin_status', 'pg_prepared_xact', 'pg_lock_status', 'pg_tablespace_databases',
                'pg_get_backend_memory_contexts', 'pg_tablespace_size'))
    loop
        execute format('revoke all on function %s from public', r.function);
    end loop;

    revoke all on pg_catalog.pg_replication_origin from public;
end $do$;

-- A dump compares privileges in pg_catalog with those recorded here: record ours, or each dump would carry them.
delete from pg_catalog.pg_init_privs i using pg_catalog.pg_class c
    where i.classoid = 'pg_catalog.pg_class'::regclass and i.objoid = c.oid and i.objsubid = 0
    and c.relnamespace = 'pg_catalog'::regnamespace and c.relacl is distinct from i.initprivs;
insert into pg_catalog.pg_init_privs (objoid, classoid, objsubid, privtype, initprivs)
    select c.oid, 'pg_catalog.pg_class'::regclass, 0, 'i', c.relacl from pg_catalog.pg_class c
    where c.relnamespace = 'pg_catalog'::regnamespace and c.relacl is not null and not exists (
        select from pg_catalog.pg_init_privs i
        where i.classoid = 'pg_catalog.pg_class'::regclass and i.objoid = c.oid and i.objsubid = 0);
delete from pg_catalog.pg_init_privs i using pg_catalog.pg_proc p
    where i.classoid = 'pg_catalog.pg_proc'::regclass and i.objoid = p.oid
    and p.pronamespace = 'pg_catalog'::regnamespace and p.proacl is distinct from i.initprivs;
insert into pg_catalog.pg_init_privs (objoid, classoid, objsubid, privtype, initprivs)
    select p.oid, 'pg_catalog.pg_proc'::regclass, 0, 'i', p.proacl from pg_catalog.pg_proc p
    where p.pronamespace = 'pg_catalog'::regnamespace and p.proacl is not null and not exists (
        select from pg_catalog.pg_init_privs i
        where i.classoid = 'pg_catalog.pg_proc'::regclass and i.objoid = p.oid and i.objsubid = 0);

set local allow_system_table_mods = off;
