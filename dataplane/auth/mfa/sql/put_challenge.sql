-- $1 id, $2 factor, $3 address, $4 code's hash or null, $5 WebAuthn's state or null
with old as (
    delete from mfa_challenges where factor_id = $2::uuid and created_at < now() - interval '2 hours'
), challenged as (
    update mfa_factors set last_challenged_at = clock_timestamp() where id = $2::uuid
)
insert into mfa_challenges (id, factor_id, created_at, ip_address, otp_code, web_authn_session_data)
values ($1::uuid, $2::uuid, clock_timestamp(), $3::inet, $4::text, $5::jsonb)
returning created_at
