-- The column of a constraint or a unique index, if it is of one.
select min(a.attname::text) from (
    select k.conkey as keys from pg_catalog.pg_constraint k where k.conrelid = $1::pg_catalog.oid and k.conname = $2
    union all
    select x.indkey::int2[] from pg_catalog.pg_index x join pg_catalog.pg_class i on i.oid = x.indexrelid
    where x.indrelid = $1::pg_catalog.oid and i.relname = $2
) of, unnest(of.keys) key (number)
join pg_catalog.pg_attribute a on a.attrelid = $1::pg_catalog.oid and a.attnum = key.number
having count(distinct a.attnum) = 1
