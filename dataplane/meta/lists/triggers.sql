select own.logical as schema, c.relname as "table", t.tgname as name,
    case when t.tgtype & 2 <> 0 then 'before' when t.tgtype & 64 <> 0 then 'instead_of' else 'after' end as timing,
    array_remove(array[case when t.tgtype & 4 <> 0 then 'insert' end, case when t.tgtype & 16 <> 0 then 'update' end,
        case when t.tgtype & 8 <> 0 then 'delete' end, case when t.tgtype & 32 <> 0 then 'truncate' end], null) as events,
    case when t.tgtype & 1 <> 0 then 'row' else 'statement' end as level,
    -- The expression alone cannot be had: it is of two relations, old and new.
    case when t.tgqual is not null then substring(pg_catalog.pg_get_triggerdef(t.oid, true)
        from 'FOR EACH (?:ROW|STATEMENT) WHEN \((.*)\) EXECUTE FUNCTION ') end as condition,
    t.tgenabled <> 'D' as enabled,
    case when pg_catalog.starts_with(pn.nspname, @prefix::text) then substr(pn.nspname, length(@prefix::text) + 1) else pn.nspname end as function_schema,
    p.proname as function_name, pg_catalog.pg_get_triggerdef(t.oid, true) as definition
from pg_catalog.pg_trigger t
join pg_catalog.pg_class c on c.oid = t.tgrelid
join own on own.oid = c.relnamespace
join pg_catalog.pg_proc p on p.oid = t.tgfoid
join pg_catalog.pg_namespace pn on pn.oid = p.pronamespace
where not t.tgisinternal and (@table::text = '' or c.relname = @table::text)
    and (@search::text = '' or pg_catalog.strpos(lower(t.tgname), lower(@search::text)) > 0)
order by own.logical, c.relname, t.tgname
limit @limit::int offset @offset::int
