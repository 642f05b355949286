-- The control plane's own tables: who may do what, what projects are wanted, and what was observed of them.

create table plan (
    name text primary key,
    title text not null,
    position int not null,
    max_projects int not null,
    requests_per_second int not null,
    burst int not null,
    requests_per_second_per_ip int not null,
    monthly_requests bigint not null,
    monthly_egress_bytes bigint not null,
    statement_timeout_ms int not null,
    isolation text not null check (isolation in ('database', 'schema')),
    requests_per_second_per_key int not null default 0
);
comment on table plan is 'Limits that an organisation buys; zero means no limit.';

insert into plan values
    ('free', 'Free', 1, 10, 200, 400, 100, 5000000, 50000000000, 8000, 'database', 160),
    ('pro', 'Pro', 2, 100, 1000, 2000, 500, 100000000, 1000000000000, 30000, 'database', 800),
    ('unlimited', 'Unlimited', 3, 0, 0, 0, 0, 0, 0, 60000, 'database', 0);

-- An account is a user of the project "platform"; its id is that user's.
create table account (
    id uuid primary key,
    email text not null,
    name text not null default '',
    -- When the token was issued that told the address: an older one does not take it back.
    email_as_of timestamptz not null default now(),
    operator boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create unique index account_email on account (lower(email));

create table access_token (
    id uuid primary key,
    account_id uuid not null references account on delete cascade,
    name text not null,
    hash bytea not null unique,
    display text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    last_used_at timestamptz
);
create index access_token_account on access_token (account_id);

create table organization (
    id uuid primary key,
    slug text not null unique,
    name text not null,
    plan text not null references plan,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table member (
    organization_id uuid not null references organization on delete cascade,
    account_id uuid not null references account on delete cascade,
    role text not null check (role in ('owner', 'admin', 'developer', 'billing', 'viewer')),
    created_at timestamptz not null default now(),
    primary key (organization_id, account_id)
);
create index member_account on member (account_id);

create table invitation (
    id uuid primary key,
    organization_id uuid not null references organization on delete cascade,
    email text not null,
    role text not null check (role in ('owner', 'admin', 'developer', 'billing', 'viewer')),
    token_hash bytea not null unique,
    invited_by uuid references account on delete set null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    accepted_at timestamptz,
    revoked_at timestamptz
);
create unique index invitation_open on invitation (organization_id, lower(email)) where accepted_at is null and revoked_at is null;

create table cluster (
    id uuid primary key,
    name text not null unique,
    host text not null,
    port int not null,
    ssl_mode text not null,
    admin_url_sealed bytea not null,
    version text not null,
    capacity int not null check (capacity > 0),
    draining boolean not null default false,
    created_at timestamptz not null default now()
);

create sequence project_revision;

create table project (
    id uuid primary key,
    ref text not null unique,
    organization_id uuid references organization,
    name text not null,
    isolation text not null check (isolation in ('database', 'schema')),
    -- What is wanted, and what was last observed; a periodic job queues the differences.
    desired text not null default 'active' check (desired in ('active', 'paused', 'deleted', 'purged')),
    status text not null default 'provisioning' check (status in
        ('provisioning', 'active', 'pausing', 'paused', 'resuming', 'deleted', 'purging', 'purged', 'failed')),
    failure_message text not null default '',
    cluster_id uuid references cluster,
    database_name text not null default '',
    bucket text not null default '',
    migration_version int not null default 0,
    -- Sealed JSON of logins, signing keys and the legacy secret: controlplane/project.Secrets.
    secrets_sealed bytea not null,
    settings jsonb not null default '{}',
    over_quota_reason text not null default '',
    -- From project_revision, at each change that a worker must know.
    revision bigint not null default nextval('project_revision'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    purge_at timestamptz
);
comment on column project.organization_id is 'Null for the project "platform" and for purged projects of deleted organisations.';
create index project_organization on project (organization_id, created_at desc, id);
create index project_cluster on project (cluster_id) where status <> 'purged';

create table project_step (
    project_id uuid not null references project on delete cascade,
    -- The deed that the step is part of: provision, pause, resume, delete, purge, migrate.
    job text not null,
    position int not null,
    name text not null,
    status text not null check (status in ('pending', 'running', 'done', 'retrying', 'failed')),
    message text not null default '',
    started_at timestamptz,
    finished_at timestamptz,
    primary key (project_id, job, name)
);

create table project_host (
    host text primary key check (host = lower(host)),
    project_id uuid not null references project on delete cascade,
    verified_at timestamptz,
    created_at timestamptz not null default now()
);
create index project_host_project on project_host (project_id);

create table api_key (
    id uuid primary key,
    project_id uuid not null references project on delete cascade,
    name text not null,
    type text not null check (type in ('publishable', 'secret')),
    hash bytea not null unique,
    display text not null,
    -- The value, until it has been shown; publishable keys are public and stay in "display".
    unrevealed_sealed bytea,
    created_by uuid references account on delete set null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);
create index api_key_project on api_key (project_id, created_at desc, id);

create table audit_event (
    id uuid primary key,
    organization_id uuid references organization on delete cascade,
    created_at timestamptz not null default now(),
    actor_account_id uuid,
    actor_email text not null default '',
    action text not null,
    target text not null,
    ip_address text not null default '',
    request_id text not null default '',
    details jsonb not null default '{}'
);
create index audit_event_organization on audit_event (organization_id, created_at desc, id desc);

create table idempotency_key (
    account_id uuid not null references account on delete cascade,
    procedure text not null,
    key text not null,
    request_hash bytea not null,
    response bytea not null,
    created_at timestamptz not null default now(),
    primary key (account_id, procedure, key)
);
create index idempotency_key_created on idempotency_key (created_at);

create table usage_minute (
    project_id uuid not null references project on delete cascade,
    service text not null,
    minute timestamptz not null,
    requests bigint not null default 0,
    egress_bytes bigint not null default 0,
    errors bigint not null default 0,
    primary key (project_id, minute, service)
);

create table usage_month (
    project_id uuid not null references project on delete cascade,
    month date not null,
    requests bigint not null default 0,
    egress_bytes bigint not null default 0,
    primary key (project_id, month)
);
comment on table usage_month is 'Sums of usage_minute by calendar month in UTC, which quotas are compared with.';

create table usage_report (
    id uuid primary key,
    created_at timestamptz not null default now()
);
comment on table usage_report is 'Reports already counted, so that a repeated one is not; kept for a day.';

-- Tells every control plane that a project changed: workers by Directory.Watch, people by WatchProject.
create function notify_project_change() returns trigger language plpgsql as $$
begin
    perform pg_notify('project_change', new.ref || ' ' || new.revision);
    return null;
end $$;
create trigger project_change after insert or update on project for each row execute function notify_project_change();

create function notify_step_change() returns trigger language plpgsql as $$
begin
    perform pg_notify('project_step', (select ref from project where id = new.project_id));
    return null;
end $$;
create trigger project_step_change after insert or update on project_step for each row execute function notify_step_change();

-- What a snapshot is made of besides the project's own row: a change of it is a change of the project, whoever makes it.
create function revise_of_project() returns trigger language plpgsql as $$
begin
    update project set revision = nextval('project_revision') where id = coalesce(new.project_id, old.project_id);
    return null;
end $$;
create trigger api_key_change after insert or delete or update of project_id, type, hash, expires_at, revoked_at on api_key
    for each row execute function revise_of_project();
create trigger project_host_change after insert or delete or update on project_host for each row execute function revise_of_project();

create function revise_of_organization() returns trigger language plpgsql as $$
begin
    update project set revision = nextval('project_revision') where organization_id = new.id and status <> 'purged';
    return null;
end $$;
create trigger organization_plan_change after update of plan on organization for each row when (old.plan is distinct from new.plan)
    execute function revise_of_organization();

create function revise_of_plan() returns trigger language plpgsql as $$
begin
    update project p set revision = nextval('project_revision')
        from organization o where o.plan = new.name and p.organization_id = o.id and p.status <> 'purged';
    return null;
end $$;
create trigger plan_change after update on plan for each row when (old.* is distinct from new.*) execute function revise_of_plan();

create function revise_of_cluster() returns trigger language plpgsql as $$
begin
    update project set revision = nextval('project_revision') where cluster_id = new.id and status <> 'purged';
    return null;
end $$;
create trigger cluster_change after update of host, port, ssl_mode on cluster for each row
    when ((old.host, old.port, old.ssl_mode) is distinct from (new.host, new.port, new.ssl_mode)) execute function revise_of_cluster();
