-- category: performance
-- level: info
-- title: A table without a primary key
-- explanation: Nothing names a row for certain: the table editor cannot change single rows, /api/v1 has no path to them, and replication of updates needs one. The fix adds a numbered column, which rewrites the table; make a key of columns that you have if there are such.
select null::text as level, r.schema, r.name as object, r.what as kind, r.name as "table", format('%s has no primary key.', r.label) as detail,
    case when not exists (select from pg_catalog.pg_attribute a where a.attrelid = r.oid and a.attname = 'id' and not a.attisdropped)
        then format('alter table %s add column id bigint generated always as identity primary key;', r.at) end as fix, '' as extra
from relation r
where r.kind in ('r', 'p') and not r.partition and not exists (select from index x where x.indrelid = r.oid and x.indisprimary)
