-- The functions of the exposed schemas ($1), and those of the schemas that are searched besides ($2) which take a row of an exposed
-- relation: each with a fingerprint.
select p.oid, n.nspname, p.proname, p.pronargs,
  pg_catalog.hashint8extended(p.xmin::pg_catalog.text::bigint, 1) # coalesce(pg_catalog.hashint8extended(d.xmin::pg_catalog.text::bigint, 2), 0),
  n.nspname = any ($1::pg_catalog.text[])
from pg_catalog.pg_namespace n
join pg_catalog.pg_proc p on p.pronamespace = n.oid
left join pg_catalog.pg_description d
  on d.objoid = p.oid and d.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objsubid = 0
where (n.nspname = any ($1::pg_catalog.text[]) or n.nspname = any ($2::pg_catalog.text[]) and p.pronargs = 1 and exists (
    select from pg_catalog.pg_type t
    join pg_catalog.pg_class c on c.oid = t.typrelid and c.relkind in ('r', 'p', 'v', 'm', 'f')
    join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace and cn.nspname = any ($1::pg_catalog.text[])
    where t.oid = p.proargtypes[0]))
  and p.prokind = 'f' and p.prorettype not in ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype)
