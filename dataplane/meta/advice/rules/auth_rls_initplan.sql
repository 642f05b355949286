-- category: performance
-- level: warning
-- title: A policy asks who the user is for each row
-- explanation: auth.uid() and its like are called anew for every row that a policy looks at. In "(select auth.uid())" Postgres calls it once for the query. The fix writes the policy so, and changes nothing else of it.
with told as (
    select p.*, '(?<!SELECT \(*)(?<![\w$.])(auth\.(?:uid|jwt|role|email)\(\)|current_setting\(''(?:[^'']|'''')*''::text(?:, (?:true|false))?\))' as bare,
        concat_ws(' ', p.using, p."check") as text
    from policy p
), bared as (
    -- In what stands in quotes a call is only a text, of which nothing is rewritten.
    select told.*, regexp_replace(told.text, '''(?:[^'']|'''')*''|"(?:[^"]|"")*"', '', 'g') as unquoted from told
), seen as (
    select bared.*, regexp_count(bared.text, 'auth\.(?:uid|jwt|role|email)\(\)|current_setting\(') = regexp_count(bared.unquoted, 'auth\.(?:uid|jwt|role|email)\(\)|current_setting\(') as plain
    from bared
)
select null::text as level, r.schema, s.name as object, 'policy' as kind, r.name as "table",
    format('Policy %s of %s calls %s for each row.', s.name, r.label, coalesce((regexp_match(s.text, s.bare))[1], 'auth.uid() or its like')) as detail,
    case when s.plain then format('alter policy %I on %s%s%s;', s.name, r.at, ' using (' || regexp_replace(s.using, s.bare, '(select \1)', 'g') || ')',
        ' with check (' || regexp_replace(s."check", s.bare, '(select \1)', 'g') || ')') end as fix, '' as extra
from seen s join relation r on r.oid = s.relation
where case when s.plain then s.text ~ s.bare
    else s.unquoted ~ '(?<!SELECT \(*)(?<![\w$.])(auth\.(?:uid|jwt|role|email)\(\)|current_setting\(::text(?:, (?:true|false))?\))' end
