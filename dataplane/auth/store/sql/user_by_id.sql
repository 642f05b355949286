select u.id, coalesce(u.aud, ''), coalesce(u.role, ''), coalesce(u.email, ''), coalesce(u.phone, ''),
    coalesce(u.encrypted_password, ''), u.email_confirmed_at, u.phone_confirmed_at, u.confirmation_sent_at,
    u.last_sign_in_at, u.banned_until, coalesce(u.raw_app_meta_data, '{}'), coalesce(u.raw_user_meta_data, '{}'),
    u.is_anonymous, u.created_at, u.updated_at,
    (select coalesce(jsonb_agg(jsonb_build_object(
        'identity_id', i.id,
        'id', i.provider_id,
        'user_id', i.user_id,
        'identity_data', i.identity_data,
        'provider', i.provider,
        'last_sign_in_at', to_char(i.last_sign_in_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'created_at', to_char(i.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'updated_at', to_char(i.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'email', i.email) order by i.created_at, i.id), '[]')
     from identities i where i.user_id = u.id),
    u.recovery_sent_at, u.invited_at, coalesce(u.email_change, ''), coalesce(u.phone_change, ''), u.email_change_sent_at, u.phone_change_sent_at,
    u.reauthentication_sent_at, coalesce(u.email_change_confirm_status, 0), u.is_sso_user, u.deleted_at,
    (select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'id', f.id,
        'friendly_name', nullif(f.friendly_name, ''),
        'factor_type', f.factor_type,
        'status', f.status,
        'phone', f.phone,
        'created_at', to_char(f.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'updated_at', to_char(f.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))) order by f.created_at, f.id), '[]')
     from mfa_factors f where f.user_id = u.id)
from users u
where u.id = $1 and u.deleted_at is null
