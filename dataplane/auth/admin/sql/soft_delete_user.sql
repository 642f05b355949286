-- $1 user. What tells who they are is replaced by hashes, and what lets them in is gone; the row stays for what refers to it.
with hidden as (
    update users set
        email = case when email is null then null else translate(encode(sha256(convert_to(id::text || email, 'UTF8')), 'base64'), '+/=', '-_') end,
        phone = case when phone is null then null else left(translate(encode(sha256(convert_to(id::text || phone, 'UTF8')), 'base64'), '+/=', '-_'), 15) end,
        email_change = '', phone_change = '', encrypted_password = '', confirmation_token = '', recovery_token = '', email_change_token_new = '',
        email_change_token_current = '', phone_change_token = '', reauthentication_token = '', raw_app_meta_data = '{}', raw_user_meta_data = '{}',
        deleted_at = clock_timestamp(), updated_at = clock_timestamp()
    where id = $1::uuid and deleted_at is null
    returning id
), identities_hidden as (
    update identities i set provider_id = translate(encode(sha256(convert_to(h.id::text || i.provider_id, 'UTF8')), 'base64'), '+/=', '-_'),
        identity_data = '{}', updated_at = clock_timestamp()
    from hidden h where i.user_id = h.id
), tokens as (
    delete from one_time_tokens where user_id in (select id from hidden)
), factors as (
    delete from mfa_factors where user_id in (select id from hidden)
), passkeys as (
    delete from webauthn_credentials where user_id in (select id from hidden)
), consents as (
    delete from oauth_consents where user_id in (select id from hidden)
)
select count(*) from hidden
