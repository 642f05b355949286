-- $1 user, $2 client. Codes that are not used yet go with it.
with codes as (
    delete from oauth_authorizations where user_id = $1 and client_id = $2
)
update oauth_consents set revoked_at = greatest(now(), granted_at) where user_id = $1 and client_id = $2 and revoked_at is null
