-- A page of what the caller sees of a bucket, and which of it the caller may remove. $2 is after what name to begin, $3 by when they were made, $4 how many.
with page as (
    select id, name from objects
    where bucket_id = $1::text and name > $2::text and coalesce(created_at, '-infinity') <= $3::timestamptz
    order by name
    limit $4::bigint
), gone as (
    delete from objects o using page where o.id = page.id returning o.id
)
select coalesce((select max(name) from page), ''), (select count(*) from page), (select count(*) from gone)
