-- $1 what the schemas' names begin with; $2 an object's id. What drops all objects in them with a higher one.
with spaces as materialized (
    select oid from pg_namespace
    where case when $1 = '' then nspname !~ '^pg_' and nspname <> 'information_schema' else starts_with(nspname, $1) end
), relations as materialized (
    select oid, relkind from pg_class where relnamespace in (select oid from spaces)
), younger (rank, class, id) as (
    select 1, 'pg_policy'::regclass, oid from pg_policy where polrelid in (select oid from relations)
    union all select 2, 'pg_trigger'::regclass, oid from pg_trigger where tgrelid in (select oid from relations) and not tgisinternal
    union all select 3, 'pg_class'::regclass, oid from relations where relkind in ('r', 'p', 'f', 'v', 'm')
    union all select 4, 'pg_class'::regclass, oid from relations where relkind = 'S'
    union all select 5, 'pg_proc'::regclass, oid from pg_proc where pronamespace in (select oid from spaces)
    union all select 6, 'pg_type'::regclass, t.oid from pg_type t left join pg_class c on c.oid = typrelid
        where typnamespace in (select oid from spaces) and typtype <> 'm' and typelem = 0 and (c.oid is null or c.relkind = 'c')
    union all select 7, 'pg_operator'::regclass, oid from pg_operator where oprnamespace in (select oid from spaces)
    union all select 8, 'pg_namespace'::regclass, oid from spaces
)
select coalesce(string_agg(format('drop %s if exists %s cascade;', type, identity), '' order by rank, id), '')
from younger, pg_identify_object(class, id, 0) where id::bigint > $2
