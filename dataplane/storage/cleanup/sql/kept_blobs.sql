-- Which of some versions are counted and about to stay, and since when.
select version, created_at from blobs where version = any ($1) and removing_at is null
