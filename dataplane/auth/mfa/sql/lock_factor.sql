-- $1 user, $2 factor. Answers to one factor take turns.
select factor_type::text, status::text, coalesce(friendly_name, ''), coalesce(secret, ''), coalesce(phone, ''), last_challenged_at,
    coalesce(web_authn_credential, 'null')
from mfa_factors
where user_id = $1 and id = $2
for no key update
