-- $1 id, $2 user, $3 challenge method, $4 challenge, $5 provider, $6 method, $7 invite, $8 referrer, $9 linking target, $10 client state, $11 email optional.
-- Of the flows that a user began by mail only the newest of a method can end, so that the others go; and so do some of those that nobody will end.
with replaced as (
    delete from flow_state where user_id = $2::uuid and authentication_method = $6::text and provider_type = 'email' and auth_code is null
), forgotten as (
    delete from flow_state where id in (
        select f.id from flow_state f where f.created_at < now() - interval '2 days' order by f.created_at limit 5 for update skip locked
    )
)
insert into flow_state (id, user_id, code_challenge_method, code_challenge, provider_type, authentication_method, invite_token, referrer,
    linking_target_id, oauth_client_state_id, email_optional, created_at, updated_at)
values ($1, $2::uuid, nullif($3::text, '')::code_challenge_method, nullif($4::text, ''), $5, $6::text, nullif($7::text, ''), nullif($8::text, ''),
    $9, $10, $11, clock_timestamp(), clock_timestamp())
