-- category: performance
-- level: warning
-- title: An index is not valid
-- explanation: Building it concurrently failed. Queries do not use it, and writes keep it up to date all the same. Build it anew, or drop it.
select null::text as level, x.schema, x.name as object, 'index' as kind, x."table", format('%s of %s is not used by any query.', x.name, x.label) as detail,
    format('reindex index %s;', x.at) as fix, '' as extra
from index x where not x.indisvalid and x.relkind = 'i'
