insert into objects (bucket_id, name, id, owner, owner_id, version, metadata, user_metadata)
values ($1::text, $2::text, $3::uuid, $4::uuid, $5::text, $6::text, $7::jsonb, $8::jsonb)
on conflict (bucket_id, name) do update
set owner = excluded.owner, owner_id = excluded.owner_id, version = excluded.version, metadata = excluded.metadata, user_metadata = excluded.user_metadata
returning id, bucket_id, name, coalesce(version, ''), coalesce(owner_id, ''), coalesce(created_at, now()), coalesce(updated_at, now()),
    coalesce(last_accessed_at, now()), metadata, user_metadata
