-- Claims of custom providers that are kept as they are.

set local role {{.Admin}};

alter table {{schema "auth"}}.custom_oauth_providers add column if not exists custom_claims_allowlist text[] not null default '{}';
comment on column {{schema "auth"}}.custom_oauth_providers.client_secret is 'Sealed by the platform when it was set by the API.';

reset role;
