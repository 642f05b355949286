select version, objects, coalesce(bucket_id, ''), coalesce(name, '') from versions_between($1, nullif($2, ''), $3)
