-- category: security
-- level: info
-- title: Row level security without a policy
-- explanation: The table is granted to requests, but with row level security and no policy they see and change no row. Write a policy, or take the grants back if only the service role is to use it.
select null::text as level, r.schema, r.name as object, r.what as kind, r.name as "table",
    format('%s is granted to %s, which see none of its rows.', r.label, string_agg(x.role, ' and ' order by x.role)) as detail, null::text as fix, '' as extra
from relation r join reach x on x.oid = r.oid and x.privileges <> '{}'
where r.kind in ('r', 'p') and r.guarded and not exists (select from policy p where p.relation = r.oid)
group by r.schema, r.name, r.what, r.label
