-- category: performance
-- level: warning
-- title: An index that is there twice
-- explanation: Another index has the same columns, order, method and condition. Every write keeps both up to date, and no query needs this one.
select distinct on (x.schema, x.name) null::text as level, x.schema, x.name as object, 'index' as kind, x."table",
    format('%s of %s is the same as %s, and takes %s.', x.name, x.label, y.name, pg_catalog.pg_size_pretty(x.bytes)) as detail, format('drop index %s;', x.at) as fix, y.name as extra
from index x join index y on y.indrelid = x.indrelid and y.indexrelid <> x.indexrelid and y.indisvalid and y.relam = x.relam and y.indkey::text = x.indkey::text and y.indnkeyatts = x.indnkeyatts
    and y.indclass::text = x.indclass::text and y.indcollation::text = x.indcollation::text and y.indoption::text = x.indoption::text
    and y.predicate is not distinct from x.predicate
    and pg_catalog.pg_get_expr(y.indexprs, y.indrelid) is not distinct from pg_catalog.pg_get_expr(x.indexprs, x.indrelid)
where not x.needed and not x.indisreplident and not x.indisclustered and not x.partition and (y.indisunique or not x.indisunique)
    and (y.needed, y.indisunique, y.indisreplident, -y.indexrelid::bigint) > (x.needed, x.indisunique, x.indisreplident, -x.indexrelid::bigint)
order by x.schema, x.name, y.name
