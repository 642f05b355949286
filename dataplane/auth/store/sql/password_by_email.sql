select u.id, coalesce(u.encrypted_password, ''), u.email_confirmed_at is not null,
    coalesce(u.banned_until > now(), false)
from users u
where u.email = $1 and u.is_sso_user = false and u.deleted_at is null
