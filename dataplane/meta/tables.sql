select substr(n.nspname, length(@prefix::text) + 1) as schema, c.relname::text as name,
    case c.relkind when 'r' then 'table' when 'p' then 'partitioned_table' when 'v' then 'view' when 'm' then 'materialized_view'
        else 'foreign_table' end as kind,
    c.relrowsecurity as rls_enabled, c.reltuples::bigint as estimated_rows, pg_catalog.obj_description(c.oid, 'pg_class') as comment
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where pg_catalog.starts_with(n.nspname, @prefix::text) and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'fluxbase')
    and c.relkind in ('r', 'p', 'v', 'm', 'f') and pg_catalog.has_schema_privilege(n.oid, 'usage')
    and (@schema::text = '' or n.nspname = @prefix::text || @schema::text) and (@table::text = '' or c.relname = @table::text)
order by 1, 2
limit @limit::int offset @offset::int
