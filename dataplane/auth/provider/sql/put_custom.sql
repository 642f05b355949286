-- $1 id, $2 type, $3 identifier, $4 name, $5 client, $6 secret, $7 other clients, $8 scopes, $9 claims, $10 PKCE, $11 mapping, $12 parameters, $13 enabled,
-- $14 email optional, $15 issuer, $16 discovery, $17 skip nonce, $18 authorization, $19 token, $20 userinfo, $21 keys, $22 discovery document,
-- $23 how many there may be
insert into custom_oauth_providers (id, provider_type, identifier, name, client_id, client_secret, acceptable_client_ids, scopes, custom_claims_allowlist,
    pkce_enabled, attribute_mapping, authorization_params, enabled, email_optional, issuer, discovery_url, skip_nonce_check, authorization_url, token_url,
    userinfo_url, jwks_uri, cached_discovery, discovery_cached_at)
select $1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text[], $8::text[], $9::text[], $10::boolean, $11::jsonb, $12::jsonb, $13::boolean, $14::boolean,
    nullif($15::text, ''), nullif($16::text, ''), $17::boolean, nullif($18::text, ''), nullif($19::text, ''), nullif($20::text, ''), nullif($21::text, ''),
    $22::jsonb, case when $22::jsonb is not null then now() end
where (select count(*) from custom_oauth_providers where id <> $1::uuid) < $23::int
on conflict (id) do update set name = excluded.name, client_id = excluded.client_id, client_secret = excluded.client_secret,
    acceptable_client_ids = excluded.acceptable_client_ids, scopes = excluded.scopes, custom_claims_allowlist = excluded.custom_claims_allowlist,
    pkce_enabled = excluded.pkce_enabled, attribute_mapping = excluded.attribute_mapping, authorization_params = excluded.authorization_params,
    enabled = excluded.enabled, email_optional = excluded.email_optional, issuer = excluded.issuer, discovery_url = excluded.discovery_url,
    skip_nonce_check = excluded.skip_nonce_check, authorization_url = excluded.authorization_url, token_url = excluded.token_url,
    userinfo_url = excluded.userinfo_url, jwks_uri = excluded.jwks_uri, cached_discovery = excluded.cached_discovery,
    discovery_cached_at = excluded.discovery_cached_at, updated_at = now()
returning created_at, updated_at
