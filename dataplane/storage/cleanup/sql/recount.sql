-- Puts right by how much the count differs, of one moment: what others count meanwhile stays counted.
update usage_shards set bytes = usage_shards.bytes + b.bytes - u.bytes, blobs = usage_shards.blobs + b.blobs - u.blobs
from used() u, (select coalesce(sum(size), 0)::bigint as bytes, count(*) as blobs from blobs) b
where shard = -1
