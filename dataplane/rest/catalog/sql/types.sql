-- Types ($1), and those that they are made of.
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
select p.oid, n.nspname, p.typname, pg_catalog.format_type(p.oid, null), p.typtype, p.typcategory, p.typbasetype, p.typtypmod, p.typnotnull,
  pg_catalog.left(p.typdefault, 4096), c.relkind, c.relname, cn.nspname,
  case p.typtype when 'e' then (select pg_catalog.array_agg(e.enumlabel order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = p.oid) end
from t
join pg_catalog.pg_type p on p.oid = t.oid
join pg_catalog.pg_namespace n on n.oid = p.typnamespace
left join pg_catalog.pg_class c on c.oid = p.typrelid and p.typtype = 'c'
left join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
