-- $1 user, $2 method
select id, user_id, coalesce(code_challenge_method::text, ''), coalesce(code_challenge, ''), provider_type, authentication_method,
    coalesce(provider_access_token, ''), coalesce(provider_refresh_token, ''), coalesce(invite_token, ''), coalesce(referrer, ''), linking_target_id,
    oauth_client_state_id, email_optional, created_at, coalesce(auth_code_issued_at, created_at), session_not_after
from flow_state where user_id = $1 and authentication_method = $2 and auth_code is null
order by created_at desc limit 1
for update
