select id, provider_type, identifier, name, client_id, client_secret, acceptable_client_ids, scopes, custom_claims_allowlist, pkce_enabled,
    attribute_mapping, authorization_params, enabled, email_optional, coalesce(issuer, ''), coalesce(discovery_url, ''), skip_nonce_check,
    coalesce(authorization_url, ''), coalesce(token_url, ''), coalesce(userinfo_url, ''), coalesce(jwks_uri, ''), cached_discovery, created_at, updated_at
from custom_oauth_providers
