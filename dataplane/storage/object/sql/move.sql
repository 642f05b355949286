update objects set bucket_id = $3::text, name = $4::text
where bucket_id = $1::text and name = $2::text
returning id, bucket_id, name, coalesce(version, ''), coalesce(owner_id, ''), coalesce(created_at, now()), coalesce(updated_at, now()),
    coalesce(last_accessed_at, now()), metadata, user_metadata
