-- The object that was judged, and no other that took its place meanwhile.
update objects set bucket_id = $3::text, name = $4::text
where bucket_id = $1::text and name = $2::text and coalesce(version, '') = $5::text
    and (not $7::boolean or coalesce(case jsonb_typeof(metadata -> 'mimetype') when 'string' then metadata ->> 'mimetype' end, '') = $6::text)
returning id, bucket_id, name, coalesce(version, ''), coalesce(owner_id, ''), coalesce(created_at, now()), coalesce(updated_at, now()),
    coalesce(last_accessed_at, now()), metadata, user_metadata
