-- category: performance
-- level: info
-- title: A foreign key without an index
-- explanation: When a row of the other table is deleted or its key changes, Postgres looks for rows that refer to it; without an index it reads this whole table each time. Joins over the key need it too. It is a warning from 10,000 rows on.
select case when r.estimate >= 10000 then 'warning' end as level, r.schema, k.name as object, 'constraint' as kind, r.name as "table",
    format('The foreign key %s of %s (%s) has no index.', k.name, r.label, told.names) as detail,
    format('create index on %s (%s);', r.at, told.columns) as fix, '' as extra
from foreign_key k join relation r on r.oid = k.conrelid
cross join lateral (select string_agg(a.attname::text, ', ' order by c.place) as names, string_agg(format('%I', a.attname), ', ' order by c.place) as columns
    from unnest(k.conkey) with ordinality c (number, place) join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.number) told
where not k.indexed and r.kind in ('r', 'p')
