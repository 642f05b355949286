-- $1 id, $2 hash of the secret, $3 type, $4 method, $5 registration, $6 redirects, $7 grants, $8 name, $9 address, $10 logo
insert into oauth_clients (id, client_secret_hash, client_type, token_endpoint_auth_method, registration_type, redirect_uris, grant_types, client_name, client_uri,
    logo_uri, created_at, updated_at)
values ($1, nullif($2::text, ''), $3::text::oauth_client_type, $4, $5::text::oauth_registration_type, $6, $7, nullif($8::text, ''), nullif($9::text, ''),
    nullif($10::text, ''), clock_timestamp(), clock_timestamp())
