-- $1 id, $2 factor, $3 address, $4 code's hash or null, $5 WebAuthn's state or null. Old ones, of whichever factor, go as new ones come.
with old as (
    delete from mfa_challenges
    where id in (select id from mfa_challenges where created_at < now() - interval '2 hours' order by created_at limit 20 for update skip locked)
), challenged as (
    update mfa_factors set last_challenged_at = clock_timestamp() where id = $2::uuid
)
insert into mfa_challenges (id, factor_id, created_at, ip_address, otp_code, web_authn_session_data)
values ($1::uuid, $2::uuid, clock_timestamp(), $3::inet, $4::text, $5::jsonb)
returning created_at
