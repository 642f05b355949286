-- One migration at a time: the next one waits a little. Reading goes on.
begin;
set local lock_timeout to '5s';
lock table {table} in share row exclusive mode;
-- What waits for a lock holds up all who come after it: so a migration waits a little only, unless its SQL says otherwise.
set local lock_timeout to '10s';
