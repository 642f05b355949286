-- category: security
-- level: warning
-- title: A function's search_path is not set
-- explanation: Without a search_path of its own a function looks names up where its caller says, who can put other tables and functions before the ones that are meant. It matters most in functions that run as their owner (security definer); of others it is told as information. The fix keeps the schemas that it finds its names in today.
select case when not f.definer then 'info' end as level, f.schema, f.object, 'function' as kind, null::text as "table",
    format('%s runs as %s with the search_path of the caller.', f.label, case when f.definer then 'its owner' else 'its caller,' end) as detail,
    format('alter routine %s set search_path = %s, pg_temp;', f.at, (select string_agg(format('%I', s.name), ', ' order by s.place) from (
        select name, min(place) as place from (values (1, f.physical), (2, @prefix::text || 'public'), (3, @prefix::text || 'extensions')) v (place, name) group by name) s)) as fix, '' as extra
from routine f
where f.language not in ('c', 'internal') and not f.bound and (f.kind = 'f' or f.definer)
    and not exists (select from unnest(f.settings) s where pg_catalog.starts_with(s, 'search_path='))
