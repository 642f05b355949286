-- $1 user, $2 the hash that was checked, $3 a better one of the same password
update users set encrypted_password = $3 where id = $1 and encrypted_password = $2 and deleted_at is null
