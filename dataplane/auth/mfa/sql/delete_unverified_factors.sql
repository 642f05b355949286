-- $1 user, $2 type, $3 number or null
delete from mfa_factors
where user_id = $1 and factor_type = $2::text::factor_type and status = 'unverified' and ($3::text is null or phone = $3)
