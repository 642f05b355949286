-- What projects' files take, and how much a plan gives. The bounds are each project's, as those of its requests are.

set local lock_timeout = '2s';

alter table plan
    add column max_storage_bytes bigint not null default 0,
    add column max_file_bytes bigint not null default 0;
comment on column plan.max_storage_bytes is 'What the files of one project may take together.';
comment on column plan.max_file_bytes is 'The largest file that may be uploaded.';

update plan set max_storage_bytes = 10000000000, max_file_bytes = 1000000000 where name = 'free';
update plan set max_storage_bytes = 1000000000000, max_file_bytes = 50000000000 where name = 'pro';

create table project_storage (
    project_id uuid primary key references project on delete cascade,
    bytes bigint not null check (bytes >= 0),
    blobs bigint not null check (blobs >= 0),
    measured_at timestamptz not null
);
comment on table project_storage is 'What a project''s files take, as its workers measured it last.';

-- Snapshots say more than before: workers ask anew for those that they keep.
update project set revision = nextval('project_revision') where status <> 'purged';
