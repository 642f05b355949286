-- $1 challenge, $2 what is remembered of the code
update mfa_challenges set verified_at = clock_timestamp(), otp_code = nullif($2::text, ''), web_authn_session_data = null where id = $1
