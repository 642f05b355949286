delete from s3_access_keys where id = $1::text
