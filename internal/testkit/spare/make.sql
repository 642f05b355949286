-- What tests gave back as they had found it.
select pg_advisory_xact_lock(8314892207313480051);
create schema if not exists testkit;
create table if not exists testkit.spare (
    name text primary key,
    kind text not null,
    passwords jsonb not null,
    look bigint not null,
    whole_look bigint not null,
    newest bigint not null,
    seeded text[] not null,
    seeds text not null,
    given_at timestamptz not null default clock_timestamp()
);
