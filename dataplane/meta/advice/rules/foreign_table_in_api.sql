-- category: security
-- level: error
-- title: A foreign table can be read by requests
-- explanation: No policy can guard a foreign table: whoever may read it reads all that the other server shows. Take the grant back, and read it by a function that filters.
select null::text as level, r.schema, r.name as object, r.what as kind, r.name as "table", format('%s may read all of %s.', x.roles, r.label) as detail,
    format('revoke all on table %s from public, %s;', r.at, (select string_agg(format('%I', a.sql_name), ', ' order by a.name) from app_role a)) as fix, '' as extra
from relation r join readable x using (oid)
where r.kind = 'f'
