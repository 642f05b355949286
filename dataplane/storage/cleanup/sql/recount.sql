update usage_total set
    bytes = (select coalesce(sum(size), 0) from blobs) - (select coalesce(sum(bytes), 0) from usage_log),
    blobs = (select count(*) from blobs) - (select coalesce(sum(blobs), 0) from usage_log)
