update webauthn_credentials set friendly_name = $3, updated_at = clock_timestamp()
where user_id = $1 and id = $2
returning id, friendly_name, created_at, last_used_at
