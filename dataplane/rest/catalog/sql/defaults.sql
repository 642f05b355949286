-- The texts of the defaults of relations' columns ($1). Defaults name no columns, so that each different one is made out once, without
-- looking at (and waiting for) any relation.
with
  list as materialized (
    select d.adrelid, d.adnum, d.adbin, pg_catalog.hashtextextended(d.adbin::pg_catalog.text, 0) as hash
    from pg_catalog.pg_attrdef d
    join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum and a.attgenerated = ''
    where d.adrelid = any ($1::pg_catalog.oid[])
  ),
  different as materialized (select distinct on (l.hash) l.hash, l.adbin from list l order by l.hash),
  told as materialized (select d.hash, pg_catalog.left(pg_catalog.pg_get_expr(d.adbin, 0), 4096) as told from different d)
select l.adrelid, l.adnum, t.told from list l join told t on t.hash = l.hash
