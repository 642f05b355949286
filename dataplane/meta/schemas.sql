select substr(n.nspname, length(@prefix::text) + 1) as name, pg_catalog.obj_description(n.oid, 'pg_namespace') as comment
from pg_catalog.pg_namespace n
where pg_catalog.starts_with(n.nspname, @prefix::text) and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'fluxbase')
    and pg_catalog.has_schema_privilege(n.oid, 'usage') and (@schema::text = '' or n.nspname = @prefix::text || @schema::text)
    and @table::text is not null
order by 1
limit @limit::int offset @offset::int
