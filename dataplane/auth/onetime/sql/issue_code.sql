-- $1 flow, $2 user, $3 code, $4 and $5 the provider's tokens, $6 when the session ends or null
update flow_state set user_id = $2, auth_code = $3, auth_code_issued_at = clock_timestamp(), updated_at = clock_timestamp(),
    provider_access_token = nullif($4::text, ''), provider_refresh_token = nullif($5::text, ''),
    session_not_after = $6
where id = $1
