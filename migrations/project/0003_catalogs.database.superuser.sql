-- Hides other projects from the catalogs that all databases of a server share. Each relation is renamed to
-- "fluxbase_all_<name>", closed to the public, and replaced by a view of the rows that concern this project. Postgres itself goes by
-- object ids and does not notice. What no tool of a project's owner needs is closed without a replacement.

set local allow_system_table_mods = on;

do $do$
declare
    r record;
begin
    for r in
        select * from (values
            ('pg_roles', false, $$oid < 16384
                or rolname in ('anon', 'authenticated', 'service_role', 'fluxbase_owner')
                or starts_with(rolname, {{.MyRef}} || '_')
                or oid = (select datdba from pg_database where datname = current_database())$$),
            ('pg_user', false, 'usesysid in (select oid from pg_roles)'),
            ('pg_auth_members', false, 'roleid in (select oid from pg_roles) and member in (select oid from pg_roles)'),
            ('pg_db_role_setting', false, $$setdatabase in (0, (select oid from pg_database where datname = current_database()))
                and (setrole = 0 or setrole in (select oid from pg_roles where starts_with(rolname, {{.MyRef}} || '_')))$$),
            ('pg_shdepend', false, 'dbid = (select oid from pg_database where datname = current_database())'),
            ('pg_database', false, 'datname = current_database()'),
            ('pg_stat_activity', true, $$datname = current_database() {{if .Shared}}and starts_with(usename, {{.MyRef}} || '_'){{end}}$$),
            ('pg_stat_database', true, 'datname = current_database()'),
            ('pg_locks', true, 'database = (select oid from pg_database where datname = current_database())'),
            ('pg_prepared_xacts', true, $$database = current_database() {{if .Shared}}and starts_with(owner, {{.MyRef}} || '_'){{end}}$$),
            ('pg_stat_progress_create_index', true, 'datname = current_database()'),
            ('pg_stat_progress_vacuum', true, 'datname = current_database()'),
            ('pg_stat_progress_analyze', true, 'datname = current_database()'),
            ('pg_stat_progress_cluster', true, 'datname = current_database()'),
            ('pg_stat_progress_copy', true, 'datname = current_database()')
        ) as t (name, by_function, keep)
    loop
        if not exists (select from pg_class where relname = 'fluxbase_all_' || r.name and relnamespace = 'pg_catalog'::regnamespace) then
            execute format('alter table pg_catalog.%I rename to %I', r.name, 'fluxbase_all_' || r.name);
        end if;
        execute format('revoke all on pg_catalog.%I from public', 'fluxbase_all_' || r.name);
        if r.by_function then
            -- A view calls functions as its reader, who may not call these any more: a definer's function stands between.
            execute format(
                'create or replace function pg_catalog.%I() returns setof pg_catalog.%I language sql stable security definer '
                'set search_path = pg_catalog, pg_temp as %L',
                'fluxbase_own_' || r.name, 'fluxbase_all_' || r.name,
                format('select * from pg_catalog.%I where %s', 'fluxbase_all_' || r.name, r.keep));
            execute format('create or replace view pg_catalog.%I as select * from pg_catalog.%I()', r.name, 'fluxbase_own_' || r.name);
        else
            execute format('create or replace view pg_catalog.%I with (security_barrier) as select *%s from pg_catalog.%I where %s', r.name,
                case r.name when 'pg_database' then ', tableoid' end, -- pg_dump --create asks for it
                'fluxbase_all_' || r.name, r.keep);
        end if;
        execute format('grant select on pg_catalog.%I to public', r.name);
    end loop;

    for r in select oid::regprocedure as function from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace and (
            proname like 'pg\_stat\_get\_backend\_%' or proname like 'pg\_stat\_get\_db\_%' or proname in (
                'pg_stat_get_activity', 'pg_stat_get_wal_senders', 'pg_stat_get_progress_info', 'pg_stat_get_subscription',
                'pg_stat_get_subscription_stats', 'pg_stat_get_replication_slot', 'pg_get_replication_slots',
                'pg_show_replication_origin_status', 'pg_prepared_xact', 'pg_lock_status', 'pg_tablespace_databases',
                'pg_get_backend_memory_contexts', 'pg_tablespace_size'))
    loop
        -- "pg_stat_get_backend_idset" and its like take part in no view that stays open.
        execute format('revoke all on function %s from public', r.function);
    end loop;

    revoke all on pg_catalog.pg_group, pg_catalog.pg_replication_origin, pg_catalog.pg_subscription from public;
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
