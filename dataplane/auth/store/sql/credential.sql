-- $1 email or "", $2 phone or "". Users of SSO have no password here.
select u.id, coalesce(u.encrypted_password, ''), u.email_confirmed_at is not null, u.phone_confirmed_at is not null,
    coalesce(u.banned_until > now(), false)
from users u
where (u.email = nullif($1::text, '') or u.phone = nullif($2::text, '')) and not u.is_sso_user and u.deleted_at is null
