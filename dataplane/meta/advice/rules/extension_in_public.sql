-- category: security
-- level: warning
-- title: An extension is in public
-- explanation: The extension's functions and types stand among your own and can be called by the API. The schema extensions is for them. The fix drops the extension and enables it there; it is refused while columns, indexes or functions use it: change these first.
select null::text as level, n.logical as schema, e.extname::text as object, 'extension' as kind, null::text as "table", format('%s is in the schema %s.', e.extname, n.logical) as detail,
    format(E'drop extension %I;\ncreate extension %I schema %I;', e.extname, e.extname, @prefix::text || 'extensions') as fix, '' as extra
from pg_catalog.pg_extension e join mine n on n.oid = e.extnamespace
where pg_catalog.pg_has_role(e.extowner, 'usage') and @table::text = '' and n.logical = 'public'
