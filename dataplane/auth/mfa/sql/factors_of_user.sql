select id, factor_type::text, status::text, coalesce(friendly_name, ''), coalesce(phone, ''), last_challenged_at,
    coalesce(web_authn_credential, 'null')
from mfa_factors
where user_id = $1
order by created_at, id
