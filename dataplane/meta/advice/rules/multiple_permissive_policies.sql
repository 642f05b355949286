-- category: performance
-- level: warning
-- title: Several permissive policies for one thing
-- explanation: Postgres checks every permissive policy that applies to a role and command, for each row, until one allows it. One policy with "or" is as strict and faster. The fix merges policies of the same command and roles; others take a look.
with hit as (
    select p.relation, c.command, a.name as role, array_agg(p.name order by p.name) as names
    from policy p cross join app_role a cross join (values ('r'), ('a'), ('w'), ('d')) c (command)
    where p.permissive and (0 = any (p.roles) or a.oid = any (p.roles)) and p.command in (c.command::"char", '*')
    group by 1, 2, 3 having count(*) > 1
), alike as (
    select hit.relation, hit.names, array_agg(distinct hit.role order by hit.role) as roles,
        array_agg(distinct case hit.command when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' else 'delete' end) as commands
    from hit group by 1, 2
), merged as (
    select alike.relation, alike.names, count(distinct (p.command, p.roles::text)) = 1 as mergeable,
        string_agg('(' || p.using || ')', ' or ' order by p.name) as using,
        case when bool_or(p."check" is not null) then string_agg('(' || coalesce(p."check", p.using) || ')', ' or ' order by p.name) end as "check"
    from alike join policy p on p.relation = alike.relation and p.name = any (alike.names) group by 1, 2
)
select null::text as level, r.schema, r.name as object, r.what as kind, r.name as "table",
    format('%s has %s policies to %s as %s: %s.', r.label, cardinality(alike.names), array_to_string(alike.commands, ', '), array_to_string(alike.roles, ' and '), array_to_string(alike.names, ', ')) as detail,
    case when m.mergeable then format('alter policy %I on %s%s%s;', m.names[1], r.at, ' using (' || m.using || ')', ' with check (' || m."check" || ')')
        || (select string_agg(format(E'\ndrop policy %I on %s;', n, r.at), '' order by n) from unnest(m.names[2:]) n) end as fix, array_to_string(alike.names, ',') as extra
from alike join merged m using (relation, names) join relation r on r.oid = alike.relation
where r.guarded
