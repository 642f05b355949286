-- The columns of a table that rows are for, with the types that text is cast to: without lengths, which a cast would cut to.
select c.oid::text, pg_catalog.has_table_privilege(c.oid, 'insert')::text, a.attname::text, pg_catalog.format_type(a.atttypid, -1),
    (a.attgenerated <> '')::text, (a.attidentity = 'a')::text, coalesce(a.attnum = any (p.conkey), false)::text,
    (case when a.atttypid in ('pg_catalog.bpchar'::pg_catalog.regtype, 'pg_catalog.varchar'::pg_catalog.regtype) and a.atttypmod > 4 then a.atttypmod - 4 else 0 end)::text,
    pg_catalog.format_type(a.atttypid, a.atttypmod)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_catalog.pg_constraint p on p.conrelid = c.oid and p.contype = 'p'
where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'f') and pg_catalog.has_schema_privilege(n.oid, 'usage')
order by a.attnum
