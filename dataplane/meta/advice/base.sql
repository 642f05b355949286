-- What the rules look at. It follows "own", the project's schemas, with only what the project's developers made: not the services' schemas,
-- nor what belongs to an extension. {at} names are as SQL must write them; label is how a person does.
app_role as materialized (
    select r.oid, substr(r.rolname, length(@prefix::text) + 1) as name, r.rolname::text as sql_name
    from pg_catalog.pg_roles r where r.rolname in (@prefix::text || 'anon', @prefix::text || 'authenticated')
), mine as materialized (
    select own.* from own where own.logical not in ('auth', 'storage', 'realtime', 'extensions', 'supabase_migrations')
), of_extension as materialized (
    select d.classid, d.objid from pg_catalog.pg_depend d where d.deptype = 'e'
), relation as materialized (
    select c.oid, n.oid as namespace, n.logical as schema, n.physical, c.relname::text as name, c.relkind as kind, c.relrowsecurity as guarded, c.relispartition as partition,
        c.reltuples as estimate, c.reloptions as options, format('%I.%I', n.physical, c.relname) as at,
        case n.logical when 'public' then '' else n.logical || '.' end || c.relname as label,
        case c.relkind when 'v' then 'view' when 'm' then 'materialized_view' when 'f' then 'foreign_table' else 'table' end as what
    from pg_catalog.pg_class c join mine n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and pg_catalog.pg_has_role(c.relowner, 'usage') and (@table::text = '' or c.relname = @table::text)
        and not exists (select from of_extension x where x.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and x.objid = c.oid)
), reach as materialized (
    -- What requests may do with a relation, whatever policies say of its rows.
    select r.oid, a.oid as role_oid, a.name as role, a.sql_name, array_remove(array[
        case when pg_catalog.has_any_column_privilege(a.oid, r.oid, 'select') then 'select' end,
        case when pg_catalog.has_any_column_privilege(a.oid, r.oid, 'insert') then 'insert' end,
        case when pg_catalog.has_any_column_privilege(a.oid, r.oid, 'update') then 'update' end,
        case when pg_catalog.has_table_privilege(a.oid, r.oid, 'delete') then 'delete' end], null) as privileges
    from relation r cross join app_role a where pg_catalog.has_schema_privilege(a.oid, r.namespace, 'usage')
), readable as materialized (
    select oid, string_agg(role, ' and ' order by role) as roles from reach where 'select' = any (privileges) group by oid
), policy as materialized (
    select p.oid, p.polrelid as relation, p.polname::text as name, p.polcmd as command, p.polpermissive as permissive, p.polroles as roles,
        pg_catalog.pg_get_expr(p.polqual, p.polrelid) as using, pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as "check"
    from pg_catalog.pg_policy p join relation r on r.oid = p.polrelid
), routine as materialized (
    select p.oid, n.oid as namespace, n.logical as schema, n.physical, p.proname::text as name, p.prosecdef as definer, p.proconfig as settings, p.prosrc as source,
        p.prorettype in ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype) as trigger,
        p.prosqlbody is not null as bound, l.lanname as language, p.prokind as kind,
        format('%I.%I(%s)', n.physical, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) as at,
        p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')' as object,
        case n.logical when 'public' then '' else n.logical || '.' end || p.proname as label
    from pg_catalog.pg_proc p join mine n on n.oid = p.pronamespace join pg_catalog.pg_language l on l.oid = p.prolang
    where p.prokind in ('f', 'p') and pg_catalog.pg_has_role(p.proowner, 'usage') and @table::text = ''
        and not exists (select from pg_catalog.pg_depend x where x.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and x.objid = p.oid and x.deptype in ('e', 'i'))
), callable as materialized (
    select f.oid, array_agg(a.name order by a.name) as roles from routine f cross join app_role a
    where not f.trigger and pg_catalog.has_schema_privilege(a.oid, f.namespace, 'usage') and pg_catalog.has_function_privilege(a.oid, f.oid, 'execute')
    group by f.oid
), index as materialized (
    select x.*, i.relname::text as name, r.schema, r.physical, r.name as "table", r.label, r.at as table_at, format('%I.%I', r.physical, i.relname) as at, i.relam, i.relkind,
        i.relispartition as partition, pg_catalog.pg_relation_size(x.indexrelid) as bytes, pg_catalog.pg_get_expr(x.indpred, x.indrelid) as predicate,
        exists (select from pg_catalog.pg_constraint k where k.conindid = x.indexrelid and k.contype in ('p', 'u', 'x', 'f')) as needed
    from pg_catalog.pg_index x join relation r on r.oid = x.indrelid join pg_catalog.pg_class i on i.oid = x.indexrelid
), foreign_key as materialized (
    select k.oid, k.conrelid, k.conname::text as name, k.conkey, k.confrelid,
        exists (select from pg_catalog.pg_index x where x.indrelid = k.conrelid and x.indisvalid
            and (x.indpred is null or pg_catalog.pg_get_expr(x.indpred, x.indrelid) like '% IS NOT NULL%')
            and (select array_agg(n order by n) from unnest((x.indkey::int2[])[0:cardinality(k.conkey) - 1]) n) = (select array_agg(n order by n) from unnest(k.conkey) n)) as indexed
    from pg_catalog.pg_constraint k join relation r on r.oid = k.conrelid where k.contype = 'f' and k.conparentid = 0
), statistics as materialized (
    select r.oid, pg_catalog.pg_stat_get_live_tuples(r.oid) as live, pg_catalog.pg_stat_get_dead_tuples(r.oid) as dead,
        pg_catalog.pg_stat_get_mod_since_analyze(r.oid) as changed, pg_catalog.pg_stat_get_numscans(r.oid) as scans,
        coalesce(greatest(pg_catalog.pg_stat_get_last_analyze_time(r.oid), pg_catalog.pg_stat_get_last_autoanalyze_time(r.oid))::date::text, '') as analyzed
    from relation r where r.kind in ('r', 'm')
)
