-- $1 user, who has proved a number or is anonymous, and wrote an address that is another's: they lose the address, and keep the rest.
with parted as (
    update users set email = null, email_confirmed_at = null, confirmation_token = '', recovery_token = '', updated_at = clock_timestamp(),
        raw_user_meta_data = coalesce(raw_user_meta_data, '{}') - 'email' - 'email_verified'
    where id = $1::uuid
), codes_gone as (
    delete from one_time_tokens where user_id = $1::uuid and token_type in ('confirmation_token', 'recovery_token')
)
delete from identities where user_id = $1::uuid and provider = 'email'
