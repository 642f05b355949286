-- What is counted, and what there is, of one moment.
select t.bytes + l.bytes, t.blobs + l.blobs, b.bytes, b.blobs
from usage_total t,
    (select coalesce(sum(bytes), 0)::bigint as bytes, coalesce(sum(blobs), 0)::bigint as blobs from usage_log) l,
    (select coalesce(sum(size), 0)::bigint as bytes, count(*) as blobs from blobs) b
