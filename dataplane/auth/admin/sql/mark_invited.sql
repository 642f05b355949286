update users set invited_at = clock_timestamp(), updated_at = clock_timestamp() where id = $1
