-- $1 session, $2 the longest that it lasts and $3 that it rests, in seconds; 0 for no limit
select s.id, s.user_id, coalesce(s.aal::text, 'aal1'), coalesce(e.ends <= now(), false), e.ends,
    (select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('method', m.authentication_method,
        'timestamp', extract(epoch from m.updated_at)::bigint,
        'provider', case when m.authentication_method = 'sso/saml' then (select substr(i.provider, 5) from identities i
            where i.user_id = s.user_id and i.provider like 'sso:%' limit 1) end)) order by m.updated_at desc), '[]')
     from mfa_amr_claims m where m.session_id = s.id),
    coalesce(s.created_at, now()), s.oauth_client_id, coalesce(s.scopes, ''), s.factor_id,
    case when s.tag like 'impersonated_by:%' then substr(s.tag, 17) else '' end
from sessions s, lateral (select least(s.not_after,
    case when $2::float8 > 0 then s.created_at + make_interval(secs => $2::float8) end,
    case when $3::float8 > 0 then coalesce(s.refreshed_at at time zone 'UTC', s.created_at) + make_interval(secs => $3::float8) end) as ends) e
where s.id = $1
