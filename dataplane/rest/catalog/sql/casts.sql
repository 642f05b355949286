-- The implicit casts by function between domains ($1 are types, domains among them) and json, and from text.
select t.oid, case when c.castsource = t.oid then 'to_json' when c.castsource = 'pg_catalog.json'::pg_catalog.regtype then 'from_json' else 'from_text' end,
  pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname)
from pg_catalog.pg_cast c
join pg_catalog.pg_proc p on p.oid = c.castfunc
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_type t on t.typtype = 'd' and (
  t.oid = c.castsource and c.casttarget = 'pg_catalog.json'::pg_catalog.regtype
  or t.oid = c.casttarget and c.castsource in ('pg_catalog.json'::pg_catalog.regtype, 'pg_catalog.text'::pg_catalog.regtype))
where c.castmethod = 'f' and c.castcontext = 'i' and t.oid = any ($1::pg_catalog.oid[])
