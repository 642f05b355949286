-- The details of functions ($1).
select p.oid, n.nspname, p.proname, p.provolatile, p.proretset, p.prorows, p.prorettype, p.pronargs, p.pronargdefaults, p.provariadic <> 0,
  p.proargtypes, p.proallargtypes, p.proargmodes::pg_catalog.text[], p.proargnames, p.proconfig, pg_catalog.left(d.description, 16384)
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
left join pg_catalog.pg_description d
  on d.objoid = p.oid and d.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objsubid = 0
where p.oid = any ($1::pg_catalog.oid[])
