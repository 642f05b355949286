-- SQL that a project's developers keep: each for themselves, or for all of them.

set local lock_timeout = '2s';

create table snippet (
    id uuid primary key,
    project_id uuid not null references project on delete cascade,
    -- Null once the account is gone; only shared ones stay then.
    author_id uuid references account on delete set null,
    name text not null,
    folder text not null default '',
    sql text not null,
    bytes int not null generated always as (octet_length(sql)) stored,
    shared boolean not null default false,
    -- Grows at each change of name, folder, sql or shared: who writes over an older one is refused.
    revision bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- Deleted ones are kept for a day, so that it can be taken back.
    deleted_at timestamptz
);
create index snippet_project on snippet (project_id, lower(name), id);
create index snippet_author on snippet (author_id);
create index snippet_deleted on snippet (deleted_at) where deleted_at is not null;

create table snippet_favorite (
    account_id uuid not null references account on delete cascade,
    snippet_id uuid not null references snippet on delete cascade,
    primary key (account_id, snippet_id)
);
create index snippet_favorite_snippet on snippet_favorite (snippet_id);

create function forget_private_snippet() returns trigger language plpgsql as $$
begin
    delete from snippet where id = new.id;
    return null;
end $$;
create trigger snippet_author_gone after update of author_id on snippet
    for each row when (new.author_id is null and not new.shared) execute function forget_private_snippet();
