delete from webauthn_credentials where user_id = $1 and id = $2
