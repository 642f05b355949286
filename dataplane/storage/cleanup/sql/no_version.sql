select coalesce(bucket_id, ''), coalesce(name, '') from objects where version is null limit $1
