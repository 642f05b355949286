-- $1 user, $2 factor, $3 name or null, $4 phone or null
update mfa_factors set friendly_name = coalesce($3::text, friendly_name),
    phone = case when factor_type = 'phone' then coalesce($4::text, phone) else phone end,
    updated_at = clock_timestamp()
where user_id = $1 and id = $2
