-- The rest of GoTrue's tables: one-time tokens, flows, second factors, passkeys, SSO, OAuth, the audit log; and our own outbox.

set local role {{.Admin}};

do $$ begin
    create type {{schema "auth"}}.one_time_token_type as enum ('confirmation_token', 'reauthentication_token', 'recovery_token',
        'email_change_token_new', 'email_change_token_current', 'phone_change_token');
exception when duplicate_object then null;
end $$;
do $$ begin
    create type {{schema "auth"}}.code_challenge_method as enum ('s256', 'plain');
exception when duplicate_object then null;
end $$;
do $$ begin
    create type {{schema "auth"}}.factor_type as enum ('totp', 'webauthn', 'phone');
exception when duplicate_object then null;
end $$;
do $$ begin
    create type {{schema "auth"}}.factor_status as enum ('unverified', 'verified');
exception when duplicate_object then null;
end $$;
do $$ begin
    create type {{schema "auth"}}.oauth_registration_type as enum ('dynamic', 'manual');
exception when duplicate_object then null;
end $$;
do $$ begin
    create type {{schema "auth"}}.oauth_client_type as enum ('public', 'confidential');
exception when duplicate_object then null;
end $$;
do $$ begin
    create type {{schema "auth"}}.oauth_authorization_status as enum ('pending', 'approved', 'denied', 'expired');
exception when duplicate_object then null;
end $$;
do $$ begin
    create type {{schema "auth"}}.oauth_response_type as enum ('code');
exception when duplicate_object then null;
end $$;

create table if not exists {{schema "auth"}}.instances (
    id uuid not null primary key,
    uuid uuid,
    raw_base_config text,
    created_at timestamptz,
    updated_at timestamptz
);
comment on table {{schema "auth"}}.instances is 'Not used; kept for dumps of GoTrue.';

create table if not exists {{schema "auth"}}.one_time_tokens (
    id uuid not null primary key,
    user_id uuid not null references {{schema "auth"}}.users on delete cascade,
    token_type {{schema "auth"}}.one_time_token_type not null,
    token_hash text not null constraint one_time_tokens_token_hash_check check (char_length(token_hash) > 0),
    relates_to text not null,
    created_at timestamp not null default now(),
    updated_at timestamp not null default now()
);
comment on table {{schema "auth"}}.one_time_tokens is 'Hashes of codes and links that were sent and not yet used.';
create index if not exists one_time_tokens_token_hash_hash_idx on {{schema "auth"}}.one_time_tokens using hash (token_hash);
create index if not exists one_time_tokens_relates_to_hash_idx on {{schema "auth"}}.one_time_tokens using hash (relates_to);
create unique index if not exists one_time_tokens_user_id_token_type_key on {{schema "auth"}}.one_time_tokens (user_id, token_type);

create table if not exists {{schema "auth"}}.flow_state (
    id uuid not null primary key,
    user_id uuid,
    auth_code text,
    code_challenge_method {{schema "auth"}}.code_challenge_method,
    code_challenge text,
    provider_type text not null,
    provider_access_token text,
    provider_refresh_token text,
    created_at timestamptz,
    updated_at timestamptz,
    authentication_method text not null,
    auth_code_issued_at timestamptz,
    invite_token text,
    referrer text,
    oauth_client_state_id uuid,
    linking_target_id uuid,
    email_optional boolean not null default false
);
comment on table {{schema "auth"}}.flow_state is 'Sign-ins that are under way at a provider, and codes to be exchanged.';
create index if not exists flow_state_created_at_idx on {{schema "auth"}}.flow_state (created_at desc);
create index if not exists idx_auth_code on {{schema "auth"}}.flow_state (auth_code);
create index if not exists idx_user_id_auth_method on {{schema "auth"}}.flow_state (user_id, authentication_method);

create table if not exists {{schema "auth"}}.mfa_factors (
    id uuid not null primary key,
    user_id uuid not null references {{schema "auth"}}.users on delete cascade,
    friendly_name text,
    factor_type {{schema "auth"}}.factor_type not null,
    status {{schema "auth"}}.factor_status not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    secret text,
    phone text,
    last_challenged_at timestamptz constraint mfa_factors_last_challenged_at_key unique,
    web_authn_credential jsonb,
    web_authn_aaguid uuid,
    last_webauthn_challenge_data jsonb
);
comment on table {{schema "auth"}}.mfa_factors is 'Second factors.';
create unique index if not exists mfa_factors_user_friendly_name_unique on {{schema "auth"}}.mfa_factors (friendly_name, user_id)
    where trim(friendly_name) <> '';
create index if not exists factor_id_created_at_idx on {{schema "auth"}}.mfa_factors (user_id, created_at);
create index if not exists mfa_factors_user_id_idx on {{schema "auth"}}.mfa_factors (user_id);
create unique index if not exists unique_phone_factor_per_user on {{schema "auth"}}.mfa_factors (user_id, phone);

create table if not exists {{schema "auth"}}.mfa_challenges (
    id uuid not null primary key,
    factor_id uuid not null constraint mfa_challenges_auth_factor_id_fkey references {{schema "auth"}}.mfa_factors on delete cascade,
    created_at timestamptz not null,
    verified_at timestamptz,
    ip_address inet not null,
    otp_code text,
    web_authn_session_data jsonb
);
comment on table {{schema "auth"}}.mfa_challenges is 'Challenges to second factors.';
create index if not exists mfa_challenge_created_at_idx on {{schema "auth"}}.mfa_challenges (created_at desc);

create table if not exists {{schema "auth"}}.webauthn_credentials (
    id uuid not null default gen_random_uuid() primary key,
    user_id uuid not null references {{schema "auth"}}.users on delete cascade,
    credential_id bytea not null constraint webauthn_credentials_credential_id_key unique,
    public_key bytea not null,
    attestation_type text not null default '',
    aaguid uuid,
    sign_count bigint not null default 0,
    transports jsonb not null default '[]',
    backup_eligible boolean not null default false,
    backed_up boolean not null default false,
    friendly_name text not null default '',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    last_used_at timestamptz
);
comment on table {{schema "auth"}}.webauthn_credentials is 'Passkeys.';
create index if not exists webauthn_credentials_user_id_idx on {{schema "auth"}}.webauthn_credentials (user_id);

create table if not exists {{schema "auth"}}.webauthn_challenges (
    id uuid not null default gen_random_uuid() primary key,
    user_id uuid references {{schema "auth"}}.users on delete cascade,
    challenge_type text not null constraint webauthn_challenges_type_check check (challenge_type in ('signup', 'registration', 'authentication')),
    session_data jsonb not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
comment on table {{schema "auth"}}.webauthn_challenges is 'Challenges to passkeys.';
create index if not exists webauthn_challenges_user_id_idx on {{schema "auth"}}.webauthn_challenges (user_id);
create index if not exists webauthn_challenges_expires_at_idx on {{schema "auth"}}.webauthn_challenges (expires_at);

create table if not exists {{schema "auth"}}.sso_providers (
    id uuid not null primary key,
    resource_id text constraint "resource_id not empty" check (resource_id is null or char_length(resource_id) > 0),
    created_at timestamptz,
    updated_at timestamptz,
    disabled boolean
);
comment on table {{schema "auth"}}.sso_providers is 'Companies'' identity providers.';
create unique index if not exists sso_providers_resource_id_idx on {{schema "auth"}}.sso_providers (lower(resource_id));

create table if not exists {{schema "auth"}}.sso_domains (
    id uuid not null primary key,
    sso_provider_id uuid not null references {{schema "auth"}}.sso_providers on delete cascade,
    domain text not null constraint "domain not empty" check (char_length(domain) > 0),
    created_at timestamptz,
    updated_at timestamptz
);
comment on table {{schema "auth"}}.sso_domains is 'Mail domains whose users sign in at an identity provider.';
create index if not exists sso_domains_sso_provider_id_idx on {{schema "auth"}}.sso_domains (sso_provider_id);
create unique index if not exists sso_domains_domain_idx on {{schema "auth"}}.sso_domains (lower(domain));

create table if not exists {{schema "auth"}}.saml_providers (
    id uuid not null primary key,
    sso_provider_id uuid not null references {{schema "auth"}}.sso_providers on delete cascade,
    entity_id text not null constraint saml_providers_entity_id_key unique constraint "entity_id not empty" check (char_length(entity_id) > 0),
    metadata_xml text not null constraint "metadata_xml not empty" check (char_length(metadata_xml) > 0),
    metadata_url text constraint "metadata_url not empty" check (metadata_url is null or char_length(metadata_url) > 0),
    attribute_mapping jsonb,
    created_at timestamptz,
    updated_at timestamptz,
    name_id_format text
);
comment on table {{schema "auth"}}.saml_providers is 'SAML 2.0 identity providers.';
create index if not exists saml_providers_sso_provider_id_idx on {{schema "auth"}}.saml_providers (sso_provider_id);

create table if not exists {{schema "auth"}}.saml_relay_states (
    id uuid not null primary key,
    sso_provider_id uuid not null references {{schema "auth"}}.sso_providers on delete cascade,
    request_id text not null constraint "request_id not empty" check (char_length(request_id) > 0),
    for_email text,
    redirect_to text,
    created_at timestamptz,
    updated_at timestamptz,
    flow_state_id uuid references {{schema "auth"}}.flow_state on delete cascade
);
comment on table {{schema "auth"}}.saml_relay_states is 'SAML sign-ins under way.';
create index if not exists saml_relay_states_sso_provider_id_idx on {{schema "auth"}}.saml_relay_states (sso_provider_id);
create index if not exists saml_relay_states_for_email_idx on {{schema "auth"}}.saml_relay_states (for_email);
create index if not exists saml_relay_states_created_at_idx on {{schema "auth"}}.saml_relay_states (created_at desc);

create table if not exists {{schema "auth"}}.oauth_clients (
    id uuid not null primary key,
    client_secret_hash text,
    registration_type {{schema "auth"}}.oauth_registration_type not null,
    redirect_uris text not null,
    grant_types text not null,
    client_name text constraint oauth_clients_client_name_length check (char_length(client_name) <= 1024),
    client_uri text constraint oauth_clients_client_uri_length check (char_length(client_uri) <= 2048),
    logo_uri text constraint oauth_clients_logo_uri_length check (char_length(logo_uri) <= 2048),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    client_type {{schema "auth"}}.oauth_client_type not null default 'confidential',
    token_endpoint_auth_method text not null default 'client_secret_basic'
);
comment on table {{schema "auth"}}.oauth_clients is 'Apps that users of this project sign in to.';
create index if not exists oauth_clients_deleted_at_idx on {{schema "auth"}}.oauth_clients (deleted_at);

create table if not exists {{schema "auth"}}.oauth_authorizations (
    id uuid not null primary key,
    authorization_id text not null constraint oauth_authorizations_authorization_id_key unique,
    client_id uuid not null references {{schema "auth"}}.oauth_clients on delete cascade,
    user_id uuid references {{schema "auth"}}.users on delete cascade,
    redirect_uri text not null constraint oauth_authorizations_redirect_uri_length check (char_length(redirect_uri) <= 2048),
    scope text not null constraint oauth_authorizations_scope_length check (char_length(scope) <= 4096),
    state text constraint oauth_authorizations_state_length check (char_length(state) <= 4096),
    resource text constraint oauth_authorizations_resource_length check (char_length(resource) <= 2048),
    code_challenge text constraint oauth_authorizations_code_challenge_length check (char_length(code_challenge) <= 128),
    code_challenge_method {{schema "auth"}}.code_challenge_method,
    response_type {{schema "auth"}}.oauth_response_type not null default 'code',
    status {{schema "auth"}}.oauth_authorization_status not null default 'pending',
    authorization_code text constraint oauth_authorizations_authorization_code_key unique
        constraint oauth_authorizations_authorization_code_length check (char_length(authorization_code) <= 255),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null default now() + interval '3 minutes',
    approved_at timestamptz,
    nonce text constraint oauth_authorizations_nonce_length check (char_length(nonce) <= 255)
);
comment on table {{schema "auth"}}.oauth_authorizations is 'Sign-ins to other apps under way.';
create index if not exists oauth_auth_pending_exp_idx on {{schema "auth"}}.oauth_authorizations (expires_at) where status = 'pending';

create table if not exists {{schema "auth"}}.oauth_consents (
    id uuid not null primary key,
    user_id uuid not null references {{schema "auth"}}.users on delete cascade,
    client_id uuid not null references {{schema "auth"}}.oauth_clients on delete cascade,
    scopes text not null constraint oauth_consents_scopes_length check (char_length(scopes) <= 2048)
        constraint oauth_consents_scopes_not_empty check (char_length(trim(scopes)) > 0),
    granted_at timestamptz not null default now(),
    revoked_at timestamptz,
    constraint oauth_consents_user_client_unique unique (user_id, client_id),
    constraint oauth_consents_revoked_after_granted check (revoked_at is null or revoked_at >= granted_at)
);
comment on table {{schema "auth"}}.oauth_consents is 'What users allowed other apps.';
create index if not exists oauth_consents_active_user_client_idx on {{schema "auth"}}.oauth_consents (user_id, client_id) where revoked_at is null;
create index if not exists oauth_consents_user_order_idx on {{schema "auth"}}.oauth_consents (user_id, granted_at desc);

create table if not exists {{schema "auth"}}.oauth_client_states (
    id uuid not null primary key,
    provider_type text not null,
    code_verifier text,
    created_at timestamptz not null
);
comment on table {{schema "auth"}}.oauth_client_states is 'What is kept while a user is at a provider that asks for PKCE.';
create index if not exists idx_oauth_client_states_created_at on {{schema "auth"}}.oauth_client_states (created_at);

create table if not exists {{schema "auth"}}.custom_oauth_providers (
    id uuid not null default gen_random_uuid() primary key,
    provider_type text not null constraint custom_oauth_providers_type_check check (provider_type in ('oauth2', 'oidc')),
    identifier text not null constraint custom_oauth_providers_identifier_key unique,
    name text not null,
    client_id text not null,
    client_secret text not null,
    acceptable_client_ids text[] not null default '{}',
    scopes text[] not null default '{}',
    pkce_enabled boolean not null default true,
    attribute_mapping jsonb not null default '{}',
    authorization_params jsonb not null default '{}',
    enabled boolean not null default true,
    email_optional boolean not null default false,
    issuer text,
    discovery_url text,
    skip_nonce_check boolean not null default false,
    cached_discovery jsonb,
    discovery_cached_at timestamptz,
    authorization_url text,
    token_url text,
    userinfo_url text,
    jwks_uri text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table {{schema "auth"}}.custom_oauth_providers is 'Providers beside the built-in ones.';

create table if not exists {{schema "auth"}}.audit_log_entries (
    instance_id uuid,
    id uuid not null primary key,
    payload json,
    created_at timestamptz,
    ip_address varchar(64) not null default ''
);
comment on table {{schema "auth"}}.audit_log_entries is 'What happened, and who did it.';
create index if not exists audit_logs_instance_id_idx on {{schema "auth"}}.audit_log_entries (instance_id);
create index if not exists audit_log_entries_created_at_idx on {{schema "auth"}}.audit_log_entries (created_at desc, id desc);

create table if not exists {{schema "auth"}}.schema_migrations (
    version varchar(255) not null primary key
);
comment on table {{schema "auth"}}.schema_migrations is 'Not used; kept for dumps of GoTrue.';

-- What a request left for later: messages to be sent. The payload goes when it is done.
create table if not exists {{schema "auth"}}.outbox (
    id uuid not null primary key,
    kind text not null,
    payload jsonb not null,
    created_at timestamptz not null default now(),
    attempts int not null default 0,
    last_error text not null default '',
    failed_at timestamptz
);
comment on table {{schema "auth"}}.outbox is 'Messages that are being sent.';
create index if not exists outbox_created_at_idx on {{schema "auth"}}.outbox (created_at) where failed_at is null;

grant select, insert, update, delete, references, trigger on all tables in schema {{schema "auth"}} to {{.OwnerGroup}};
grant usage, select, update on all sequences in schema {{schema "auth"}} to {{.OwnerGroup}}; -- update for setval of dumps

reset role;

-- Auth calls the project's hooks: those that everyone may call, and those granted to this role alone.
grant usage on schema {{schema "public"}}, {{schema "extensions"}} to {{.AuthAdmin}};
