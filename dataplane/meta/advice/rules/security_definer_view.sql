-- category: security
-- level: error
-- title: A view reads as its owner
-- explanation: A view without security_invoker reads its tables as the project's owner, whom no policy holds. Whoever may read the view reads all that it shows. With security_invoker it reads as who asks; grants and policies of its tables hold then.
select null::text as level, r.schema, r.name as object, r.what as kind, r.name as "table", format('%s may read the view %s, past the policies of its tables.', x.roles, r.label) as detail,
    format('alter view %s set (security_invoker = on);', r.at) as fix, '' as extra
from relation r join readable x using (oid)
where r.kind = 'v' and not coalesce((select o.option_value::boolean from pg_catalog.pg_options_to_table(r.options) o where o.option_name = 'security_invoker'), false)
