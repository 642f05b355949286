select own.logical as schema, c.relname as name, k.kind,
    c.relrowsecurity as rls_enabled, c.relforcerowsecurity as rls_forced,
    -- What was never analyzed has the rows that were counted as they were written, unless the count was lost.
    case when c.reltuples >= 0 then c.reltuples::bigint when c.relkind in ('v', 'f') then -1
        else (select case when sum(pg_catalog.pg_stat_get_live_tuples(p.oid)) > 0 then sum(pg_catalog.pg_stat_get_live_tuples(p.oid))::bigint
                when sum(pg_catalog.pg_relation_size(p.oid)) > 0 then -1 else 0 end
            from (select c.oid union select t.relid::oid from pg_catalog.pg_partition_tree(c.oid) t where c.relkind = 'p') p (oid)) end as estimated_rows,
    case c.relkind when 'p' then (select coalesce(sum(pg_catalog.pg_total_relation_size(p.relid)), 0)::bigint from pg_catalog.pg_partition_tree(c.oid) p)
        else coalesce(pg_catalog.pg_total_relation_size(c.oid), 0) end as bytes,
    pg_catalog.obj_description(c.oid, 'pg_class') as comment, pg_catalog.pg_has_role(c.relowner, 'usage') as owned,
    case when c.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(c.oid, true) end as definition,
    coalesce((select o.option_value::boolean from pg_catalog.pg_options_to_table(c.reloptions) o where o.option_name = 'security_invoker'), false)
        as security_invoker
from pg_catalog.pg_class c
join own on own.oid = c.relnamespace
cross join lateral (select case c.relkind when 'r' then 'table' when 'p' then 'partitioned_table' when 'v' then 'view' when 'm' then 'materialized_view'
    else 'foreign_table' end) k (kind)
where c.relkind in ('r', 'p', 'v', 'm', 'f') and (@table::text = '' or c.relname = @table::text)
    and (@search::text = '' or pg_catalog.strpos(lower(c.relname), lower(@search::text)) > 0)
    and (cardinality(@kinds::text[]) = 0 or k.kind = any(@kinds::text[]))
order by own.logical, c.relname
limit @limit::int offset @offset::int
