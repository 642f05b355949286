-- $1 session, $2 user, $3 until when, $4 user agent, $5 address, $6 who impersonates. No refresh token belongs to it, and it is no sign-in of the user's.
with opened as (
    insert into sessions (id, user_id, created_at, updated_at, aal, not_after, user_agent, ip, tag)
    values ($1::uuid, $2::uuid, clock_timestamp(), clock_timestamp(), 'aal1', $3::timestamptz, $4::text, $5::inet, 'impersonated_by:' || $6::text)
    returning id
)
insert into mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
select gen_random_uuid(), id, clock_timestamp(), clock_timestamp(), 'impersonation' from opened
