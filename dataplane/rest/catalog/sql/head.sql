-- What holds for all: the server's version, whether an operator of the project's between built-in types could take the place of a
-- built-in one, and the version of the schema. $1 are the exposed schemas, $2 those that are searched besides; physical names.
select pg_catalog.current_setting('server_version_num'), exists (
    select from pg_catalog.pg_operator o
    join pg_catalog.pg_namespace n on n.oid = o.oprnamespace and n.nspname <> 'pg_catalog'
    left join pg_catalog.pg_type l on l.oid = o.oprleft
    left join pg_catalog.pg_type r on r.oid = o.oprright
    where (l.oid is null or l.typnamespace = 'pg_catalog'::pg_catalog.regnamespace)
      and (r.oid is null or r.typnamespace = 'pg_catalog'::pg_catalog.regnamespace)
      and (n.nspname = any ($1::pg_catalog.text[]) or n.nspname = any ($2::pg_catalog.text[]))
  ), fluxbase.schema_version()
