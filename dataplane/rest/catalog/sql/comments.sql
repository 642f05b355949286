-- The comments of relations and their columns ($1).
select d.objoid, d.objsubid, pg_catalog.left(d.description, 16384)
from pg_catalog.pg_description d
where d.objoid = any ($1::pg_catalog.oid[]) and d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
