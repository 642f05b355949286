-- Whoever claims an upload is its one writer from then on: what others still write for it is not saved.
update resumable_uploads
set state = state || jsonb_build_object('fence', (state ->> 'fence')::bigint + 1, 'open', true, 'strays', coalesce((state ->> 'open')::boolean, false) or coalesce((state ->> 'strays')::boolean, false))
where id = $1 and state ->> 'done' is null and coalesce((state ->> 'finishing')::timestamptz, '-infinity') <= now()
    and ($2 or not coalesce((state ->> 'ending')::boolean, false))
returning bucket_id, name, version, coalesce(size, -1), coalesce(owner_id, ''), role, upsert, metadata, user_metadata, state, created_at, expires_at
