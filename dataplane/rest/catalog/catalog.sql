-- Everything that REST must know of a project's schemas ($1, physical names), as one row per object: its kind and a JSON object.
-- The search path is empty, so that format_type() qualifies the names of types that are not built in.
with
  exposed as (
    select n.oid, n.nspname from pg_catalog.pg_namespace n where n.nspname = any ($1::text[])
  ),
  policy as (
    select pol.polrelid, pol.polqual from pg_catalog.pg_policy pol
    join pg_catalog.pg_class c on c.oid = pol.polrelid and c.relnamespace in (select oid from exposed)
  ),
  -- Functions that run nothing of the project's: built in and not volatile, or the readers of claims.
  policy_function as (
    select distinct pol.polrelid, m[1]::pg_catalog.oid as funcid
    from policy pol, pg_catalog.regexp_matches(pol.polqual::text, ':(?:op)?funcid (\d+)', 'g') m
  ),
  watched as (
    select pf.polrelid from policy_function pf
    left join pg_catalog.pg_proc p on p.oid = pf.funcid
    left join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where not coalesce(
      (n.nspname = 'pg_catalog' and p.provolatile <> 'v' and p.proname not like '%\_to\_xml%')
      or (n.nspname = 'auth' and p.proname in ('uid', 'jwt', 'role', 'email') and p.pronargs = 0), false)
    union
    select pol.polrelid from policy pol where pol.polqual::text ~ ':relid |COERCETODOMAIN|NEXTVALUEEXPR'
  ),
  -- Policies that read the request's settings themselves, and not through the readers of claims.
  reads_settings as (
    select pf.polrelid from policy_function pf join pg_catalog.pg_proc p on p.oid = pf.funcid
    where p.proname = 'current_setting'
  ),
  -- Planning itself runs functions that call themselves immutable: those of indexes, checks, statistics and partition keys.
  planned as (
    select o.relation from (
      select c.oid as relation, 'pg_catalog.pg_class'::pg_catalog.regclass as class, c.oid as object from exposed e join pg_catalog.pg_class c on c.relnamespace = e.oid
      union all
      select i.indrelid, 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid from exposed e join pg_catalog.pg_class c on c.relnamespace = e.oid
        join pg_catalog.pg_index i on i.indrelid = c.oid and (i.indexprs is not null or i.indpred is not null)
      union all
      select k.conrelid, 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid from exposed e join pg_catalog.pg_class c on c.relnamespace = e.oid
        join pg_catalog.pg_constraint k on k.conrelid = c.oid and k.contype = 'c'
      union all
      select x.stxrelid, 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, x.oid from exposed e join pg_catalog.pg_class c on c.relnamespace = e.oid
        join pg_catalog.pg_statistic_ext x on x.stxrelid = c.oid
    ) o join pg_catalog.pg_depend d on d.classid = o.class and d.objid = o.object and d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  ),
  -- An operator of the project's between built-in types could take the place of a built-in one.
  foreign_operator as (
    select from pg_catalog.pg_operator o
    join pg_catalog.pg_namespace n on n.oid = o.oprnamespace and n.nspname <> 'pg_catalog'
    left join pg_catalog.pg_type l on l.oid = o.oprleft
    left join pg_catalog.pg_type r on r.oid = o.oprright
    where (l.oid is null or l.typnamespace = 'pg_catalog'::pg_catalog.regnamespace)
      and (r.oid is null or r.typnamespace = 'pg_catalog'::pg_catalog.regnamespace)
      and o.oprnamespace in (select oid from exposed union select oid from pg_catalog.pg_namespace where nspname = any ($2::text[]))
  )
select 'version' as kind, pg_catalog.json_build_object('version', fluxbase.schema_version()) as object
union all
select 'relation', pg_catalog.json_build_object(
  'schema', e.nspname, 'name', c.relname, 'kind', c.relkind::text,
  'plain', c.relkind in ('r', 'p') and not c.relhasrules and not c.relhassubclass
    and c.oid not in (select polrelid from watched) and c.oid not in (select relation from planned) and not exists (select from foreign_operator)
    and not exists (select from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and (t.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace or a.attgenerated = 'v')),
  'reads_settings', c.oid in (select polrelid from reads_settings),
  'columns', coalesce((
    select pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'json', coalesce(nullif(t.typbasetype, 0), t.oid) in (114, 3802),
      'composite', t.typtype = 'c' or t.typcategory = 'A', 'not_null', a.attnotnull, 'default', a.atthasdef or a.attidentity <> '',
      'generated', a.attgenerated <> '' or a.attidentity = 'a') order by a.attnum)
    from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '[]'),
  'keys', coalesce((
    select pg_catalog.json_agg(pg_catalog.json_build_object('primary', i.contype = 'p', 'columns', (
      select pg_catalog.json_agg(a.attname order by k.n) from pg_catalog.unnest(i.conkey) with ordinality k(num, n)
      join pg_catalog.pg_attribute a on a.attrelid = i.conrelid and a.attnum = k.num)))
    from pg_catalog.pg_constraint i where i.conrelid = c.oid and i.contype in ('p', 'u')), '[]'),
  'references', coalesce((
    select pg_catalog.json_agg(pg_catalog.json_build_object('name', f.conname, 'schema', tn.nspname, 'table', tc.relname,
      'columns', (select pg_catalog.json_agg(a.attname order by k.n) from pg_catalog.unnest(f.conkey) with ordinality k(num, n)
        join pg_catalog.pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.num),
      'targets', (select pg_catalog.json_agg(a.attname order by k.n) from pg_catalog.unnest(f.confkey) with ordinality k(num, n)
        join pg_catalog.pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.num)) order by f.conname)
    from pg_catalog.pg_constraint f join pg_catalog.pg_class tc on tc.oid = f.confrelid join pg_catalog.pg_namespace tn on tn.oid = tc.relnamespace
    where f.conrelid = c.oid and f.contype = 'f' and f.conparentid = 0), '[]'))
from exposed e join pg_catalog.pg_class c on c.relnamespace = e.oid and c.relkind in ('r', 'p', 'v', 'm', 'f')
union all
select 'function', pg_catalog.json_build_object(
  'schema', e.nspname, 'name', p.proname, 'volatility', p.provolatile::text, 'set', p.proretset,
  'returns', case
    when p.prorettype = 'void'::pg_catalog.regtype then 'void'
    when rt.typtype = 'c' or p.prorettype = 'record'::pg_catalog.regtype and p.proargmodes && '{t,o,b}'::pg_catalog."char"[]
      and (select pg_catalog.count(*) from pg_catalog.unnest(p.proargmodes) m where m in ('t', 'o', 'b')) >= 1 then 'composite'
    when p.prorettype = 'record'::pg_catalog.regtype then 'record'
    else 'scalar' end,
  'arguments', coalesce((
    select pg_catalog.json_agg(pg_catalog.json_build_object('name', coalesce(p.proargnames[a.n], ''), 'type', pg_catalog.format_type(a.typ, null),
      'required', a.place <= p.pronargs - p.pronargdefaults, 'variadic', a.mode = 'v') order by a.n)
    from (select u.typ, u.n, coalesce(p.proargmodes[u.n], 'i') as mode, pg_catalog.row_number() over (order by u.n) as place
      from pg_catalog.unnest(coalesce(p.proallargtypes, p.proargtypes::pg_catalog.oid[])) with ordinality u(typ, n)
      where coalesce(p.proargmodes[u.n], 'i') in ('i', 'b', 'v')) a), '[]'))
from exposed e join pg_catalog.pg_proc p on p.pronamespace = e.oid and p.prokind = 'f'
join pg_catalog.pg_type rt on rt.oid = p.prorettype
where p.prorettype not in ('trigger'::pg_catalog.regtype, 'event_trigger'::pg_catalog.regtype)
