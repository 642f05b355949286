-- Uses of one passkey take turns.
select id, user_id, credential_id, public_key, attestation_type, aaguid, sign_count, transports, backup_eligible, backed_up, friendly_name,
    created_at, last_used_at
from webauthn_credentials
where credential_id = $1
for no key update
