-- The project's own schemas, which every list begins with: physical names begin with the prefix, logical ones are without it. A ref is of
-- fixed length and has no underscore, so no project's prefix is the beginning of another's.
select n.oid, substr(n.nspname, length(@prefix::text) + 1) as logical, n.nspname::text as physical
from pg_catalog.pg_namespace n
where pg_catalog.starts_with(n.nspname, @prefix::text) and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'fluxbase')
    and pg_catalog.has_schema_privilege(n.oid, 'usage') and (@schema::text = '' or n.nspname = @prefix::text || @schema::text)
