-- $1 how many, $2 after how many
select id, coalesce(client_secret_hash, ''), client_type::text, token_endpoint_auth_method, registration_type::text, redirect_uris, grant_types,
    coalesce(client_name, ''), coalesce(client_uri, ''), coalesce(logo_uri, ''), created_at, updated_at
from oauth_clients where deleted_at is null
order by created_at desc, id
limit $1 offset $2
