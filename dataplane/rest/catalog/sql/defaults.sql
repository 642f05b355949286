-- The texts of the defaults of relations' columns ($1).
select d.adrelid, d.adnum, pg_catalog.left(pg_catalog.pg_get_expr(d.adbin, d.adrelid), 4096)
from pg_catalog.pg_attrdef d
where d.adrelid = any ($1::pg_catalog.oid[])
