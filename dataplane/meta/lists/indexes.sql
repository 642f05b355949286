select own.logical as schema, c.relname as "table", i.relname as name, pg_catalog.pg_get_indexdef(x.indexrelid) as definition, m.amname as method,
    array(select coalesce(a.attname, pg_catalog.pg_get_indexdef(x.indexrelid, of.place::int, true))
        from unnest(x.indkey[0:x.indnkeyatts - 1]) with ordinality of (number, place)
        left join pg_catalog.pg_attribute a on a.attrelid = x.indrelid and a.attnum = of.number and of.number <> 0 order by of.place) as columns,
    pg_catalog.pg_get_expr(x.indpred, x.indrelid, true) as predicate, x.indisunique as "unique", x.indisprimary as primary, x.indisvalid as valid,
    coalesce(pg_catalog.pg_relation_size(x.indexrelid), 0) as bytes, coalesce(pg_catalog.pg_stat_get_numscans(x.indexrelid), 0) as scans,
    coalesce(pg_catalog.pg_stat_get_tuples_returned(x.indexrelid), 0) as rows_read, k.conname as "constraint"
from pg_catalog.pg_index x
join pg_catalog.pg_class c on c.oid = x.indrelid
join pg_catalog.pg_class i on i.oid = x.indexrelid
join own on own.oid = c.relnamespace
join pg_catalog.pg_am m on m.oid = i.relam
left join pg_catalog.pg_constraint k on k.conindid = x.indexrelid and k.conrelid = x.indrelid and k.contype in ('p', 'u', 'x')
where c.relkind in ('r', 'p', 'm') and (@table::text = '' or c.relname = @table::text)
    and (@search::text = '' or pg_catalog.strpos(lower(i.relname), lower(@search::text)) > 0)
order by own.logical, c.relname, x.indisprimary desc, i.relname
limit @limit::int offset @offset::int
