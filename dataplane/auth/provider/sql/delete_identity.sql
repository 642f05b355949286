-- $1 user, $2 identity, $3 whether the password goes, $4 whether the number goes
with gone as (
    delete from identities where id = $2::uuid and user_id = $1::uuid
)
update users set updated_at = clock_timestamp(), encrypted_password = case when $3::boolean then '' else encrypted_password end,
    phone = case when $4::boolean then null else phone end, phone_confirmed_at = case when $4::boolean then null else phone_confirmed_at end
where id = $1::uuid
