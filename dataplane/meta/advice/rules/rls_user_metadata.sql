-- category: security
-- level: error
-- title: A policy trusts what users write themselves
-- explanation: Users change their own user_metadata whenever they like, so a policy that asks for it lets them give themselves what it guards. Keep roles and teams in app_metadata, which only the service role writes, or in a table.
select null::text as level, r.schema, p.name as object, 'policy' as kind, r.name as "table", format('Policy %s of %s reads user_metadata.', p.name, r.label) as detail,
    null::text as fix, '' as extra
from policy p join relation r on r.oid = p.relation
where concat_ws(' ', p.using, p."check") ~ '(user_metadata|raw_user_meta_data)'
