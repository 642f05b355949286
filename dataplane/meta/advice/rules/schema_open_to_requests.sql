-- category: security
-- level: error
-- title: Requests may make things in a schema
-- explanation: Who may create in a schema can put functions there that others run in place of the ones they mean. Requests never need it.
select null::text as level, n.logical as schema, n.logical as object, 'schema' as kind, null::text as "table",
    format('%s may create in the schema %s.', string_agg(a.name, ' and ' order by a.name), n.logical) as detail,
    format('revoke create on schema %I from public, %s;', n.physical, (select string_agg(format('%I', each.sql_name), ', ' order by each.name) from app_role each)) as fix, '' as extra
from mine n cross join app_role a
where pg_catalog.has_schema_privilege(a.oid, n.oid, 'create') and @table::text = ''
    and (select pg_catalog.pg_has_role(s.nspowner, 'usage') from pg_catalog.pg_namespace s where s.oid = n.oid)
group by n.logical, n.physical
