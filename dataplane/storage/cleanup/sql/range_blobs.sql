select version, size, created_at, removing_at is not null from blobs
where version > $1 and ($2 = '' or version <= $2)
order by version limit $3
