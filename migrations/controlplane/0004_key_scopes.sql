-- Keys may be bounded: to scopes, to a rate of their own; and they are rotated, old and new together for a while.

set local lock_timeout = '2s';

alter table api_key
    add column scopes text[] not null default '{}',
    add column requests_per_second int not null default 0 check (requests_per_second >= 0),
    add column successor_id uuid references api_key on delete set null;
comment on column api_key.scopes is 'What the key may do; without any, all that its type may.';
comment on column api_key.requests_per_second is 'The key''s own limit, beside that of the plan; zero is none.';
comment on column api_key.successor_id is 'The key that a rotation made of it.';

drop trigger api_key_change on api_key;
create trigger api_key_change after insert or delete or update of project_id, type, hash, expires_at, revoked_at, scopes, requests_per_second on api_key
    for each row execute function revise_of_project();
