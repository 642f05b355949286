-- One migration at a time: the next one waits a little. Reading goes on.
begin;
set local lock_timeout to '5s';
lock table {table} in share row exclusive mode;
set local lock_timeout to default;
