-- $1 what the schemas' names begin with. The highest id of an object in them: those of younger ones are higher.
with spaces as materialized (
    select oid from pg_namespace
    where case when $1 = '' then nspname !~ '^pg_' and nspname <> 'information_schema' else starts_with(nspname, $1) end
)
select max(oid::bigint) from (
    select oid from spaces
    union all select oid from pg_class where relnamespace in (select oid from spaces)
    union all select oid from pg_proc where pronamespace in (select oid from spaces)
    union all select oid from pg_type where typnamespace in (select oid from spaces)
    union all select oid from pg_trigger
    union all select oid from pg_policy
) objects
