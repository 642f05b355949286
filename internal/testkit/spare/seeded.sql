-- $1 what the schemas' names begin with. The tables that have rows when they are new, and no others than those that projects see.
select coalesce(array_agg(format('%I.%I', nspname, relname) order by nspname, relname), '{}')
from pg_class c join pg_namespace n on n.oid = relnamespace
where relkind = 'r' and pg_relation_size(c.oid) > 0 and nspname <> 'fluxbase'
    and case when $1 = '' then nspname !~ '^pg_' and nspname <> 'information_schema' else starts_with(nspname, $1) end
