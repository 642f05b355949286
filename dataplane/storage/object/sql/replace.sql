-- The id stays; $3 is not used. $9 is the ETag that the object must have, or null.
update objects
set owner = $4::uuid, owner_id = $5::text, version = $6::text, metadata = $7::jsonb, user_metadata = $8::jsonb
where bucket_id = $1::text and name = $2::text and $3::uuid is not null and ($9::text is null or metadata ->> 'eTag' = $9::text)
returning id, bucket_id, name, coalesce(version, ''), coalesce(owner_id, ''), coalesce(created_at, now()), coalesce(updated_at, now()),
    coalesce(last_accessed_at, now()), metadata, user_metadata
