-- What the console draws of a project: how long answers took, which failed by the client, and the database's size and connections.

set local lock_timeout = '2s';

alter table usage_minute
    add column client_errors bigint not null default 0,
    add column latency bigint[] not null default '{}';
comment on column usage_minute.latency is 'How many requests took up to 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000 and 5000 ms, and how many longer; zeroes at the end are left out.';

create table project_gauge (
    project_id uuid not null references project on delete cascade,
    gauge text not null check (gauge in ('database_bytes', 'connections')),
    at timestamptz not null,
    value bigint not null check (value >= 0),
    primary key (project_id, gauge, at)
);
comment on table project_gauge is 'What was measured of a project''s database: a row for each change, which holds until the next.';

create index project_gauge_time on project_gauge using brin (at);
