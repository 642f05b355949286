update users set is_anonymous = false, updated_at = clock_timestamp() where id = $1
