-- The table that Supabase's command line keeps its migrations in, with what its newer versions and we add. {table} is its name.
create table if not exists {table} (version text not null primary key);
alter table {table} add column if not exists statements text[], add column if not exists name text, add column if not exists created_by text,
    add column if not exists idempotency_key text unique, add column if not exists rollback text[], add column if not exists created_at timestamptz;
alter table {table} alter column created_at set default now();
