select own.logical as schema, c.relname as "table", p.polname as name,
    case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as command,
    p.polpermissive as permissive,
    array(select case r.role when 0 then 'public' else regexp_replace(pg_catalog.pg_get_userbyid(r.role)::text,
        '^' || @prefix::text || '(anon|authenticated|service_role|supabase_auth_admin)$', '\1') end from unnest(p.polroles) r (role) order by 1) as roles,
    pg_catalog.pg_get_expr(p.polqual, p.polrelid, true) as using, pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid, true) as "check"
from pg_catalog.pg_policy p
join pg_catalog.pg_class c on c.oid = p.polrelid
join own on own.oid = c.relnamespace
where (@table::text = '' or c.relname = @table::text) and (@search::text = '' or pg_catalog.strpos(lower(p.polname), lower(@search::text)) > 0)
order by own.logical, c.relname, p.polname
limit @limit::int offset @offset::int
