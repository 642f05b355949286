-- What functions that policies call ($1) are: built in and running nothing of the project's, readers of the request's claims, and
-- readers of settings.
select p.oid, n.nspname = 'pg_catalog' and p.provolatile <> 'v' and p.proname not like '%\_to\_xml%',
  n.nspname = 'auth' and p.proname in ('uid', 'jwt', 'role', 'email') and p.pronargs = 0,
  p.proname = 'current_setting'
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.oid = any ($1::pg_catalog.oid[])
