-- The row that insert_user.sql would make of the same parameters, not made. What reads users, identities and factors reads these.
with users as (
    select $1::uuid as id, $2::text as aud, $3::text as role, nullif($4::text, '') as email, nullif($5::text, '') as phone, $6::text as encrypted_password,
        case when $7::boolean then now() end as email_confirmed_at, case when $8::boolean then now() end as phone_confirmed_at,
        case when $9::boolean then now() end as invited_at, $10::boolean as is_anonymous, $11::boolean as is_sso_user,
        $12::timestamptz as banned_until, $13::jsonb as raw_app_meta_data, $14::jsonb as raw_user_meta_data, now() as created_at, now() as updated_at,
        null::timestamptz as confirmation_sent_at, null::timestamptz as last_sign_in_at, null::timestamptz as recovery_sent_at, '' as email_change,
        '' as phone_change, null::timestamptz as email_change_sent_at, null::timestamptz as phone_change_sent_at,
        null::timestamptz as reauthentication_sent_at, 0 as email_change_confirm_status, null::timestamptz as deleted_at
), identities as (
    select gen_random_uuid() as id, i.provider_id, $1::uuid as user_id, i.identity_data, i.provider, now() as last_sign_in_at, now() as created_at,
        now() as updated_at, lower(i.identity_data ->> 'email') as email
    from unnest($15::text[], $16::text[], $17::jsonb[]) as i (provider, provider_id, identity_data)
), mfa_factors as (
    select * from mfa_factors where false
)
