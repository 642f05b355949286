select secret_sealed, last_used_at from s3_access_keys where id = $1::text
