-- category: security
-- level: warning
-- title: A materialized view can be read by requests
-- explanation: A materialized view is a copy that was read as its owner, and no policy can guard it: whoever may read it reads all of it. Take the grant back, or read it by a function that filters.
select null::text as level, r.schema, r.name as object, r.what as kind, r.name as "table", format('%s may read all of %s.', x.roles, r.label) as detail,
    format('revoke all on table %s from public, %s;', r.at, (select string_agg(format('%I', a.sql_name), ', ' order by a.name) from app_role a)) as fix, '' as extra
from relation r join readable x using (oid)
where r.kind = 'm'
