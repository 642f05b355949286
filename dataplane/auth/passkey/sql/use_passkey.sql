-- $1 passkey, $2 counter, $3 whether it is backed up
update webauthn_credentials set sign_count = $2, backed_up = $3, last_used_at = clock_timestamp(), updated_at = clock_timestamp()
where id = $1
