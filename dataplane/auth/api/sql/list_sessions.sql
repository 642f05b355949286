-- $1 user, $2 their present session or null, $3 the longest that a session lasts and $4 that it rests, in seconds; 0 for no limit
select coalesce(jsonb_agg(jsonb_build_object(
    'id', s.id,
    'current', coalesce(s.id = $2::uuid, false),
    'created_at', to_char(s.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'refreshed_at', to_char(s.refreshed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'expires_at', to_char(e.ends at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'user_agent', s.user_agent,
    'ip', host(s.ip),
    'aal', coalesce(s.aal::text, 'aal1'),
    'methods', (select coalesce(jsonb_agg(m.authentication_method order by m.created_at), '[]') from mfa_amr_claims m where m.session_id = s.id),
    'oauth_client_id', s.oauth_client_id
) order by s.created_at desc, s.id), '[]')
from sessions s, lateral (select least(s.not_after,
    case when $3::float8 > 0 then s.created_at + make_interval(secs => $3::float8) end,
    case when $4::float8 > 0 then coalesce(s.refreshed_at at time zone 'UTC', s.created_at) + make_interval(secs => $4::float8) end) as ends) e
where s.user_id = $1::uuid and coalesce(e.ends > now(), true)
