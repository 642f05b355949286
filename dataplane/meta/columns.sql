select substr(n.nspname, length(@prefix::text) + 1) as schema, c.relname::text as "table", a.attname::text as name,
    a.attnum::int as position, pg_catalog.format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as nullable,
    case when a.attgenerated = '' then pg_catalog.pg_get_expr(d.adbin, d.adrelid) end as "default",
    coalesce(a.attnum = any (p.conkey), false) as primary_key, (a.attgenerated <> '' or a.attidentity = 'a') as generated,
    pg_catalog.col_description(c.oid, a.attnum) as comment
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
left join pg_catalog.pg_constraint p on p.conrelid = c.oid and p.contype = 'p'
where pg_catalog.starts_with(n.nspname, @prefix::text) and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'fluxbase')
    and c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped and pg_catalog.has_schema_privilege(n.oid, 'usage')
    and (@schema::text = '' or n.nspname = @prefix::text || @schema::text) and (@table::text = '' or c.relname = @table::text)
order by 1, 2, a.attnum
limit @limit::int offset @offset::int
