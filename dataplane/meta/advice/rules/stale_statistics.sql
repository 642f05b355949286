-- category: performance
-- level: info
-- title: The planner's statistics are old
-- explanation: More than a fifth of the table changed since it was last analyzed, so the planner may choose slow plans. Autovacuum analyzes by itself within minutes unless it is switched off or held up.
select null::text as level, r.schema, r.name as object, r.what as kind, r.name as "table",
    format('%s rows of %s changed since it was analyzed (%s).', s.changed, r.label, case s.analyzed when '' then 'never' else s.analyzed end) as detail,
    format('analyze %s;', r.at) as fix, '' as extra
from statistics s join relation r using (oid)
where s.changed >= 1000 and s.changed > 0.2 * s.live
