-- category: security
-- level: warning
-- title: A policy lets anyone write
-- explanation: The policy's condition for insert, update or delete is always true, so whoever has the role may write any row. Compare a column with auth.uid(), or take the grant back. Reading with true is often meant and is not told.
select null::text as level, r.schema, p.name as object, 'policy' as kind, r.name as "table",
    format('Policy %s of %s lets %s %s any row.', p.name, r.label, told.roles, case p.command when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'write' end) as detail,
    null::text as fix, '' as extra
from policy p join relation r on r.oid = p.relation
cross join lateral (select string_agg(case x.role when 0 then 'everyone' else a.name end, ' and ' order by a.name) as roles
    from unnest(p.roles) x (role) left join app_role a on a.oid = x.role where x.role = 0 or a.oid is not null) told
where p.permissive and told.roles is not null
    and (p.command in ('w', 'd', '*') and p.using ~ '^\(*true\)*$' or p.command in ('a', '*') and p."check" ~ '^\(*true\)*$')
    and not exists (select from policy held where held.relation = p.relation and not held.permissive and held.command in (p.command, '*') and (0 = any (held.roles) or held.roles @> p.roles))
