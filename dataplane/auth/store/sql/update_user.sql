-- $1 id, $2 new hash or null, $3 the hash that was checked or null, $4 new email, $5 whether it counts as confirmed, $6 new phone, $7 whether it counts as
-- confirmed, $8 user metadata to set and $9 to remove, $10 app metadata to set and $11 to remove, $12 role, $13 whether the ban changes, $14 until when,
-- $15 address and $16 number that are wanted, "" for none any more, $17 whether the user stays anonymous. Null leaves a thing as it is.
update users set
    encrypted_password = coalesce($2::text, encrypted_password),
    email = coalesce($4::text, email),
    email_confirmed_at = case
        when $5::boolean is null then email_confirmed_at
        when not $5::boolean then null
        when $4::text is not null and $4::text is distinct from email then now()
        else coalesce(email_confirmed_at, now()) end,
    phone = coalesce($6::text, phone),
    phone_confirmed_at = case
        when $7::boolean is null then phone_confirmed_at
        when not $7::boolean then null
        when $6::text is not null and $6::text is distinct from phone then now()
        else coalesce(phone_confirmed_at, now()) end,
    raw_user_meta_data = (coalesce(raw_user_meta_data, '{}') || $8::jsonb
        || case when $4::text is not null and raw_user_meta_data ? 'email' then jsonb_build_object('email', $4::text) else '{}' end
        || case when $6::text is not null and raw_user_meta_data ? 'phone' then jsonb_build_object('phone', $6::text) else '{}' end
        || case when $5::boolean then jsonb_build_object('email_verified', true) else '{}' end
        || case when $7::boolean then jsonb_build_object('phone_verified', true) else '{}' end) - $9::text[],
    raw_app_meta_data = (coalesce(raw_app_meta_data, '{}') || $10::jsonb) - $11::text[],
    role = coalesce($12::text, role),
    banned_until = case when $13::boolean then $14::timestamptz else banned_until end,
    email_change = coalesce($15::text, case when $4::text is null then email_change else '' end),
    email_change_confirm_status = case when coalesce($15::text, $4::text) is null then email_change_confirm_status else 0 end,
    phone_change = coalesce($16::text, case when $6::text is null then phone_change else '' end),
    is_anonymous = coalesce($17::boolean, is_anonymous),
    updated_at = clock_timestamp()
where id = $1 and deleted_at is null and ($3::text is null or coalesce(encrypted_password, '') = $3::text)
returning octet_length(raw_user_meta_data::text)
