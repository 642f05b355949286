-- The exposed schemas ($1) that there are, with their comments.
select n.nspname, pg_catalog.left(d.description, 16384)
from pg_catalog.pg_namespace n
left join pg_catalog.pg_description d
  on d.objoid = n.oid and d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass and d.objsubid = 0
where n.nspname = any ($1::pg_catalog.text[])
