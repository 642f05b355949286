select s.id, s.user_id, coalesce(s.aal::text, 'aal1'), coalesce(s.not_after <= now(), false),
    (select coalesce(jsonb_agg(jsonb_build_object('method', m.authentication_method,
        'timestamp', extract(epoch from m.updated_at)::bigint) order by m.updated_at desc), '[]')
     from mfa_amr_claims m where m.session_id = s.id)
from sessions s
where s.id = $1
