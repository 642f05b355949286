-- The last time step whose code was accepted for a factor.
select coalesce(max(substring(otp_code from 6)::bigint), 0)
from mfa_challenges
where factor_id = $1 and verified_at is not null and otp_code ~ '^step:[0-9]{1,18}$'
