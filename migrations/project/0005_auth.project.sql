-- Users and their sessions, laid out as GoTrue's tables, so that its dumps and the policies and triggers written against
-- them fit.

set local role {{.Admin}};

do $$ begin
    create type {{schema "auth"}}.aal_level as enum ('aal1', 'aal2', 'aal3');
exception when duplicate_object then null;
end $$;

create table if not exists {{schema "auth"}}.users (
    instance_id uuid,
    id uuid not null primary key,
    aud varchar(255),
    role varchar(255),
    email varchar(255),
    encrypted_password varchar(255),
    email_confirmed_at timestamptz,
    invited_at timestamptz,
    confirmation_token varchar(255),
    confirmation_sent_at timestamptz,
    recovery_token varchar(255),
    recovery_sent_at timestamptz,
    email_change_token_new varchar(255),
    email_change varchar(255),
    email_change_sent_at timestamptz,
    last_sign_in_at timestamptz,
    raw_app_meta_data jsonb,
    raw_user_meta_data jsonb,
    is_super_admin boolean,
    created_at timestamptz,
    updated_at timestamptz,
    phone text constraint users_phone_key unique default null,
    phone_confirmed_at timestamptz,
    phone_change text default '',
    phone_change_token varchar(255) default '',
    phone_change_sent_at timestamptz,
    confirmed_at timestamptz generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
    email_change_token_current varchar(255) default '',
    email_change_confirm_status smallint default 0
        constraint users_email_change_confirm_status_check check (email_change_confirm_status between 0 and 2),
    banned_until timestamptz,
    reauthentication_token varchar(255) default '',
    reauthentication_sent_at timestamptz,
    is_sso_user boolean not null default false,
    deleted_at timestamptz,
    is_anonymous boolean not null default false
);
comment on table {{schema "auth"}}.users is 'People who sign in to the project''s apps.';
create unique index if not exists users_email_partial_key on {{schema "auth"}}.users (email) where is_sso_user = false;
create index if not exists users_instance_id_email_idx on {{schema "auth"}}.users (instance_id, lower(email));
create index if not exists users_instance_id_idx on {{schema "auth"}}.users (instance_id);
create index if not exists users_is_anonymous_idx on {{schema "auth"}}.users (is_anonymous);
create unique index if not exists confirmation_token_idx on {{schema "auth"}}.users (confirmation_token)
    where confirmation_token !~ '^[0-9 ]*$';
create unique index if not exists recovery_token_idx on {{schema "auth"}}.users (recovery_token)
    where recovery_token !~ '^[0-9 ]*$';
create unique index if not exists email_change_token_current_idx on {{schema "auth"}}.users (email_change_token_current)
    where email_change_token_current !~ '^[0-9 ]*$';
create unique index if not exists email_change_token_new_idx on {{schema "auth"}}.users (email_change_token_new)
    where email_change_token_new !~ '^[0-9 ]*$';
create unique index if not exists reauthentication_token_idx on {{schema "auth"}}.users (reauthentication_token)
    where reauthentication_token !~ '^[0-9 ]*$';

create table if not exists {{schema "auth"}}.identities (
    provider_id text not null,
    user_id uuid not null references {{schema "auth"}}.users on delete cascade,
    identity_data jsonb not null,
    provider text not null,
    last_sign_in_at timestamptz,
    created_at timestamptz,
    updated_at timestamptz,
    email text generated always as (lower(identity_data ->> 'email')) stored,
    id uuid not null default gen_random_uuid() primary key,
    constraint identities_provider_id_provider_unique unique (provider_id, provider)
);
comment on table {{schema "auth"}}.identities is 'Ways in which a user signs in.';
create index if not exists identities_email_idx on {{schema "auth"}}.identities (email text_pattern_ops);
create index if not exists identities_user_id_idx on {{schema "auth"}}.identities (user_id);

create table if not exists {{schema "auth"}}.sessions (
    id uuid not null primary key,
    user_id uuid not null references {{schema "auth"}}.users on delete cascade,
    created_at timestamptz,
    updated_at timestamptz,
    factor_id uuid,
    aal {{schema "auth"}}.aal_level,
    not_after timestamptz,
    refreshed_at timestamp,
    user_agent text,
    ip inet,
    tag text,
    oauth_client_id uuid,
    refresh_token_hmac_key text,
    refresh_token_counter bigint,
    scopes text constraint sessions_scopes_length check (char_length(scopes) <= 4096)
);
comment on table {{schema "auth"}}.sessions is 'Sign-ins that have not ended.';
create index if not exists sessions_not_after_idx on {{schema "auth"}}.sessions (not_after desc);
create index if not exists sessions_user_id_idx on {{schema "auth"}}.sessions (user_id);
create index if not exists user_id_created_at_idx on {{schema "auth"}}.sessions (user_id, created_at);

create table if not exists {{schema "auth"}}.refresh_tokens (
    instance_id uuid,
    id bigserial primary key,
    token varchar(255) constraint refresh_tokens_token_unique unique,
    user_id varchar(255),
    revoked boolean,
    created_at timestamptz,
    updated_at timestamptz,
    parent varchar(255),
    session_id uuid references {{schema "auth"}}.sessions on delete cascade
);
comment on table {{schema "auth"}}.refresh_tokens is 'Tokens that renew a session, each used once.';
create index if not exists refresh_tokens_instance_id_idx on {{schema "auth"}}.refresh_tokens (instance_id);
create index if not exists refresh_tokens_instance_id_user_id_idx on {{schema "auth"}}.refresh_tokens (instance_id, user_id);
create index if not exists refresh_tokens_parent_idx on {{schema "auth"}}.refresh_tokens (parent);
create index if not exists refresh_tokens_session_id_revoked_idx on {{schema "auth"}}.refresh_tokens (session_id, revoked);
create index if not exists refresh_tokens_updated_at_idx on {{schema "auth"}}.refresh_tokens (updated_at desc);

create table if not exists {{schema "auth"}}.mfa_amr_claims (
    session_id uuid not null references {{schema "auth"}}.sessions on delete cascade,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    authentication_method text not null,
    id uuid not null constraint amr_id_pk primary key,
    constraint mfa_amr_claims_session_id_authentication_method_pkey unique (session_id, authentication_method)
);
comment on table {{schema "auth"}}.mfa_amr_claims is 'How a session''s user proved who they are.';

-- The project's owner refers to users, puts triggers on them and mends them; the tables stay the service's.
grant select, insert, update, delete, references, trigger on all tables in schema {{schema "auth"}} to {{.OwnerGroup}};
grant usage, select on all sequences in schema {{schema "auth"}} to {{.OwnerGroup}};

reset role;
