-- $1 user, whose address or number was proved in this transaction
with gone as (
    delete from identities where user_id = $1::uuid and provider not in ('email', 'phone')
), owner as (
    update users set encrypted_password = '', updated_at = clock_timestamp() where id = $1::uuid
    returning id, email, email_confirmed_at
)
insert into identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select id::text, id, jsonb_build_object('sub', id, 'email', email, 'email_verified', true), 'email', now(), now(), now() from owner
where email is not null and email_confirmed_at is not null
on conflict (provider_id, provider) do nothing
