-- $1 factor, $2 WebAuthn credential or null, $3 its AAGUID or null
update mfa_factors set status = 'verified', updated_at = clock_timestamp(),
    web_authn_credential = coalesce($2::jsonb, web_authn_credential), web_authn_aaguid = coalesce($3::uuid, web_authn_aaguid)
where id = $1
