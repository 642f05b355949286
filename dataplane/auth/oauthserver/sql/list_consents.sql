-- $1 user
select c.id, coalesce(c.client_name, ''), coalesce(c.client_uri, ''), coalesce(c.logo_uri, ''), o.scopes, o.granted_at
from oauth_consents o join oauth_clients c on c.id = o.client_id
where o.user_id = $1 and o.revoked_at is null and c.deleted_at is null
order by o.granted_at desc, c.id
