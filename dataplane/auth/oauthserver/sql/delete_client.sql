-- The row stays for what refers to it; nothing that was granted does.
with gone as (
    update oauth_clients set deleted_at = now(), updated_at = now(), client_secret_hash = null where id = $1 and deleted_at is null
    returning id
), consents as (
    update oauth_consents set revoked_at = now() where client_id in (select id from gone) and revoked_at is null
)
delete from oauth_authorizations where client_id in (select id from gone)
