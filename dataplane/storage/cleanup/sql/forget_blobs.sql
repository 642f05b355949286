-- Bytes that are gone count no more.
with gone as (delete from blobs where version = any ($1) and removing_at is not null returning size)
insert into usage_log (bytes, blobs) select -sum(size), -count(*) from gone having count(*) > 0
