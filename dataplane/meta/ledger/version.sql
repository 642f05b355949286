-- The version that is asked for and whether it is there, or the first free second from now on.
select coalesce(nullif($1, ''), free.version), exists (select from {table} m where m.version = $1)
from (
    select to_char(at, 'YYYYMMDDHH24MISS') as version
    from pg_catalog.generate_series(pg_catalog.now() at time zone 'utc', pg_catalog.now() at time zone 'utc' + interval '1 hour', interval '1 second') at
    where not exists (select from {table} m where m.version = to_char(at, 'YYYYMMDDHH24MISS'))
    limit 1
) free
