-- name: LockProject :one
select id, ref, organization_id from project where id = $1 for update;

-- name: CountDefaultKeys :many
select type, count(*) from api_key where project_id = $1 and name = 'default' group by type;

-- name: CountLiveKeys :one
select count(*) from api_key where project_id = $1 and revoked_at is null and (expires_at is null or expires_at > now());

-- name: InsertKey :one
insert into api_key (id, project_id, name, type, hash, display, unrevealed_sealed, created_by, expires_at, scopes, requests_per_second)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
returning *;

-- name: ListKeys :many
select * from api_key
where project_id = @project_id
  and (sqlc.narg(after_time)::timestamptz is null or (created_at, id) < (sqlc.narg(after_time)::timestamptz, sqlc.narg(after_id)::uuid))
order by created_at desc, id desc
limit @max_rows;

-- name: LockKey :one
select * from api_key where project_id = $1 and id = $2 for update;

-- name: RevokeKey :one
update api_key set revoked_at = now(), unrevealed_sealed = null where id = $1 returning *;

-- name: SucceedKey :one
update api_key set successor_id = $2, expires_at = $3, unrevealed_sealed = null where id = $1 returning *;

-- name: ForgetKeyValue :exec
update api_key set unrevealed_sealed = null where id = $1;

-- name: FirstPublishableKey :one
select display from api_key
where project_id = $1 and type = 'publishable' and revoked_at is null and (expires_at is null or expires_at > now())
order by cardinality(scopes), successor_id is not null, created_at, id
limit 1;
