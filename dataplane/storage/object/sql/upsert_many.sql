insert into objects (bucket_id, name, id, owner, owner_id, version, metadata, user_metadata)
select $1::text, u.name, u.id, u.owner, u.owner_id, u.version, u.metadata::jsonb, u.user_metadata::jsonb
from unnest($2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[]) u (name, id, owner, owner_id, version, metadata, user_metadata)
order by u.name -- whoever writes several of the same names waits in the same order
on conflict (bucket_id, name) do update
set owner = excluded.owner, owner_id = excluded.owner_id, version = excluded.version, metadata = excluded.metadata, user_metadata = excluded.user_metadata
returning name, id, coalesce(created_at, now()), coalesce(updated_at, now()), coalesce(last_accessed_at, now())
