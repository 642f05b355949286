-- The relations of the exposed schemas ($1), those of any schema that exposed views are made of, and those that foreign keys of all these
-- point to, each with a fingerprint of all rows of the catalogs that describe it.
with recursive
  exposed as materialized (
    select n.oid from pg_catalog.pg_namespace n where n.nspname = any ($1::pg_catalog.text[])
  ),
  reach (oid, via) as (
    select c.oid, null::pg_catalog.oid from exposed e join pg_catalog.pg_class c on c.relnamespace = e.oid
    where c.relkind in ('r', 'p', 'v', 'm', 'f')
    union
    select d.refobjid, r.oid from reach r
    join pg_catalog.pg_rewrite w on w.ev_class = r.oid and w.ev_type = '1'
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = w.oid
      and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid <> r.oid and d.refobjid >= 16384 -- not the server's own
  ),
  bases as materialized (
    select r.via, pg_catalog.array_agg(r.oid) as list from reach r where r.via is not null group by r.via
  ),
  reached as materialized (select distinct r.oid from reach r),
  -- What foreign keys point to is looked at by whoever writes.
  aside as materialized (
    select k.confrelid as oid from reached r join pg_catalog.pg_constraint k on k.conrelid = r.oid and k.contype = 'f' and k.conparentid = 0
    except select r.oid from reached r
  ),
  ids as materialized (select pg_catalog.array_agg(a.oid) as list from (select r.oid from reached r union all select s.oid from aside s) a),
  -- One row for each row of a catalog; the seed of the hash tells the catalogs and their rows apart.
  part (oid, hash) as (
    select c.oid, pg_catalog.hashtextextended(c.xmin::pg_catalog.text, 1)
    from pg_catalog.pg_class c where c.oid = any ((select list from ids)::pg_catalog.oid[])
    union all
    select a.attrelid, pg_catalog.hashtextextended(a.xmin::pg_catalog.text, a.attnum::bigint * 16 + 2)
    from pg_catalog.pg_attribute a where a.attrelid = any ((select list from ids)::pg_catalog.oid[]) and a.attnum > 0
    union all
    select a.adrelid, pg_catalog.hashtextextended(a.xmin::pg_catalog.text, a.oid::bigint * 16 + 3)
    from pg_catalog.pg_attrdef a where a.adrelid = any ((select list from ids)::pg_catalog.oid[])
    union all
    select k.conrelid, pg_catalog.hashtextextended(k.xmin::pg_catalog.text, k.oid::bigint * 16 + 4)
    from pg_catalog.pg_constraint k where k.conrelid = any ((select list from ids)::pg_catalog.oid[]) and k.contype in ('p', 'u', 'f', 'c')
    union all
    select i.indrelid, pg_catalog.hashtextextended(i.xmin::pg_catalog.text, i.indexrelid::bigint * 16 + 5)
    from pg_catalog.pg_index i where i.indrelid = any ((select list from ids)::pg_catalog.oid[]) and (i.indexprs is not null or i.indpred is not null)
    union all
    select x.stxrelid, pg_catalog.hashtextextended(x.xmin::pg_catalog.text, x.oid::bigint * 16 + 6)
    from pg_catalog.pg_statistic_ext x where x.stxrelid = any ((select list from ids)::pg_catalog.oid[])
    union all
    select p.polrelid, pg_catalog.hashtextextended(p.xmin::pg_catalog.text, p.oid::bigint * 16 + 7)
    from pg_catalog.pg_policy p where p.polrelid = any ((select list from ids)::pg_catalog.oid[])
    union all
    select w.ev_class, pg_catalog.hashtextextended(w.xmin::pg_catalog.text, w.oid::bigint * 16 + 8)
    from pg_catalog.pg_rewrite w where w.ev_class = any ((select list from ids)::pg_catalog.oid[])
    union all
    select t.tgrelid, pg_catalog.hashtextextended(t.xmin::pg_catalog.text, t.oid::bigint * 16 + 9)
    from pg_catalog.pg_trigger t where t.tgrelid = any ((select list from ids)::pg_catalog.oid[]) and (not t.tgisinternal or t.tgfoid >= 16384 or t.tgfoid between 1646 and 1655) -- see referred.sql
    union all
    select d.objoid, pg_catalog.hashtextextended(d.xmin::pg_catalog.text, d.objsubid::bigint * 16 + 10)
    from pg_catalog.pg_description d where d.objoid = any ((select list from ids)::pg_catalog.oid[])
      and d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
  ),
  print as (select p.oid, pg_catalog.bit_xor(p.hash) as print from part p group by p.oid)
select c.oid, n.nspname, c.relname, c.relkind, c.relispartition, c.relhasrules, c.relhassubclass, c.relnatts, f.print, b.list,
  c.relnamespace in (select e.oid from exposed e), c.oid in (select s.oid from aside s)
from print f
join pg_catalog.pg_class c on c.oid = f.oid and c.relkind in ('r', 'p', 'v', 'm', 'f')
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join bases b on b.via = c.oid
