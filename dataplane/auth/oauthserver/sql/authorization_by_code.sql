-- $1 hash of the code; the row is held until the transaction ends
select a.id, a.authorization_id, a.client_id, a.user_id, a.redirect_uri, a.scope, coalesce(a.state, ''), coalesce(a.resource, ''), coalesce(a.code_challenge, ''),
    coalesce(a.nonce, ''), a.status::text, a.expires_at <= clock_timestamp()
from oauth_authorizations a where a.authorization_code = $1
for update
