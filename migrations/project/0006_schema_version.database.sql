-- Without the event trigger of 0002, the version must show what else a catalog of REST is made of: policies decide how statements run,
-- and defaults, comments, types, views, casts and the like what is answered.

do $do$ begin
    if exists (select from pg_catalog.pg_event_trigger where evtname = 'fluxbase_ddl_command_end') then
        return;
    end if;
    execute $create$
        create or replace function fluxbase.schema_version() returns bigint
        language sql stable security definer set search_path = pg_catalog, pg_temp as $$
            select coalesce(sum(v), 0)::bigint from (
                select oid::bigint + xmin::text::bigint as v from pg_class where oid >= 16384
                union all select oid::bigint + xmin::text::bigint from pg_proc where oid >= 16384
                union all select oid::bigint + xmin::text::bigint from pg_constraint where oid >= 16384
                union all select attrelid::bigint + attnum + xmin::text::bigint from pg_attribute where attrelid >= 16384
                union all select oid::bigint + xmin::text::bigint from pg_attrdef where adrelid >= 16384
                union all select indexrelid::bigint + xmin::text::bigint from pg_index where indexrelid >= 16384
                union all select oid::bigint + xmin::text::bigint from pg_policy
                union all select oid::bigint + xmin::text::bigint from pg_rewrite where oid >= 16384
                union all select oid::bigint + xmin::text::bigint from pg_trigger where tgtype & 64 <> 0
                union all select oid::bigint + xmin::text::bigint from pg_type where oid >= 16384
                union all select oid::bigint + xmin::text::bigint from pg_enum
                union all select oid::bigint + xmin::text::bigint from pg_cast where oid >= 16384
                union all select oid::bigint + xmin::text::bigint from pg_operator where oid >= 16384
                union all select oid::bigint + xmin::text::bigint from pg_namespace where oid >= 16384
                union all select oid::bigint + xmin::text::bigint from pg_statistic_ext
                union all select objoid::bigint + objsubid + xmin::text::bigint from pg_description where objoid >= 16384
            ) catalogs
        $$
    $create$;
end $do$;
