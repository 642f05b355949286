-- $1 id, $2 audience, $3 role, $4 email, $5 phone, $6 password hash, $7 and $8 whether address and number count as confirmed, $9 whether invited,
-- $10 anonymous, $11 of SSO, $12 banned until, $13 app and $14 user metadata, $15 providers, $16 names there and $17 data of identities.
-- It answers with how many users were made: none when the id, the address or the number is taken.
with new_user as (
    insert into users (instance_id, id, aud, role, email, phone, encrypted_password, email_confirmed_at, phone_confirmed_at, invited_at,
        is_anonymous, is_sso_user, banned_until, raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
        confirmation_token, recovery_token, email_change_token_new, email_change)
    values ('00000000-0000-0000-0000-000000000000', $1::uuid, $2::text, $3::text, nullif($4::text, ''), nullif($5::text, ''), $6::text,
        case when $7::boolean then now() end, case when $8::boolean then now() end, case when $9::boolean then now() end,
        $10::boolean, $11::boolean, $12::timestamptz, $13::jsonb, $14::jsonb, now(), now(), '', '', '', '')
    on conflict do nothing
    returning id
), new_identities as (
    insert into identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
    select i.provider_id, u.id, i.identity_data, i.provider, now(), now(), now()
    from new_user u, unnest($15::text[], $16::text[], $17::jsonb[]) as i (provider, provider_id, identity_data)
)
select count(*) from new_user
