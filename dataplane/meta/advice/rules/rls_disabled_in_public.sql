-- category: security
-- level: error
-- title: Row level security is off
-- explanation: Without row level security every row of the table is open to whoever was granted the table: grants to anon or authenticated make it public. Switch it on, then write policies that say who sees and changes which rows. It is a warning while nothing is granted to them yet.
select case when told.roles is null then 'warning' end as level, r.schema, r.name as object, r.what as kind, r.name as "table",
    coalesce('Every row of ' || r.label || ' is open: ' || told.roles || '.', format('Nothing of %s is granted to anon and authenticated. The first grant opens all of its rows.', r.label)) as detail,
    format('alter table %s enable row level security;', r.at) as fix, '' as extra
from relation r
left join (select oid, string_agg(role || ' may ' || array_to_string(privileges, ', '), '; ' order by role) as roles from reach where privileges <> '{}' group by oid) told using (oid)
where r.kind in ('r', 'p') and not r.guarded and exists (select from reach x where x.oid = r.oid) and not exists (select from policy p where p.relation = r.oid)
