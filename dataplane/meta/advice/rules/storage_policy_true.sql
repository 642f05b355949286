-- category: security
-- level: error
-- title: A policy opens all files
-- explanation: The condition of a policy of storage is always true, so it holds for every bucket: private ones too. Name the bucket, and compare a column: bucket_id = 'avatars' and (storage.foldername(name))[1] = auth.uid()::text. Files of public buckets are read without any policy.
select case when told.open then null else 'warning' end::text as level, n.logical as schema, p.polname as object, 'policy' as kind, c.relname as "table",
    format('Policy %s of storage.%s lets %s %s %s.', p.polname, c.relname, told.roles,
        case p.polcmd when 'r' then 'see' when 'a' then 'add' when 'w' then 'change' when 'd' then 'delete' else 'see and change' end,
        case c.relname when 'objects' then 'any file of any bucket' else 'any bucket' end) as detail,
    null::text as fix, '' as extra
from pg_catalog.pg_policy p join pg_catalog.pg_class c on c.oid = p.polrelid join own n on n.oid = c.relnamespace
cross join lateral (select string_agg(case x.role when 0 then 'everyone' else a.name end, ' and ' order by a.name) as roles, bool_or(x.role = 0 or a.name = 'anon') as open
    from unnest(p.polroles) x (role) left join app_role a on a.oid = x.role where x.role = 0 or a.oid is not null) told
cross join lateral (select pg_catalog.pg_get_expr(p.polqual, p.polrelid) as using, pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as "check") e
where n.logical = 'storage' and c.relname in ('objects', 'buckets') and (@table::text = '' or c.relname = @table::text) and p.polpermissive and told.roles is not null
    and (p.polcmd in ('w', 'd', '*') and e.using ~ '^\(*true\)*$' or p.polcmd in ('a', '*') and e."check" ~ '^\(*true\)*$'
        or p.polcmd = 'r' and c.relname = 'objects' and e.using ~ '^\(*true\)*$')
    and not exists (select from pg_catalog.pg_policy held where held.polrelid = p.polrelid and not held.polpermissive and held.polcmd in (p.polcmd, '*')
        and (0 = any (held.polroles) or held.polroles @> p.polroles))
