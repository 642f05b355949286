-- The page is found first: what the definitions cost is spent on no other index.
select p.schema, p."table", p.name, pg_catalog.pg_get_indexdef(p.indexrelid) as definition, p.method,
    array(select coalesce(a.attname, pg_catalog.pg_get_indexdef(p.indexrelid, of.place::int, true))
        from unnest(p.indkey[0:p.indnkeyatts - 1]) with ordinality of (number, place)
        left join pg_catalog.pg_attribute a on a.attrelid = p.indrelid and a.attnum = of.number and of.number <> 0 order by of.place) as columns,
    pg_catalog.pg_get_expr(p.indpred, p.indrelid, true) as predicate, p.indisunique as "unique", p.indisprimary as primary, p.indisvalid as valid,
    coalesce(pg_catalog.pg_relation_size(p.indexrelid), 0) as bytes, coalesce(pg_catalog.pg_stat_get_numscans(p.indexrelid), 0) as scans,
    coalesce(pg_catalog.pg_stat_get_tuples_returned(p.indexrelid), 0) as rows_read, k.conname as "constraint"
from (
    select own.logical as schema, c.relname as "table", i.relname as name, m.amname as method, x.*
    from pg_catalog.pg_index x
    join pg_catalog.pg_class c on c.oid = x.indrelid
    join pg_catalog.pg_class i on i.oid = x.indexrelid
    join own on own.oid = c.relnamespace
    join pg_catalog.pg_am m on m.oid = i.relam
    where c.relkind in ('r', 'p', 'm') and (@table::text = '' or c.relname = @table::text)
        and (@search::text = '' or pg_catalog.strpos(lower(i.relname), lower(@search::text)) > 0)
    order by own.logical, c.relname, x.indisprimary desc, i.relname
    limit @limit::int offset @offset::int
) p
left join pg_catalog.pg_constraint k on k.conindid = p.indexrelid and k.conrelid = p.indrelid and k.contype in ('p', 'u', 'x')
order by p.schema, p."table", p.indisprimary desc, p.name
