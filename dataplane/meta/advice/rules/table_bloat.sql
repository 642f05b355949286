-- category: performance
-- level: warning
-- title: A table is full of dead rows
-- explanation: More than a fifth of the table are rows that were changed or deleted and not yet cleared away: reads go through them. Autovacuum does it unless it is switched off, held up by a long transaction, or too slow for what is written. Vacuum clears them now, while the table is used.
select null::text as level, r.schema, r.name as object, r.what as kind, r.name as "table",
    format('%s has %s dead rows beside %s live ones, and takes %s.', r.label, s.dead, s.live, pg_catalog.pg_size_pretty(pg_catalog.pg_table_size(r.oid))) as detail,
    format('vacuum (analyze) %s;', r.at) as fix, '' as extra
from statistics s join relation r using (oid)
where s.dead >= 10000 and s.dead > 0.2 * (s.dead + s.live)
