-- $1 id, $2 email, $3 password hash, $4 whether the address counts as confirmed, $5 app and $6 user metadata, $7 identity data
with new_user as (
    insert into users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
        raw_user_meta_data, is_sso_user, is_anonymous, created_at, updated_at)
    values ('00000000-0000-0000-0000-000000000000', $1::uuid, 'authenticated', 'authenticated', $2::text, $3::text,
        case when $4::boolean then now() end, $5::jsonb, $6::jsonb, false, false, now(), now())
    on conflict do nothing
    returning id
)
insert into identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select id::text, id, $7::jsonb, 'email', now(), now(), now() from new_user
