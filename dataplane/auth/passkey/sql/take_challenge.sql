-- $1 challenge, $2 type, $3 user or null. Whoever comes second finds nothing.
delete from webauthn_challenges
where id = $1 and challenge_type = $2 and user_id is not distinct from $3::uuid
returning session_data, expires_at <= now()
