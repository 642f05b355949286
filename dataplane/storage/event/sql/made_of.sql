-- Versions that images were made of, a page of them.
select distinct version from renditions where version > $1 and octet_length(version) < 300 order by version limit $2
