-- Nobody else touches the upload until the commit is over, by the database's clock.
update resumable_uploads set version = $3, size = nullif($4, -1::bigint), state = $5::jsonb || jsonb_build_object('finishing', now() + make_interval(secs => $6))
where id = $1 and (state ->> 'fence')::bigint = $2
