select id, description, created_at, last_used_at from s3_access_keys order by created_at, id limit 100
