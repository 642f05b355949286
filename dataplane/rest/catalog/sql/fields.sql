-- The fields of the composite types among types ($1), and those that they are made of.
with recursive t (oid) as (
  select pg_catalog.unnest($1::pg_catalog.oid[])
  union
  select x.oid from t join pg_catalog.pg_type p on p.oid = t.oid and p.typtype in ('d', 'c') cross join lateral (
    select p.typbasetype where p.typbasetype <> 0
    union all
    select a.atttypid from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.oid = p.typrelid and c.relkind = 'c'
  ) x (oid)
)
select p.oid, a.attnum, a.attname, a.atttypid, a.atttypmod,
  case when a.atttypmod >= 0 then pg_catalog.format_type(a.atttypid, a.atttypmod) end
from t
join pg_catalog.pg_type p on p.oid = t.oid and p.typtype = 'c'
join pg_catalog.pg_class c on c.oid = p.typrelid and c.relkind = 'c'
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
order by p.oid, a.attnum
