-- The function is the project's own, and is trusted with nothing but what is asked. Versions that are none are another matter: no_version.sql.
select version, coalesce(left(bucket_id, 100), ''), coalesce(left(name, 200), '') from versions_between($1, nullif($2, ''), $3)
where octet_length(version) = 53 and version collate "C" > $1 and ($2 = '' or version collate "C" <= $2)
order by version collate "C" limit $3
