-- name: FindAccount :one
select sqlc.embed(account),
    (account.operator or exists (select from operator_email e where e.email = lower(account.email)))::boolean as runs
from account
where id = $1;

-- name: LockAccounts :exec
select pg_advisory_xact_lock(hashtextextended('fluxbase/account/first', 0));

-- name: UpsertAccount :exec
insert into account (id, email, operator)
values (@id, @email, @first_operates::boolean and not exists (select from account))
on conflict (id) do update set email = excluded.email, updated_at = now() where account.email <> excluded.email;

-- name: RenameAccount :exec
update account set name = $2, updated_at = now() where id = $1;

-- name: LockAccount :one
select id from account where id = $1 for update;

-- name: FindAccessToken :one
select sqlc.embed(access_token), sqlc.embed(account),
    (account.operator or exists (select from operator_email e where e.email = lower(account.email)))::boolean as runs
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

-- name: AddOperatorEmail :execrows
insert into operator_email (email) values (lower(@email::text)) on conflict do nothing;
