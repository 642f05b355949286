-- category: security
-- level: error
-- title: Users are exposed
-- explanation: A view, or a function that runs as its owner, reads auth.users for requests: emails, phone numbers and metadata of your users may be in it. Take the grant back, and show a table of profiles with policies instead.
with recursive exposed (oid) as (
    select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = @prefix::text || 'auth' and c.relname = 'users'
    union
    select w.ev_class from exposed
    join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = exposed.oid and d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    join pg_catalog.pg_rewrite w on w.oid = d.objid join pg_catalog.pg_class v on v.oid = w.ev_class
    where v.relkind = 'm' or v.relkind = 'v'
        and not coalesce((select o.option_value::boolean from pg_catalog.pg_options_to_table(v.reloptions) o where o.option_name = 'security_invoker'), false)
)
select null::text as level, r.schema, r.name as object, r.what as kind, r.name as "table", format('%s may read %s, which reads auth.users.', x.roles, r.label) as detail,
    format('revoke all on table %s from public, %s;', r.at, (select string_agg(format('%I', a.sql_name), ', ' order by a.name) from app_role a)) as fix, '' as extra
from exposed join relation r using (oid) join readable x using (oid)
where r.kind in ('v', 'm')
union all
select null, f.schema, f.object, 'function', null, format('%s may call %s, which reads auth.users as its owner.', array_to_string(c.roles, ' and '), f.label),
    format('revoke execute on routine %s from public, %s;', f.at, (select string_agg(format('%I', a.sql_name), ', ' order by a.name) from app_role a)), ''
from routine f join callable c using (oid)
where f.definer and f.source ~* (case @prefix::text when '' then '"?\mauth"?\.' else format('("?%s|\m)auth"?\.', @prefix::text) end || '"?users\M')
