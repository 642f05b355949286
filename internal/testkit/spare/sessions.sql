-- $1 logins. Asks all their sessions to end, and all other sessions of this database if $2; tells how many there were.
select count(pg_terminate_backend(pid)) from pg_stat_activity
where backend_type = 'client backend' and pid <> pg_backend_pid() and (usename = any($1) or $2 and datname = current_database())
