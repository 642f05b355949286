-- Bytes that an object has are counted, after all.
with kept as (
    insert into blobs (version, size) select unnest($1::text[]), unnest($2::bigint[]) on conflict do nothing returning size
)
insert into usage_log (bytes, blobs) select sum(size), count(*) from kept having count(*) > 0
