-- Of many no user metadata: it may be 64 KiB each.
select id, bucket_id, name, coalesce(version, ''), coalesce(owner_id, ''), coalesce(created_at, now()), coalesce(updated_at, now()),
    coalesce(last_accessed_at, now()), metadata, null::jsonb
from objects where bucket_id = $1::text and name = any($2::text[])
