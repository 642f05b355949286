select coalesce(left(bucket_id, 100), ''), coalesce(left(name, 200), '') from objects where (octet_length(version) = 53) is not true limit $1
