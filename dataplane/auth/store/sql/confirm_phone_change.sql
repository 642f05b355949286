-- $1 user. The number that is wanted becomes the user's, and the code of the change is gone. It answers with the number.
with old as (
    select id, phone_change from users where id = $1::uuid and deleted_at is null and coalesce(phone_change, '') <> '' for update
), changed as (
    update users u set phone = o.phone_change, phone_confirmed_at = now(), phone_change = '', phone_change_token = '', is_anonymous = false,
        raw_user_meta_data = coalesce(u.raw_user_meta_data, '{}') || '{"phone_verified": true}'
            || case when u.raw_user_meta_data ? 'phone' then jsonb_build_object('phone', o.phone_change) else '{}' end,
        updated_at = clock_timestamp()
    from old o where u.id = o.id
    returning u.id, u.phone
), used as (
    delete from one_time_tokens where user_id = $1::uuid and token_type = 'phone_change_token'
), identity as (
    insert into identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
    select id::text, id, jsonb_build_object('sub', id, 'phone', phone, 'phone_verified', true), 'phone', now(), now(), now() from changed
    on conflict (provider_id, provider) do update set identity_data = identities.identity_data || excluded.identity_data, updated_at = clock_timestamp()
)
select phone from changed
