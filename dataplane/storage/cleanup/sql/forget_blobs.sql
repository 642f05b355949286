-- Bytes that are gone count no more.
with gone as (delete from blobs where version = any ($1) and removing_at is not null returning size)
update usage_shards s set bytes = s.bytes + u.bytes, blobs = s.blobs + u.blobs
from (select -sum(size)::bigint as bytes, -count(*) as blobs from gone having count(*) > 0) u
where s.shard = pg_backend_pid() % 32 -- as keep_blob does
