select own.logical as schema, t.typname as name,
    case t.typtype when 'e' then 'enum' when 'c' then 'composite' when 'd' then 'domain' else 'range' end as kind,
    case when t.typtype = 'e' then array(select v.enumlabel from pg_catalog.pg_enum v where v.enumtypid = t.oid order by v.enumsortorder) end as values,
    case t.typtype
        when 'c' then (select '(' || string_agg(quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum) || ')'
            from pg_catalog.pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)
        when 'd' then concat_ws(' ', pg_catalog.format_type(t.typbasetype, t.typtypmod), 'default ' || t.typdefault, case when t.typnotnull then 'not null' end,
            (select string_agg('constraint ' || quote_ident(k.conname) || ' ' || pg_catalog.pg_get_constraintdef(k.oid, true), ' ' order by k.conname)
                from pg_catalog.pg_constraint k where k.contypid = t.oid and k.contype = 'c'))
        when 'r' then (select 'range of ' || pg_catalog.format_type(r.rngsubtype, null) from pg_catalog.pg_range r where r.rngtypid = t.oid)
    end as definition,
    pg_catalog.obj_description(t.oid, 'pg_type') as comment
from pg_catalog.pg_type t
join own on own.oid = t.typnamespace
left join pg_catalog.pg_class c on c.oid = t.typrelid
where t.typtype in ('e', 'c', 'd', 'r') and (t.typtype <> 'c' or c.relkind = 'c')
    and not exists (select from pg_catalog.pg_depend x where x.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and x.objid = t.oid and x.deptype in ('e', 'i'))
    and (@search::text = '' or pg_catalog.strpos(lower(t.typname), lower(@search::text)) > 0) and @table::text is not null
order by own.logical, t.typname
limit @limit::int offset @offset::int
