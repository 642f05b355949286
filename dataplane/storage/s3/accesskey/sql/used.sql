update s3_access_keys set last_used_at = now() where id = $1::text and (last_used_at is null or last_used_at < now() - interval '30 minutes')
