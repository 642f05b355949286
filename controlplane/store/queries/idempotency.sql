-- name: LockIdempotencyKey :exec
select pg_advisory_xact_lock(hashtextextended(@name::text, 0));

-- name: FindIdempotencyKey :one
select request_hash, response from idempotency_key
where account_id = $1 and procedure = $2 and key = $3 and created_at > @since::timestamptz;

-- name: SaveIdempotencyKey :exec
insert into idempotency_key (account_id, procedure, key, request_hash, response)
values ($1, $2, $3, $4, $5)
on conflict (account_id, procedure, key)
do update set request_hash = excluded.request_hash, response = excluded.response, created_at = now();

-- name: ForgetIdempotencyKeys :execrows
delete from idempotency_key where created_at < @before::timestamptz;
