-- $1 id, $2 public id, $3 client, $4 redirect, $5 scope, $6 state, $7 resource, $8 challenge, $9 nonce, $10 life in seconds. Some of those that are long over go
-- with it.
with past as (
    delete from oauth_authorizations where id in (select id from oauth_authorizations where expires_at < now() - interval '1 day'
        order by expires_at limit 20 for update skip locked)
)
insert into oauth_authorizations (id, authorization_id, client_id, redirect_uri, scope, state, resource, code_challenge, code_challenge_method, nonce, status,
    response_type, created_at, expires_at)
values ($1, $2, $3, $4, $5, nullif($6::text, ''), nullif($7::text, ''), $8, 's256', nullif($9::text, ''), 'pending', 'code', clock_timestamp(),
    clock_timestamp() + make_interval(secs => $10::float8))
