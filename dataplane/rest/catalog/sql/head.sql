-- What holds for all: the server's version, whether an operator of the project's could take the place of a built-in one ($3 are the names
-- that matter) or of one that there is not, and the version of the schema. A value without a type becomes what any operator takes, and a
-- column a domain over its type: so all count, but those of extensions (in C, which no project writes) for types of their own. $1 are
-- the exposed schemas, $2 those that are searched besides; physical names.
select pg_catalog.current_setting('server_version_num'), exists (
    select from pg_catalog.pg_operator o
    join pg_catalog.pg_namespace n on n.oid = o.oprnamespace and n.nspname <> 'pg_catalog'
    left join pg_catalog.pg_proc p on p.oid = o.oprcode and p.prolang in (select g.oid from pg_catalog.pg_language g where g.lanname in ('c', 'internal'))
    left join pg_catalog.pg_type l on l.oid = o.oprleft
    left join pg_catalog.pg_type r on r.oid = o.oprright
    where o.oprname = any ($3::pg_catalog.text[])
      and (p.oid is null or (l.oid is null or l.typnamespace = 'pg_catalog'::pg_catalog.regnamespace)
        and (r.oid is null or r.typnamespace = 'pg_catalog'::pg_catalog.regnamespace))
      and (n.nspname = any ($1::pg_catalog.text[]) or n.nspname = any ($2::pg_catalog.text[]))
  ) or exists (
    select from pg_catalog.pg_cast c
    join pg_catalog.pg_type t on t.oid = c.casttarget and t.typtype <> 'd'
    where c.castcontext = 'i' and c.castsource < 16384 and c.casttarget >= 16384 and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'
      )
  ), fluxbase.schema_version()
