with mine as (
    select r.*, regexp_replace(r.rolname::text, '^' || @prefix::text || '(anon|authenticated|service_role|supabase_auth_admin)$', '\1') as logical,
        substr(r.rolname, length(@ref::text) + 2) as part
    from pg_catalog.pg_roles r
    where pg_catalog.starts_with(r.rolname, @ref::text || '_')
        or @prefix::text = '' and r.rolname in ('anon', 'authenticated', 'service_role', 'supabase_auth_admin')
)
select m.logical as name, m.rolname as sql_name, m.rolcanlogin as login, m.rolinherit as inherit, m.rolbypassrls as bypass_rls,
    m.rolconnlimit as connection_limit,
    (select count(*) from pg_catalog.pg_stat_activity s where s.usename = m.rolname) as connections,
    array(select distinct o.logical from pg_catalog.pg_auth_members a join mine o on o.oid = a.roleid where a.member = m.oid order by 1) as member_of,
    case
        when m.logical = 'anon' then 'Requests without a signed-in user run as it.'
        when m.logical = 'authenticated' then 'Requests of signed-in users run as it.'
        when m.logical = 'service_role' then 'Requests with a secret key run as it. Row level security does not hold it.'
        when m.logical = 'supabase_auth_admin' then 'Auth calls hooks that are Postgres functions as a member of it: grant execute on them to it.'
        when m.part = 'authenticator' then 'REST and storage connect as it, and become one of the roles of requests.'
        when m.part = 'admin' then 'Auth and realtime connect as it. It owns their tables.'
        when m.part = 'storage' then 'Storage connects as it. It owns what is counted of files.'
        when m.part = 'owner' then 'The project''s developers run SQL as it, here and by psql. It owns what they make.'
    end as about
from mine m
where (@search::text = '' or pg_catalog.strpos(lower(m.logical), lower(@search::text)) > 0) and @table::text is not null and @schema::text is not null
order by 1
limit @limit::int offset @offset::int
