with acl as (
    select case c.relkind when 'v' then 'view' when 'm' then 'view' when 'S' then 'sequence' else 'table' end as object_kind, own.logical as schema,
        c.relname::text as object, null::text as "column", coalesce(c.relacl, pg_catalog.acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner)) as items
    from pg_catalog.pg_class c join own on own.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and (@table::text = '' or c.relname = @table::text)
    union all
    select 'column', own.logical, c.relname, a.attname, a.attacl
    from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid join own on own.oid = c.relnamespace
    where a.attacl is not null and a.attnum > 0 and not a.attisdropped and (@table::text = '' or c.relname = @table::text)
    union all
    select 'function', own.logical, p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')', null,
        coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
    from pg_catalog.pg_proc p join own on own.oid = p.pronamespace
    where @table::text = '' and not exists (select from pg_catalog.pg_depend x
        where x.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and x.objid = p.oid and x.deptype in ('e', 'i'))
    union all
    select 'schema', own.logical, own.logical, null, coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))
    from own join pg_catalog.pg_namespace n on n.oid = own.oid
    where @table::text = ''
), told as (
    select acl.object_kind, acl.schema, acl.object, acl."column",
        case x.grantee when 0 then 'public' else regexp_replace(pg_catalog.pg_get_userbyid(x.grantee)::text,
            '^' || @prefix::text || '(anon|authenticated|service_role|supabase_auth_admin)$', '\1') end as role,
        case x.grantee when 0 then 'public' else pg_catalog.pg_get_userbyid(x.grantee)::text end as sql_role,
        array_agg(lower(x.privilege_type) order by x.privilege_type) as privileges, pg_catalog.pg_get_userbyid(x.grantor)::text as grantor
    from acl, pg_catalog.aclexplode(acl.items) x
    group by acl.object_kind, acl.schema, acl.object, acl."column", x.grantee, x.grantor
)
select * from told
where not pg_catalog.starts_with(sql_role, 'fluxbase_template_')
    and (@search::text = '' or pg_catalog.strpos(lower(object), lower(@search::text)) > 0 or pg_catalog.strpos(lower(role), lower(@search::text)) > 0)
order by schema, object_kind, object, "column" nulls first, role, sql_role, grantor
limit @limit::int offset @offset::int
