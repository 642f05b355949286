-- $1 id, $2 hash of the secret, $3 method, $4 redirects, $5 grants, $6 name, $7 address, $8 logo
update oauth_clients set client_secret_hash = nullif($2::text, ''), token_endpoint_auth_method = $3, redirect_uris = $4, grant_types = $5,
    client_name = nullif($6::text, ''), client_uri = nullif($7::text, ''), logo_uri = nullif($8::text, ''), updated_at = clock_timestamp()
where id = $1 and deleted_at is null
