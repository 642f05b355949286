-- $1 id, $2 new hash or null, $3 the hash that was checked, $4 new email or null, $5 metadata to set, $6 metadata to remove
update users set
    encrypted_password = coalesce($2::text, encrypted_password),
    email = coalesce($4::text, email),
    email_confirmed_at = case when $4::text is null then email_confirmed_at else now() end,
    raw_user_meta_data = (coalesce(raw_user_meta_data, '{}') || $5::jsonb
        || case when $4::text is not null and raw_user_meta_data ? 'email'
            then jsonb_build_object('email', $4::text, 'email_verified', true) else '{}' end) - $6::text[],
    updated_at = clock_timestamp()
where id = $1 and deleted_at is null and ($2::text is null or coalesce(encrypted_password, '') = $3::text)
returning octet_length(raw_user_meta_data::text)
