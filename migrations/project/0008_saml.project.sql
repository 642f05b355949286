-- What signing in at companies' identity providers and with wallets needs besides GoTrue's tables: the project's own key pair, and proofs that
-- must not be used twice.

set local role {{.Admin}};

create table if not exists {{schema "auth"}}.saml_keys (
    id uuid not null primary key,
    only_one boolean not null default true constraint saml_keys_only_one unique check (only_one),
    private_key bytea not null,
    certificate bytea not null,
    created_at timestamptz not null default now()
);
comment on table {{schema "auth"}}.saml_keys is 'The key pair that this project shows identity providers. The private half is sealed by the platform.';

create table if not exists {{schema "auth"}}.spent_proofs (
    hash bytea not null primary key,
    expires_at timestamptz not null
);
comment on table {{schema "auth"}}.spent_proofs is 'Assertions and signed messages that were used, until they would be refused anyway.';
create index if not exists spent_proofs_expires_at_idx on {{schema "auth"}}.spent_proofs (expires_at);

create index if not exists oauth_authorizations_expires_at_idx on {{schema "auth"}}.oauth_authorizations (expires_at);
create index if not exists sessions_oauth_client_id_idx on {{schema "auth"}}.sessions (oauth_client_id) where oauth_client_id is not null;

alter table {{schema "auth"}}.flow_state add column if not exists session_not_after timestamptz;

-- The owner dumps them with the rest of the schema; what is sealed stays so.
grant select on {{schema "auth"}}.saml_keys, {{schema "auth"}}.spent_proofs to {{.OwnerGroup}};

reset role;
