-- What is counted is what is in the bucket.
with found as (
    select b.version, b.size as was, n.size from blobs b join (select unnest($1::text[]) as version, unnest($2::bigint[]) as size) n using (version)
    order by b.version for update of b
), changed as (
    update blobs b set size = f.size from found f where b.version = f.version returning f.size - f.was as more
)
insert into usage_log (bytes, blobs) select sum(more), 0 from changed having count(*) > 0
