-- Aggregates of the exposed schemas ($1) that make a media type of rows: their result is a domain named after it.
select n.nspname, p.proname, pg_catalog.lower(m.typname), pg_catalog.format_type(b.oid, null), an.nspname, ac.relname
from pg_catalog.pg_namespace n
join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.prokind = 'a' and p.pronargs = 1
join pg_catalog.pg_type m on m.oid = p.prorettype and m.typtype = 'd' and pg_catalog.strpos(m.typname::pg_catalog.text, '/') > 0
join pg_catalog.pg_type b on b.oid = m.typbasetype
join pg_catalog.pg_type a on a.oid = p.proargtypes[0]
left join pg_catalog.pg_class ac on ac.oid = a.typrelid and ac.relkind in ('r', 'p', 'v', 'm', 'f')
left join pg_catalog.pg_namespace an on an.oid = ac.relnamespace
where n.nspname = any ($1::pg_catalog.text[]) and (a.oid = 'pg_catalog.anyelement'::pg_catalog.regtype or ac.oid is not null)
order by n.nspname, p.proname, p.oid
