-- $1 what the schemas' names begin with, '' for all of the database; $2 oids of logins and roles; $3 whether to look at all, or at what escapes the event
-- triggers that count changes (counted.sql). What is not a row of a table, as one number: each change of a catalog's row gives that another xmin.
with spaces as materialized (
    select oid, xmin as version from pg_namespace
    where case when $1 = '' then nspname !~ '^pg_' and nspname <> 'information_schema' else starts_with(nspname, $1) end
), relations as materialized (
    select c.oid, c.xmin as version from pg_class c where c.relnamespace in (select oid from spaces)
), facts (line) as (
    select format('namespace %s %s', oid, version) from spaces
    union all select format('class %s %s', oid, version) from relations
    union all select format('constraint %s %s', oid, xmin) from pg_constraint where connamespace in (select oid from spaces)
    union all select format('default %s %s', oid, xmin) from pg_attrdef where adrelid in (select oid from relations)
    union all select format('trigger %s %s', oid, xmin) from pg_trigger where tgrelid in (select oid from relations)
    union all select format('policy %s %s', oid, xmin) from pg_policy where polrelid in (select oid from relations)
    union all select format('function %s %s', oid, xmin) from pg_proc where pronamespace in (select oid from spaces)
    union all select format('privileges %s %s', oid, xmin) from pg_default_acl where defaclnamespace in (select oid from spaces) or defaclrole = any($2)
    union all select format('extension %s %s', oid, xmin) from pg_extension
    union all select format('publication %s %s', oid, xmin) from pg_publication
    union all select format('attribute %s %s %s', attrelid, attnum, xmin) from pg_attribute where $3 and attnum > 0 and attrelid in (select oid from relations)
    union all select format('rule %s %s', oid, xmin) from pg_rewrite where $3 and ev_class in (select oid from relations)
    union all select format('type %s %s', oid, xmin) from pg_type where $3 and typnamespace in (select oid from spaces)
    union all select format('operator %s %s', oid, xmin) from pg_operator where $3 and oprnamespace in (select oid from spaces)
    union all select format('statistics %s %s', oid, xmin) from pg_statistic_ext where $3 and stxnamespace in (select oid from spaces)
    union all select format('cast %s %s', oid, xmin) from pg_cast where $3 and oid >= 16384
    union all select format('comment %s %s %s', objoid, objsubid, xmin) from pg_description
        where $3 and objoid in (select oid from relations union all select oid from spaces union all select oid from pg_proc where pronamespace in (select oid from spaces))
)
select coalesce(bit_xor(hashtextextended(line, 0)), 0) from facts
