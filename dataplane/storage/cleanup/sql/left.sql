-- Whether anything waits to be removed, noted or begun.
select exists (select from removals), exists (select from blobs where removing_at is not null)
