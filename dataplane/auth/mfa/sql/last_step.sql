-- The last time step whose code was accepted for a factor. Challenges live for an hour at most, and older steps are good no more.
select coalesce(max(substring(otp_code from 6)::bigint), 0)
from mfa_challenges
where created_at > now() - interval '2 hours' and factor_id = $1 and verified_at is not null and otp_code ~ '^step:[0-9]{1,18}$'
