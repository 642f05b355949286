-- The columns of relations ($1). Types with a modifier are named here, the others by types.sql.
select a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod,
  case when a.atttypmod >= 0 then pg_catalog.format_type(a.atttypid, a.atttypmod) end,
  a.attnotnull, a.attidentity, a.attgenerated, a.atthasdef
from pg_catalog.pg_attribute a
where a.attrelid = any ($1::pg_catalog.oid[]) and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum
