-- What is counted is what is in the bucket.
with found as (
    select b.version, b.size as was, n.size from blobs b join (select unnest($1::text[]) as version, unnest($2::bigint[]) as size) n using (version)
    order by b.version for update of b
), changed as (
    update blobs b set size = f.size from found f where b.version = f.version returning f.size - f.was as more
)
update usage_shards s set bytes = s.bytes + u.bytes, blobs = s.blobs + u.blobs
from (select sum(more)::bigint as bytes, 0 as blobs from changed having count(*) > 0) u
where s.shard = pg_backend_pid() % 32 -- as keep_blob does
