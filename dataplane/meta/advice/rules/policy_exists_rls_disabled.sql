-- category: security
-- level: error
-- title: Policies without row level security
-- explanation: The table has policies, but row level security is off, so none of them holds. Switch it on.
select null::text as level, r.schema, r.name as object, r.what as kind, r.name as "table",
    format('Of %s these policies do not hold: %s.', r.label, string_agg(p.name, ', ' order by p.name)) as detail,
    format('alter table %s enable row level security;', r.at) as fix, '' as extra
from relation r join policy p on p.relation = r.oid
where r.kind in ('r', 'p') and not r.guarded
group by r.schema, r.name, r.what, r.label, r.at
