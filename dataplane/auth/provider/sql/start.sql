-- $1 client state, $2 provider, $3 code verifier, $4 flow, $5 challenge method, $6 challenge, $7 invite, $8 referrer, $9 linking target, $10 email optional.
-- Sign-ins that nobody came back from go with it.
with state as (
    insert into oauth_client_states (id, provider_type, code_verifier, created_at) values ($1::uuid, $2::text, $3::text, clock_timestamp())
), flow as (
    insert into flow_state (id, user_id, code_challenge_method, code_challenge, provider_type, authentication_method, invite_token, referrer, linking_target_id,
        oauth_client_state_id, email_optional, created_at, updated_at)
    values ($4::uuid, $9::uuid, nullif($5::text, '')::code_challenge_method, nullif($6::text, ''), $2::text, 'oauth', nullif($7::text, ''), $8::text, $9::uuid,
        $1::uuid, $10::boolean, clock_timestamp(), clock_timestamp())
), left_states as (
    delete from oauth_client_states where id in (
        select id from oauth_client_states where created_at < now() - interval '1 hour' order by created_at limit 20 for update skip locked)
)
delete from flow_state where id in (
    select id from flow_state where created_at < now() - interval '1 hour' and authentication_method = 'oauth' order by created_at limit 20 for update skip locked)
