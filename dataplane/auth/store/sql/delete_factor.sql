-- $1 user, $2 factor. Sessions that it raised fall back to the level without it.
with gone as (
    delete from mfa_factors where user_id = $1::uuid and id = $2::uuid
    returning id, factor_type, status
), lowered as (
    update sessions set aal = 'aal1', factor_id = null, updated_at = clock_timestamp()
    where user_id = $1::uuid and factor_id in (select id from gone)
    returning id
), methods as (
    delete from mfa_amr_claims
    where session_id in (select id from lowered) and authentication_method in ('totp', 'mfa/phone', 'mfa/webauthn')
)
select factor_type::text, status::text from gone
