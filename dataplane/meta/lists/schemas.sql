select own.logical as name, own.physical as sql_name, pg_catalog.obj_description(own.oid, 'pg_namespace') as comment,
    pg_catalog.has_schema_privilege(own.oid, 'create') as creatable
from own
where (@search::text = '' or pg_catalog.strpos(lower(own.logical), lower(@search::text)) > 0) and @table::text is not null
order by 1
limit @limit::int offset @offset::int
