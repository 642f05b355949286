-- $1 user. The address that is wanted becomes the user's, and the codes of the change are gone. It answers with the address.
with old as (
    select id, email_change from users where id = $1::uuid and deleted_at is null and coalesce(email_change, '') <> '' for update
), changed as (
    update users u set email = o.email_change, email_confirmed_at = now(), email_change = '', email_change_confirm_status = 0,
        email_change_token_new = '', email_change_token_current = '', is_anonymous = false,
        raw_user_meta_data = coalesce(u.raw_user_meta_data, '{}') || '{"email_verified": true}'
            || case when u.raw_user_meta_data ? 'email' then jsonb_build_object('email', o.email_change) else '{}' end,
        updated_at = clock_timestamp()
    from old o where u.id = o.id
    returning u.id, u.email
), used as (
    delete from one_time_tokens where user_id = $1::uuid and token_type in ('email_change_token_new', 'email_change_token_current')
), identity as (
    insert into identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
    select id::text, id, jsonb_build_object('sub', id, 'email', email, 'email_verified', true), 'email', now(), now(), now() from changed
    on conflict (provider_id, provider) do update set identity_data = identities.identity_data || excluded.identity_data, updated_at = clock_timestamp()
)
select email from changed
