-- Only while the source is there to stay: the lock keeps its removal waiting, which then finds the row.
with source as (select version from blobs where version = $1 and removing_at is null for share)
insert into renditions (version, recipe, key, size, mime_type)
select source.version, $2, $3, $4, $5 from source
on conflict (version, recipe) do nothing
