-- $1 user, whose address nobody has proved, and whom the provider's user is to become. Whoever made the account has no way into it any more: nor by
-- a password, another identity, a second factor, a passkey, a code, or an app that was let in. What they said of themselves goes too, unless the project
-- said it by an invitation.
with cleared as (
    update users set encrypted_password = '', phone = null, phone_confirmed_at = null, phone_change = '', phone_change_token = '', email_change = '',
        email_change_token_new = '', email_change_token_current = '', email_change_confirm_status = 0, confirmation_token = '', recovery_token = '',
        reauthentication_token = '', email_confirmed_at = now(), is_anonymous = false,
        raw_user_meta_data = case when invited_at is not null and coalesce(encrypted_password, '') = '' then raw_user_meta_data else '{}' end,
        updated_at = clock_timestamp()
    where id = $1::uuid
), identities_gone as (
    delete from identities where user_id = $1::uuid
), factors_gone as (
    delete from mfa_factors where user_id = $1::uuid
), passkeys_gone as (
    delete from webauthn_credentials where user_id = $1::uuid
), challenges_gone as (
    delete from webauthn_challenges where user_id = $1::uuid
), codes_gone as (
    delete from one_time_tokens where user_id = $1::uuid
), flows_gone as (
    delete from flow_state where user_id = $1::uuid or linking_target_id = $1::uuid
), authorizations_gone as (
    delete from oauth_authorizations where user_id = $1::uuid
)
delete from oauth_consents where user_id = $1::uuid
