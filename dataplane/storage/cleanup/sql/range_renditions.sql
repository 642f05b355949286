-- Images made of others, in the order of their keys, and whether what they were made of is still there.
select r.key, r.created_at, exists (select from blobs b where b.version = r.version) from renditions r
where r.key > $1 and ($2 = '' or r.key <= $2)
order by r.key limit $3
