-- $1 hash, $2 kinds. The user's row is held until the transaction ends, and the token is read again under it.
with named as (
    select t.user_id from one_time_tokens t
    where t.token_hash in ($1::text, 'pkce_' || $1::text) and t.token_type::text = any($2::text[])
    limit 1
), held as (
    select u.id from users u where u.id in (select user_id from named) and u.deleted_at is null for update
)
select h.id, t.token_type::text, t.relates_to, t.created_at at time zone 'UTC'
from held h join one_time_tokens t on t.user_id = h.id
where t.token_hash in ($1::text, 'pkce_' || $1::text) and t.token_type::text = any($2::text[])
limit 1
