-- $1 user. The address counts as confirmed, and the codes that were sent to confirm it are gone.
with confirmed as (
    update users set email_confirmed_at = coalesce(email_confirmed_at, now()), confirmation_token = '', is_anonymous = false,
        raw_user_meta_data = coalesce(raw_user_meta_data, '{}') || '{"email_verified": true}', updated_at = clock_timestamp()
    where id = $1::uuid and deleted_at is null
    returning id, email
), used as (
    delete from one_time_tokens where user_id = $1::uuid and token_type = 'confirmation_token'
), proved as (
    update identities i set identity_data = i.identity_data || '{"email_verified": true}', updated_at = clock_timestamp()
    from confirmed c where i.user_id = c.id and i.provider = 'email' and i.email = lower(c.email)
)
select count(*) from confirmed
