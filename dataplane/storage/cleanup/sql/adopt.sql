-- Bytes that an object has are counted, after all.
with kept as (
    insert into blobs (version, size) select unnest($1::text[]), unnest($2::bigint[]) on conflict do nothing returning size
)
update usage_shards s set bytes = s.bytes + u.bytes, blobs = s.blobs + u.blobs
from (select sum(size)::bigint as bytes, count(*) as blobs from kept having count(*) > 0) u
where s.shard = pg_backend_pid() % 32 -- as keep_blob does
