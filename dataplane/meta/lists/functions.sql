select own.logical as schema, p.proname as name, pg_catalog.pg_get_function_identity_arguments(p.oid) as identity_arguments,
    coalesce((select json_agg(json_build_object('name', coalesce(p.proargnames[a.place], ''), 'type', pg_catalog.format_type(a.type, null),
            'mode', case p.proargmodes[a.place] when 'o' then 'out' when 'b' then 'inout' when 'v' then 'variadic' when 't' then 'table' else 'in' end,
            'has_default', pg_catalog.pg_get_function_arg_default(p.oid, a.place::int) is not null,
            'default', pg_catalog.pg_get_function_arg_default(p.oid, a.place::int)) order by a.place)
        from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality a (type, place)), '[]'::json) as arguments,
    coalesce(pg_catalog.pg_get_function_result(p.oid), '') as returns, l.lanname as language,
    case when p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype then 'trigger'
        else case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' when 'w' then 'window' else 'function' end end as kind,
    case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility, p.prosecdef as security_definer,
    coalesce(p.proconfig, '{}') as settings, coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) as body,
    case when p.prokind <> 'a' then pg_catalog.pg_get_functiondef(p.oid) end as definition,
    pg_catalog.obj_description(p.oid, 'pg_proc') as comment, pg_catalog.pg_has_role(p.proowner, 'usage') as owned
from pg_catalog.pg_proc p
join own on own.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
where not exists (select from pg_catalog.pg_depend x where x.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and x.objid = p.oid and x.deptype in ('e', 'i'))
    and (@search::text = '' or pg_catalog.strpos(lower(p.proname), lower(@search::text)) > 0 or pg_catalog.strpos(lower(p.prosrc), lower(@search::text)) > 0)
    and @table::text is not null
order by own.logical, p.proname, 3
limit @limit::int offset @offset::int
