select id, name, coalesce(owner_id, owner::text, ''), coalesce(public, false), file_size_limit, allowed_mime_types, type::text,
    coalesce(created_at, 'epoch'), coalesce(updated_at, 'epoch')
from buckets
where id = $1
