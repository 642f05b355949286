select own.logical as schema, c.relname as "table", a.attname as name, a.attnum as position,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type, coalesce(e.typname, t.typname) as base_type, coalesce(e.typtype, t.typtype) as kind,
    e.oid is not null as "array",
    case when coalesce(e.typtype, t.typtype) = 'e' then array(select v.enumlabel from pg_catalog.pg_enum v
        where v.enumtypid = coalesce(e.oid, t.oid) order by v.enumsortorder) end as values,
    not a.attnotnull as nullable, case when a.attgenerated = '' then pg_catalog.pg_get_expr(d.adbin, d.adrelid) end as "default",
    coalesce(a.attnum = any (p.conkey), false) as primary_key, (a.attgenerated <> '' or a.attidentity = 'a') as generated,
    case when a.attgenerated <> '' then pg_catalog.pg_get_expr(d.adbin, d.adrelid) end as generation,
    case a.attidentity when 'a' then 'always' when 'd' then 'by_default' end as identity, pg_catalog.col_description(c.oid, a.attnum) as comment
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join own on own.oid = c.relnamespace
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_type e on e.oid = t.typelem and e.typarray = t.oid
left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
left join pg_catalog.pg_constraint p on p.conrelid = c.oid and p.contype = 'p'
where c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped and (@table::text = '' or c.relname = @table::text)
    and (@search::text = '' or pg_catalog.strpos(lower(a.attname), lower(@search::text)) > 0)
order by own.logical, c.relname, a.attnum
limit @limit::int offset @offset::int
