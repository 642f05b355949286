-- $1 id, $2 user, $3 name, $4 type, $5 secret or null, $6 phone or null, $7 last challenge or null
insert into mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret, phone, last_challenged_at)
values ($1, $2, $3, $4::text::factor_type, 'unverified', clock_timestamp(), clock_timestamp(), $5, $6, $7)
