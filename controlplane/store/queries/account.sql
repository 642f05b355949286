-- name: FindAccount :one
select * from account where id = $1;

-- name: LockAccounts :exec
select pg_advisory_xact_lock(hashtextextended('fluxbase/account/first', 0));

-- name: UpsertAccount :exec
insert into account (id, email, email_as_of, operator)
values (@id, @email, @as_of, @first_operates::boolean and not exists (select from account))
on conflict (id) do update set email = excluded.email, email_as_of = excluded.email_as_of, updated_at = now()
where account.email <> excluded.email and account.email_as_of < excluded.email_as_of;

-- name: RenameAccount :exec
update account set name = $2, updated_at = now() where id = $1;

-- name: LockAccount :one
select id from account where id = $1 for update;

-- name: FindAccessToken :one
select sqlc.embed(access_token), sqlc.embed(account)
from access_token
join account on account.id = access_token.account_id
where access_token.hash = $1;

-- name: TouchAccessToken :exec
update access_token set last_used_at = @at::timestamptz
where id = @id and (last_used_at is null or last_used_at < @stale::timestamptz);

-- name: InsertAccessToken :one
insert into access_token (id, account_id, name, hash, display, expires_at) values ($1, $2, $3, $4, $5, $6) returning *;

-- name: CountAccessTokens :one
select count(*) from access_token where account_id = $1;

-- name: ListAccessTokens :many
select * from access_token
where account_id = @account_id
  and (sqlc.narg(after_time)::timestamptz is null or (created_at, id) < (sqlc.narg(after_time)::timestamptz, sqlc.narg(after_id)::uuid))
order by created_at desc, id desc
limit @max_rows;

-- name: DeleteAccessToken :one
delete from access_token where account_id = $1 and id = $2 returning name;

-- name: LockAccountByEmail :one
select * from account where lower(email) = lower(@email::text) for update;

-- name: AppointOperator :exec
update account set operator = true, updated_at = now() where id = $1;
