-- What functions that policies, checks and defaults call ($1) are: built in and running nothing of the project's, readers of the
-- request's claims, readers of settings, and built in with effects that leave nothing behind but what sequences gave. (Those that take
-- a cstring, or the name of a type, may run the input function of any type: of a domain, too. And so do validators of functions. What is
-- written in C, oid 13, nobody but a superuser made.)
select p.oid, f.own and p.provolatile <> 'v' and p.proname not like '%\_to\_xml%' and p.proname not like '%\_validator'
    and p.proname not in ('pg_input_is_valid', 'pg_input_error_info')
    and not p.proargtypes::pg_catalog.oid[] && '{pg_catalog.cstring,pg_catalog._cstring,pg_catalog.internal}'::pg_catalog.regtype[]::pg_catalog.oid[],
  n.nspname = 'auth' and p.proname in ('uid', 'jwt', 'role', 'email') and p.pronargs = 0,
  p.proname in ('current_setting', 'pg_show_all_settings'),
  f.own and p.proname in ('nextval', 'random', 'random_normal', 'gen_random_uuid', 'uuidv4', 'uuidv7', 'clock_timestamp', 'timeofday')
    or p.prolang = 13 and p.pronargs = 0 and p.proname in ('uuid_generate_v1', 'uuid_generate_v1mc', 'uuid_generate_v4', 'gen_random_uuid')
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
cross join lateral (select n.nspname = 'pg_catalog' and p.oid < 16384) f (own)
where p.oid = any ($1::pg_catalog.oid[])
