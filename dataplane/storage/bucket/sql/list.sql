select id, name, coalesce(owner_id, owner::text, ''), coalesce(public, false), file_size_limit, allowed_mime_types, type::text,
    coalesce(created_at, 'epoch'), coalesce(updated_at, 'epoch')
from buckets
where type = 'STANDARD' and ($1 = '' or position(lower($1) in lower(name)) > 0)
order by
    case when $3 then null when $2 = 'id' then id when $2 = 'name' then name end collate "C",
    case when $3 then null when $2 = 'created_at' then created_at when $2 = 'updated_at' then updated_at end,
    case when not $3 then null when $2 = 'id' then id when $2 = 'name' then name end collate "C" desc nulls last,
    case when not $3 then null when $2 = 'created_at' then created_at when $2 = 'updated_at' then updated_at end desc nulls last,
    id collate "C"
limit $4 offset $5
