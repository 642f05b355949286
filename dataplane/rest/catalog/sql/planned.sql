-- Those of the relations ($1) whose planning itself may run functions of the project's: those of indexes, checks, statistics and
-- partition keys, which call themselves immutable; those behind operators and of domains too. (Of what is the server's own, pg_depend
-- says nothing.)
select distinct o.relation from (
  select c.oid as relation, 'pg_catalog.pg_class'::pg_catalog.regclass as class, c.oid as object
    from pg_catalog.pg_class c where c.oid = any ($1::pg_catalog.oid[])
  union all
  select i.indrelid, 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid
    from pg_catalog.pg_index i where i.indrelid = any ($1::pg_catalog.oid[]) and (i.indexprs is not null or i.indpred is not null)
  union all
  select k.conrelid, 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid
    from pg_catalog.pg_constraint k where k.conrelid = any ($1::pg_catalog.oid[]) and k.contype = 'c'
  union all
  select x.stxrelid, 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, x.oid
    from pg_catalog.pg_statistic_ext x where x.stxrelid = any ($1::pg_catalog.oid[])
) o join pg_catalog.pg_depend d on d.classid = o.class and d.objid = o.object
  and d.refclassid in ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass, 'pg_catalog.pg_type'::pg_catalog.regclass)
