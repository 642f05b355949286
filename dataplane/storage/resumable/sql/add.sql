insert into resumable_uploads (id, bucket_id, name, version, size, owner_id, role, upsert, metadata, user_metadata, state, expires_at)
values ($1, $2, $3, $4, nullif($5, -1::bigint), nullif($6, ''), $7, $8, $9, $10, $11, $12)
