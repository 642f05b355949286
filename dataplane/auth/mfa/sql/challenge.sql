-- $1 factor, $2 challenge, $3 seconds that it may be answered
select verified_at is not null, host(ip_address), created_at + make_interval(secs => $3::float8) <= now(), coalesce(otp_code, ''),
    coalesce(web_authn_session_data, 'null')
from mfa_challenges
where factor_id = $1 and id = $2
