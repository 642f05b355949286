-- One probe of the index finds each object of a folder and each folder in it, of whatever size. $1 is the bucket, $2 the prefix, $3 what ends a folder's name or '', $4 after what
-- (or '') to begin, $5 what the rest of the name begins with in any case, $6 how many, $7 how many to leave out first, $8 whether user metadata is told. The walk ends with the limit.
with recursive walk as (
    (
        select f.folder, o.id, o.name, coalesce(o.version, '') as version, coalesce(o.owner_id, '') as owner_id, coalesce(o.created_at, now()) as created_at, coalesce(o.updated_at, now()) as updated_at,
            coalesce(o.last_accessed_at, now()) as last_accessed_at, o.metadata, o.user_metadata, coalesce(f.folder, o.name) as after
        from objects o
            cross join lateral (select position($3::text in substr(o.name, length($2::text) + 1)) as at) d
            cross join lateral (select case when $3::text <> '' and d.at > 0 then $2::text || left(substr(o.name, length($2::text) + 1), d.at + length($3::text) - 1) end collate "C" as folder) f
        where o.bucket_id = $1::text and o.name >= $2::text and o.name < ($2::text || chr(1114111)) and ($4::text = '' or o.name < $4::text)
        order by o.name desc
        limit 1
    )
    union all
    select n.* from walk w cross join lateral (
        select f.folder, o.id, o.name, coalesce(o.version, '') as version, coalesce(o.owner_id, '') as owner_id, coalesce(o.created_at, now()) as created_at, coalesce(o.updated_at, now()) as updated_at,
            coalesce(o.last_accessed_at, now()) as last_accessed_at, o.metadata, o.user_metadata, coalesce(f.folder, o.name) as after
        from objects o
            cross join lateral (select position($3::text in substr(o.name, length($2::text) + 1)) as at) d
            cross join lateral (select case when $3::text <> '' and d.at > 0 then $2::text || left(substr(o.name, length($2::text) + 1), d.at + length($3::text) - 1) end collate "C" as folder) f
        where o.bucket_id = $1::text and o.name < w.after and o.name >= $2::text
        order by o.name desc
        limit 1
    ) n
)
select folder is not null, coalesce(folder, name), id, version, owner_id, created_at, updated_at, last_accessed_at, metadata, case when $8::boolean then user_metadata end, after
from walk
where $5::text = '' or starts_with(lower(substr(coalesce(folder, name), length($2::text) + 1)), lower($5::text))
limit $6::bigint offset $7::bigint
