delete from buckets where id = $1
