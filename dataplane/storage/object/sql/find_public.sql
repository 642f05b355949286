select o.id, o.bucket_id, o.name, coalesce(o.version, ''), coalesce(o.owner_id, ''), coalesce(o.created_at, now()), coalesce(o.updated_at, now()),
    coalesce(o.last_accessed_at, now()), o.metadata, o.user_metadata
from objects o join buckets b on b.id = o.bucket_id and b.public
where o.bucket_id = $1::text and o.name = $2::text
