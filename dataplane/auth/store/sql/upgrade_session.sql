-- $1 session, $2 method, $3 level, $4 factor, $5 next refresh token, $6 user agent, $7 address
with upgraded as (
    update sessions set aal = greatest(coalesce(aal, 'aal1'), $3::text::aal_level), factor_id = coalesce($4::uuid, factor_id), updated_at = clock_timestamp(),
        refreshed_at = clock_timestamp() at time zone 'UTC', user_agent = $6::text, ip = $7::inet
    where id = $1::uuid
    returning id, user_id
), method as (
    insert into mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
    select gen_random_uuid(), id, clock_timestamp(), clock_timestamp(), $2::text from upgraded
    on conflict (session_id, authentication_method) do update set updated_at = clock_timestamp()
), old as (
    update refresh_tokens set revoked = true, updated_at = clock_timestamp()
    where session_id in (select id from upgraded) and not coalesce(revoked, false)
    returning token
)
insert into refresh_tokens (instance_id, token, user_id, session_id, parent, revoked, created_at, updated_at)
select '00000000-0000-0000-0000-000000000000', $5::text, user_id::text, id, (select max(token) from old), false, clock_timestamp(), clock_timestamp()
from upgraded
