-- $1 what the schemas' names begin with; $2 tables that had rows when they were new. What deletes those of all others.
select coalesce(string_agg(format('delete from only %I.%I;', nspname, relname), ''), '')
from pg_class c join pg_namespace n on n.oid = relnamespace
where relkind = 'r' and nspname <> 'fluxbase' and format('%I.%I', nspname, relname) <> all($2) and pg_relation_size(c.oid) > 0
    and case when $1 = '' then nspname !~ '^pg_' and nspname <> 'information_schema' else starts_with(nspname, $1) end
