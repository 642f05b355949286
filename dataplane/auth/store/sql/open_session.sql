-- $1 session, $2 user, $3 the password hash that was checked or null, $4 refresh token, $5 user agent, $6 address, $7 method, $8 provider, $9 level,
-- $10 factor, $11 OAuth client, $12 scopes, $13 end or null
with signed_in as (
    update users set last_sign_in_at = clock_timestamp(), updated_at = clock_timestamp()
    where id = $2::uuid and ($3::text is null or encrypted_password is not distinct from $3::text) and deleted_at is null
        and (banned_until is null or banned_until <= now())
    returning id
), opened as (
    insert into sessions (id, user_id, created_at, updated_at, aal, user_agent, ip, factor_id, oauth_client_id, scopes, not_after)
    select $1::uuid, id, clock_timestamp(), clock_timestamp(), $9::text::aal_level, $5::text, $6::inet, $10::uuid, $11::uuid, nullif($12::text, ''),
        $13::timestamptz from signed_in
    returning id, user_id
), method as (
    insert into mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
    select gen_random_uuid(), id, clock_timestamp(), clock_timestamp(), $7::text from opened
), touched as (
    update identities set last_sign_in_at = clock_timestamp(), updated_at = clock_timestamp()
    where user_id in (select id from signed_in) and provider = $8::text
)
insert into refresh_tokens (instance_id, token, user_id, session_id, revoked, created_at, updated_at)
select '00000000-0000-0000-0000-000000000000', $4::text, user_id::text, id, false, clock_timestamp(), clock_timestamp()
from opened
