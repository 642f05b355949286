insert into objects (bucket_id, name, id, owner, owner_id, version, metadata, user_metadata)
values ($1::text, $2::text, $3::uuid, $4::uuid, $5::text, $6::text, $7::jsonb, $8::jsonb)
