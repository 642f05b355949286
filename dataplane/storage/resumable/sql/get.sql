select bucket_id, name, version, coalesce(size, -1), coalesce(owner_id, ''), role, upsert, metadata, user_metadata, state, created_at, expires_at
from resumable_uploads where id = $1
