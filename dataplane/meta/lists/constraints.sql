select own.logical as schema, c.relname as "table", k.conname as name,
    case k.contype when 'p' then 'primary_key' when 'u' then 'unique' when 'f' then 'foreign_key' when 'c' then 'check' else 'exclude' end as kind,
    array(select a.attname from unnest(k.conkey) with ordinality of (number, place)
        join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = of.number order by of.place) as columns,
    pg_catalog.pg_get_constraintdef(k.oid, true) as definition, k.convalidated as validated,
    case when pg_catalog.starts_with(fn.nspname, @prefix::text) then substr(fn.nspname, length(@prefix::text) + 1) else fn.nspname end as foreign_schema,
    f.relname as foreign_table,
    case when k.contype = 'f' then array(select a.attname from unnest(k.confkey) with ordinality of (number, place)
        join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = of.number order by of.place) end as foreign_columns,
    case when k.contype = 'f' then case k.confupdtype when 'r' then 'restrict' when 'c' then 'cascade' when 'n' then 'set null'
        when 'd' then 'set default' else 'no action' end end as on_update,
    case when k.contype = 'f' then case k.confdeltype when 'r' then 'restrict' when 'c' then 'cascade' when 'n' then 'set null'
        when 'd' then 'set default' else 'no action' end end as on_delete
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join own on own.oid = c.relnamespace
left join pg_catalog.pg_class f on f.oid = k.confrelid
left join pg_catalog.pg_namespace fn on fn.oid = f.relnamespace
where k.contype in ('p', 'u', 'f', 'c', 'x') and (@table::text = '' or c.relname = @table::text)
    and (@search::text = '' or pg_catalog.strpos(lower(k.conname), lower(@search::text)) > 0)
order by own.logical, c.relname, array_position('{p,u,f,c,x}'::"char"[], k.contype), k.conname
limit @limit::int offset @offset::int
