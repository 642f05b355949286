select own.logical as schema, c.relname as name,
    case c.relkind when 'r' then 'table' when 'p' then 'partitioned_table' when 'v' then 'view' when 'm' then 'materialized_view'
        else 'foreign_table' end as kind,
    c.relrowsecurity as rls_enabled, c.relforcerowsecurity as rls_forced, c.reltuples::bigint as estimated_rows,
    case c.relkind when 'p' then (select coalesce(sum(pg_catalog.pg_total_relation_size(p.relid)), 0)::bigint from pg_catalog.pg_partition_tree(c.oid) p)
        else coalesce(pg_catalog.pg_total_relation_size(c.oid), 0) end as bytes,
    pg_catalog.obj_description(c.oid, 'pg_class') as comment, pg_catalog.pg_has_role(c.relowner, 'usage') as owned,
    case when c.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(c.oid, true) end as definition,
    coalesce((select o.option_value::boolean from pg_catalog.pg_options_to_table(c.reloptions) o where o.option_name = 'security_invoker'), false)
        as security_invoker
from pg_catalog.pg_class c
join own on own.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and (@table::text = '' or c.relname = @table::text)
    and (@search::text = '' or pg_catalog.strpos(lower(c.relname), lower(@search::text)) > 0)
order by own.logical, c.relname
limit @limit::int offset @offset::int
