-- $1 user
select coalesce(jsonb_agg(jsonb_build_object(
    'id', s.id, 'user_id', s.user_id, 'created_at', s.created_at, 'updated_at', s.updated_at,
    'refreshed_at', to_char(s.refreshed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'not_after', s.not_after, 'aal', coalesce(s.aal::text, 'aal1'),
    'user_agent', s.user_agent, 'ip', host(s.ip), 'factor_id', s.factor_id, 'oauth_client_id', s.oauth_client_id,
    'impersonated_by', case when s.tag like 'impersonated_by:%' then substr(s.tag, 17) end,
    'amr', (select coalesce(jsonb_agg(m.authentication_method order by m.created_at), '[]') from mfa_amr_claims m where m.session_id = s.id)
    ) order by s.created_at desc, s.id), '[]')
from sessions s where s.user_id = $1
