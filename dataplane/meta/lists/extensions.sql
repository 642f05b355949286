select a.name, a.default_version, e.extversion as installed_version,
    case when pg_catalog.starts_with(n.nspname, @prefix::text) then substr(n.nspname, length(@prefix::text) + 1) else n.nspname end as schema, a.comment,
    pg_catalog.has_database_privilege(current_database(), 'create') and exists (select from pg_catalog.pg_available_extension_versions v
        where v.name = a.name and v.version = a.default_version and (v.trusted or not v.superuser)) as allowed,
    coalesce(pg_catalog.pg_has_role(e.extowner, 'usage'), false) as owned
from pg_catalog.pg_available_extensions a
left join (pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace and pg_catalog.has_schema_privilege(n.oid, 'usage'))
    on e.extname = a.name
where (@search::text = '' or pg_catalog.strpos(lower(a.name || ' ' || coalesce(a.comment, '')), lower(@search::text)) > 0)
    and (@schema::text = '' or n.nspname = @prefix::text || @schema::text) and @table::text is not null
order by a.name
limit @limit::int offset @offset::int
