-- What is counted, and what there is, of one moment.
select u.bytes, u.blobs, b.bytes, b.blobs
from used() u, (select coalesce(sum(size), 0)::bigint as bytes, count(*) as blobs from blobs) b
