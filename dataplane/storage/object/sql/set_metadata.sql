-- The version is the one that was looked at: an upload in the meantime keeps its own metadata.
update objects set metadata = $4::jsonb, user_metadata = $5::jsonb
where bucket_id = $1::text and name = $2::text and version is not distinct from $3::text
returning id, bucket_id, name, coalesce(version, ''), coalesce(owner_id, ''), coalesce(created_at, now()), coalesce(updated_at, now()),
    coalesce(last_accessed_at, now()), metadata, user_metadata
