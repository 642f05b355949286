update resumable_uploads set version = $3, size = nullif($4, -1::bigint), state = $5 where id = $1 and (state ->> 'fence')::bigint = $2
