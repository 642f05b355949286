-- Other tools make the table with fewer columns.
select m.row ->> 'version' as version, coalesce(m.row ->> 'name', '') as name, coalesce(nullif(m.row -> 'statements', 'null'), '[]') as statements,
    m.row ->> 'created_by' as created_by, m.row ->> 'created_at' as created_at
from (select pg_catalog.to_jsonb(t) as row from {migrations} t) m
where (@search::text = '' or pg_catalog.strpos(lower(concat_ws(' ', m.row ->> 'version', m.row ->> 'name', m.row ->> 'statements')), lower(@search::text)) > 0)
    and @table::text is not null
order by 1 desc
limit @limit::int offset @offset::int
